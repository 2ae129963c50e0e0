"""Several files read at the same time, one piece of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

_T = TypeVar("_T")


def abreast(iterators: Sequence[Iterator[_T]], threads: int) -> Iterator[list[_T]]:
    """Like ``zip`` with ``strict=True``, but the iterators are advanced by several threads.

    Parameters
    ----------
    iterators
        Each is advanced by one thread only, and never before all items of the row before were given back.
        None of their items may be None.
    threads
        How many, that of the caller among them.

    Yields
    ------
    list
        One item of each.

    Raises
    ------
    ValueError
        When one ends before another.

    Notes
    -----
    Worth it for iterators that spend their time outside of Python's lock, as reading and hashing do.

    Examples
    --------
    >>> list(abreast([iter("ab"), iter("cd"), iter("ef")], 2))
    [['a', 'c', 'e'], ['b', 'd', 'f']]
    """
    threads = max(1, min(threads, len(iterators)))
    bounds = [len(iterators) * i // threads for i in range(threads + 1)]
    own, *others = [iterators[start:stop] for start, stop in pairwise(bounds)]
    # Without others it starts no thread.
    with ThreadPoolExecutor(max(1, len(others))) as helpers:
        while True:
            running = [helpers.submit(_advance, other) for other in others]
            row = _advance(own)
            for future in running:
                row += future.result()
            items = [item for item in row if item is not None]
            if len(items) < len(row) or not row:
                if items:
                    raise ValueError("one of them ends before the others")
                return
            yield items


def _advance(iterators: Sequence[Iterator[_T]]) -> list[_T | None]:
    return [next(iterator, None) for iterator in iterators]
