"""The next batch is gathered while the device computes the last one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Prefetch(Generic[_T]):
    """Gathers consecutive batches, one ahead.

    Parameters
    ----------
    gather
        Returns the examples from ``start`` to ``stop``; called by a thread of its own.
    total
        How many examples there are.

    Examples
    --------
    >>> asked = []
    >>> ahead = Prefetch(lambda start, stop: asked.append((start, stop)) or list(range(start, stop)), 8)
    >>> ahead(0, 3), ahead(3, 6), ahead(1, 2)
    ([0, 1, 2], [3, 4, 5], [1])
    >>> asked
    [(0, 3), (3, 6), (6, 8), (1, 2)]
    """

    def __init__(self, gather: Callable[[int, int], _T], total: int) -> None:
        self._gather, self._total = gather, total
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="soupwidgets-prefetch")
        self._next: tuple[tuple[int, int], Future[_T]] | None = None

    def __call__(self, start: int, stop: int) -> _T:
        """The examples from ``start`` to ``stop``; as many after them are gathered next."""
        waiting, self._next = self._next, None
        expected = waiting is not None and waiting[0] == (start, stop)
        found = waiting[1].result() if waiting is not None and expected else self._ask(start, stop).result()
        following = (stop, min(2 * stop - start, self._total))
        # A batch that nobody expected begins or ends a pass, or comes from somebody else's.
        if stop < self._total and (expected or start == 0):
            self._next = following, self._ask(*following)
        return found

    def _ask(self, start: int, stop: int) -> Future[_T]:
        return self._thread.submit(self._gather, start, stop)
