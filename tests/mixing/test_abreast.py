from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from soupwidgets.mixing.abreast import abreast


@pytest.mark.parametrize("threads", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_rows_are_those_of_zip(count: int, threads: int) -> None:
    lists = [[f"{i}-{j}" for j in range(20)] for i in range(count)]
    rows = [tuple(row) for row in abreast([iter(one) for one in lists], threads)]
    assert rows == list(zip(*lists, strict=True))


def test_they_are_advanced_at_the_same_time() -> None:
    meeting = threading.Barrier(2)

    def waits_for_the_other() -> Iterator[int]:
        meeting.wait(timeout=20)
        yield threading.get_ident()

    ((here, there),) = abreast([waits_for_the_other(), waits_for_the_other()], 2)
    assert here == threading.get_ident() != there


def test_none_is_advanced_before_its_row_was_used() -> None:
    used = 0

    def asks() -> Iterator[int]:
        for i in range(50):
            assert used == i
            yield i

    for _ in abreast([asks() for _ in range(4)], 3):
        used += 1
    assert used == 50


@pytest.mark.parametrize("place", [0, 3])
def test_what_one_raises_is_raised_and_no_thread_stays(place: int) -> None:
    def breaks() -> Iterator[int]:
        yield 0
        raise OSError("the disk is gone")

    before = threading.active_count()
    iterators = [iter(range(9)) if i != place else breaks() for i in range(4)]
    with pytest.raises(OSError, match="the disk is gone"):
        list(abreast(iterators, 2))
    assert threading.active_count() == before


def test_who_leaves_early_leaves_no_thread() -> None:
    before = threading.active_count()
    rows = abreast([iter(range(9)), iter(range(9))], 2)
    assert next(rows) == [0, 0]
    del rows
    assert threading.active_count() == before


@pytest.mark.parametrize("lengths", [(3, 4), (4, 3)])
def test_one_that_ends_before_the_others(lengths: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="ends before"):
        list(abreast([iter(range(length)) for length in lengths], 2))
