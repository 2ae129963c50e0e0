from __future__ import annotations

import threading
from pathlib import Path

import pytest

from soupwidgets import Evaluator, Pool, Store, Suite, wise_ft
from soupwidgets.evaluation import meanwhile
from soupwidgets.evaluation.turns import Turns


def in_turn(asking: list[tuple[str, int, bool]]) -> list[str]:
    """Have threads ask one after the other while the lock is held, and see in which order they get it."""
    turns, got = Turns(), list[str]()

    def ask(name: str, seen: int, background: bool) -> None:
        if background:
            with meanwhile(), turns.of(seen):
                got.append(name)
        else:
            with turns.of(seen):
                got.append(name)

    threads = [threading.Thread(target=ask, args=one) for one in asking]
    with turns:
        for number, thread in enumerate(threads, start=1):
            thread.start()
            while len(turns._waiting) < number:
                pass
    for thread in threads:
        thread.join(10)
    return got


def test_coarse_answers_come_before_exact_ones_and_both_before_what_nobody_waits_for() -> None:
    asking = [("fill", 0, True), ("exact", 9000, False), ("coarse", 64, False), ("new", 0, False), ("later", 64, False)]
    assert in_turn(asking) == ["new", "coarse", "later", "exact", "fill"]


@pytest.mark.parametrize("background", [True, False])
def test_who_is_waited_for_comes_next(background: bool) -> None:
    turns, got, wanted = Turns(), list[str](), threading.Event()

    def slow() -> None:
        with meanwhile(background=background, until=wanted.is_set), turns.of(9000):
            got.append("slow")

    def busy(name: str) -> None:
        with turns.of(0):
            got.append(name)

    threads = [threading.Thread(target=slow), *(threading.Thread(target=busy, args=(name,)) for name in "ab")]
    with turns:
        for number, thread in enumerate(threads, start=1):
            thread.start()
            while len(turns._waiting) < number:
                pass
        wanted.set()
        while (False, -1, 0) not in turns._waiting.values():
            pass
    for thread in threads:
        thread.join(10)
    assert got == ["slow", "a", "b"]


def test_the_thread_that_holds_it_takes_it_again() -> None:
    turns = Turns()
    with turns, turns.of(5), turns:
        assert turns._depth == 3
    assert turns._owner is None


def test_an_error_gives_it_back() -> None:
    turns = Turns()
    with pytest.raises(ValueError), turns.of(3):
        raise ValueError
    assert in_turn([("next", 0, False)]) == ["next"]
    with turns:
        assert turns._depth == 1


def test_nobody_waits_for_another_ones_exact_answer(
    tiny_pool: Pool, small_suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ev = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "store"))
    ev.warm_up("zero-shot")
    # Some visitors who each ask for another recipe, all at once: what is measured next is noted.
    order, real = [], ev.computation._outputs
    monkeypatch.setattr(
        ev.computation, "_outputs", lambda r, run, *a, **k: (order.append((run.seen, r)), real(r, run, *a, **k))[1]
    )
    recipes = [wise_ft(tiny_pool, "ft-a", alpha) for alpha in (0.2, 0.4, 0.6, 0.8)]
    started = threading.Barrier(len(recipes))

    def visit(recipe: object) -> None:
        started.wait()
        for _ in ev.stream(recipe):  # type: ignore[arg-type]
            pass

    threads = [threading.Thread(target=visit, args=(recipe,)) for recipe in recipes]
    with ev.computation.lock:
        for thread in threads:
            thread.start()
        while len(ev.computation.lock._waiting) < len(recipes):
            pass
    for thread in threads:
        thread.join(60)
    # Everybody's first images of all splits are measured before anybody's last ones.
    firsts = max(number for number, (seen, _) in enumerate(order) if seen == 0)
    lasts = min(number for number, (seen, _) in enumerate(order) if seen >= 320)
    assert {recipe for _, recipe in order} == set(recipes)
    assert firsts < lasts
