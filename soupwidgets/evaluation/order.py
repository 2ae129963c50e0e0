"""The order in which points of a line or a grid are measured."""

from __future__ import annotations

from collections.abc import Iterator


def coarse_to_fine(count: int) -> Iterator[int]:
    """The order in which to visit the points of a line: the ends first, then finer and finer.

    A curve can be drawn as soon as there are two points, and each new one halves the largest gap.

    Examples
    --------
    >>> list(coarse_to_fine(5))
    [0, 4, 2, 1, 3]
    """
    gaps = [(0, count - 1)]
    yield 0
    if count > 1:
        yield count - 1
    while gaps:
        low, high = gaps.pop(0)
        if high - low > 1:
            middle = (low + high) // 2
            yield middle
            gaps += [(low, middle), (middle, high)]
