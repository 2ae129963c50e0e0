"""Whose batch is next, when many measure with the same evaluator."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Whether it can wait, how many examples of it were measured already, and when it was begun: less comes first.
_Turn = tuple[bool, int, int]
_AT_ONCE: _Turn = (False, -1, 0)
# So often a thread that waits looks whether its owner wants something else by now.
_LOOKS = 0.05

_thread = threading.local()


@contextmanager
def meanwhile(*, background: bool = True, until: Callable[[], bool] | None = None) -> Iterator[None]:
    """Say how urgent is what this thread measures within the block.

    Parameters
    ----------
    background
        Whether nobody waits for it: then everybody else comes first.
    until
        When this returns true while the thread waits for its turn, somebody waits for the thread: it comes next.
    """
    before = getattr(_thread, "how", (False, None))
    _thread.how = background, until
    try:
        yield
    finally:
        _thread.how = before


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
        self._waiting: dict[int, _Turn] = {}
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
    def of(self, seen: int, number: int = 0) -> Iterator[None]:
        """Hold it for the next batch of a measurement.

        Parameters
        ----------
        seen
            How many examples of it were measured.
        number
            Of those that are as far, the one with the lowest number comes first: an answer that needs many batches is
            complete before the next one is begun.
        """
        background, until = getattr(_thread, "how", (False, None))
        self._take((background, seen, number), until)
        try:
            yield
        finally:
            self.__exit__()

    def _take(self, turn: _Turn, until: Callable[[], bool] | None = None) -> None:
        me = threading.get_ident()
        with self._changed:
            if self._owner != me:
                # Among equals the first to come.
                ticket = next(self._number)
                self._waiting[ticket] = turn
                try:
                    while not self._is_next(ticket):
                        self._changed.wait(None if until is None else _LOOKS)
                        if until is not None and until():
                            self._waiting[ticket], until = _AT_ONCE, None
                finally:
                    del self._waiting[ticket]
                self._owner = me
            self._depth += 1

    def _is_next(self, ticket: int) -> bool:
        return self._owner is None and min(self._waiting, key=lambda one: (self._waiting[one], one)) == ticket
