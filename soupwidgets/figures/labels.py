"""Names beside points: where to write them so that they lie over each other as little as possible."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import cos, hypot, pi, sin

# Sizes of a figure in pixels that the names should fit: on a telephone, in a notebook, in a room.
_SIZES = ((275, 135), (310, 250), (440, 380), (700, 480))
_LETTER, _HALF_LINE, _MARK = 6.8, 8.0, 9.0
# As shares of the axes: the width of a letter, half a line, and the distance of a label from its point.
_SHARE, _HALF, _BESIDE = 0.014, 0.018, 0.035
# How much worse it is to leave the axes than to cover something, beside half a line of it.
_OUT = 0.03
# Neither straight up nor straight aside: there are the error bars.
_WAYS = [(r * cos(a * pi / 16), r * sin(a * pi / 16)) for r in (4, 16, 34, 56, 80) for a in range(1, 32, 2)]


def label_offsets(x: Sequence[float], y: Sequence[float], labels: Sequence[str]) -> list[tuple[float, float]]:
    """Find for each point how far from it to write its name, in pixels to the right and up.

    Parameters
    ----------
    x, y
        Places in shares (0..1) of the axes as they are drawn.
    labels
        What is written, in one line.

    Returns
    -------
    list[tuple[float, float]]
        From each point to the middle of its name. A name that is not beside its point wants a line to it.

    Examples
    --------
    >>> (a, _), (b, _) = label_offsets([0.5, 0.52], [0.5, 0.5], ["left", "right"])
    >>> a < 0 < b
    True
    """
    return list(_offsets(tuple(zip(x, y, strict=True)), tuple(labels)))


# The same for every choice in an explorer, and half a second of work.
@lru_cache(maxsize=64)
def _offsets(points: tuple[tuple[float, float], ...], labels: tuple[str, ...]) -> tuple[tuple[float, float], ...]:
    options = [[_beyond(way, _LETTER * len(label) / 2) for way in _WAYS] for label in labels]
    widths = [_LETTER * len(label) / 2 for label in labels]
    near = {i: sum(hypot(a - p, b - q) < 0.2 for p, q in points) for i, (a, b) in enumerate(points)}
    # Who has the most neighbours chooses first; then all choose again, knowing the others.
    order = sorted(near, key=lambda i: -near[i])
    found: dict[int, tuple[float, float]] = {}
    for _ in range(3):
        for i in order:
            found[i] = min(options[i], key=lambda way: _crowd(i, way, points, widths, found))
    return tuple(found[i] for i in range(len(points)))


def _beyond(way: tuple[float, float], half: float) -> tuple[float, float]:
    """Go so far in a direction that the name stands clear of its mark."""
    a, b = way
    length = hypot(a, b)
    # The nearer of the two sides of the name's box that the line to it can leave through.
    inside = min(half / abs(a / length) if a else 1e9, _HALF_LINE / abs(b / length) if abs(b) > 1e-9 else 1e9)
    reach = length + inside + _MARK
    return reach * a / length, reach * b / length


def _crowd(
    i: int,
    way: tuple[float, float],
    points: Sequence[tuple[float, float]],
    widths: Sequence[float],
    found: dict[int, tuple[float, float]],
) -> float:
    """Say how bad it is to write a name there: what it covers, what its line crosses, and how far away it is."""
    # A little for every pixel of distance, so that of two free places the nearer one is taken.
    cost = 2.0 * hypot(way[0] / 3, way[1])
    for width, height in _SIZES:
        at = [(a * width, b * height) for a, b in points]
        own = (at[i][0] + way[0], at[i][1] + way[1])
        out = max(0.0, widths[i] - own[0], own[0] + widths[i] - width) + max(0.0, -own[1], own[1] - height)
        cost += 40 * out
        line = [(at[i][0] + t * way[0], at[i][1] + t * way[1]) for t in (0.3, 0.5, 0.7)]
        for j, (a, b) in enumerate(at):
            if j == i:
                continue
            cost += _shared(own, (a, b), widths[i] + _MARK, _HALF_LINE + _MARK)
            cost += sum(60.0 for p, q in line if hypot(p - a, q - b) < _MARK)
            if j in found:
                other = (a + found[j][0], b + found[j][1])
                cost += 6 * _shared(own, other, widths[i] + widths[j] + 4, 2 * _HALF_LINE)
                cost += sum(60.0 for p in line if _shared(p, other, widths[j], _HALF_LINE))
    return cost


def _shared(one: tuple[float, float], other: tuple[float, float], wide: float, high: float) -> float:
    return max(0.0, wide - abs(one[0] - other[0])) * max(0.0, high - abs(one[1] - other[1]))


def label_positions(
    x: Sequence[float],
    y: Sequence[float],
    labels: Sequence[str],
    ends: tuple[tuple[float, float], tuple[float, float]] | None = None,
) -> list[str]:
    """Choose at which corner of each point its label stands, so that they overlap as little as possible.

    At the corners no error bar runs through them.

    Parameters
    ----------
    x, y
        Coordinates on the axes as they are drawn.
    labels
        The label texts of the first points; all others are only in the way.
    ends
        Of the horizontal and of the vertical axis; those of the points when None.

    Returns
    -------
    list[str]
        A plotly ``textposition`` for each, within the ends of the horizontal axis if it can be. Points are taken in
        order, and each gets the least crowded position.

    Examples
    --------
    >>> label_positions([0.5, 1, 0.51], [0.5, 1, 0.51], ["here", "at the end", "near"])
    ['bottom right', 'top left', 'top right']
    """
    (left, right), (bottom, top) = ends or ((min(x), max(x)), (min(y), max(y)))
    places = [
        ((a - left) / (right - left or 1.0), (b - bottom) / (top - bottom or 1.0)) for a, b in zip(x, y, strict=True)
    ]
    taken = [(a, b, 0.015, 0.02) for a, b in places]
    found = []
    for (a, b), label in zip(places, labels, strict=False):
        width = _SHARE * len(label) / 2
        aside = width + _BESIDE / 3
        options = {
            f"{row} {side}": (a + way * aside, b + up * _BESIDE)
            for row, up in (("top", 1), ("bottom", -1))
            for side, way in (("right", 1), ("left", -1))
        }
        crowd = {
            name: _OUT * max(0.0, width - p, p + width - 1)
            + round(sum(max(0.0, width + w - abs(p - s)) * max(0.0, _HALF + h - abs(q - t)) for s, t, w, h in taken), 6)
            for name, (p, q) in options.items()
        }
        best = min(crowd, key=lambda name: crowd[name])
        taken.append((*options[best], width, _HALF))
        found.append(best)
    return found
