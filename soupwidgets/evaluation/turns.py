"""Whose batch is next, when many measure with the same evaluator."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Whether somebody waits for it, and how many examples of it were measured already: less comes first.
Turn = tuple[bool, int]
_AT_ONCE: Turn = (False, -1)

_thread = threading.local()


@contextmanager
def meanwhile() -> Iterator[None]:
    """Mark what this thread measures within the block as something that nobody waits for: others come first."""
    before = getattr(_thread, "meanwhile", False)
    _thread.meanwhile = True
    try:
        yield
    finally:
        _thread.meanwhile = before


class Turns:
    """A lock that goes to the one who needs it most, and may be taken again by the thread that holds it.

    Coarse answers come before exact ones, whoever asks for them: a measurement of which few examples were seen goes
    before one of which many were, so of many that ask at once none waits for another's exact answer.

    Examples
    --------
    >>> turns = Turns()
    >>> with turns, turns.of(320):
    ...     "taken twice"
    'taken twice'
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[Turn, int]] = []
        self._number = itertools.count()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        self._take(_AT_ONCE)

    def __exit__(self, *_error: object) -> None:
        with self._changed:
            self._depth -= 1
            if not self._depth:
                self._owner = None
                self._changed.notify_all()

    @contextmanager
    def of(self, seen: int) -> Iterator[None]:
        """Hold it for the next batch of a measurement of which so many examples were seen."""
        self._take((getattr(_thread, "meanwhile", False), seen))
        try:
            yield
        finally:
            self.__exit__()

    def _take(self, turn: Turn) -> None:
        me = threading.get_ident()
        with self._changed:
            if self._owner != me:
                # Among equals the first to come.
                entry = turn, next(self._number)
                heapq.heappush(self._waiting, entry)
                try:
                    self._changed.wait_for(lambda: self._owner is None and self._waiting[0] == entry)
                finally:
                    self._waiting.remove(entry)
                    heapq.heapify(self._waiting)
                self._owner = me
            self._depth += 1
