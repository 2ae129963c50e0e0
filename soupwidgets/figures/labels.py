"""Names beside points: where to write them so that they lie over each other as little as possible."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations, product
from math import cos, hypot, pi, sin
from typing import Any

from soupwidgets.figures.colours import GREY

# Sizes of a figure in pixels that the names should fit: on a telephone, in a notebook, in a room.
_SIZES = ((275, 135), (310, 250), (440, 380), (700, 480))
_LETTER, _HALF_LINE, _MARK = 6.8, 8.0, 9.0
# Where plotly writes at the corner of a small mark: pixels from its middle to the text, and up to the text's middle.
_ASIDE, _UP = 6.6, 12.0
# Half the size of what is in the way of names, in pixels, and how much worse a pixel beyond the axes is than one that
# covers something.
_POINT, _OUT = 4.0, 32.0
# To the right or left, and up or down.
_CORNERS = ((1, 1), (-1, 1), (1, -1), (-1, -1))
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


def named_points(
    names: Sequence[str], x: Sequence[float], y: Sequence[float], ends: tuple[tuple[float, float], tuple[float, float]]
) -> list[dict[str, Any]]:
    """Plotly's annotations that write names beside points, as far from each other as can be, with lines to them.

    Parameters
    ----------
    names, x, y
        What is written, and where the points are.
    ends
        Of the horizontal and of the vertical axis.
    """
    across_axis, up_axis = (
        [(v - low) / (high - low) for v in values] for values, (low, high) in zip((x, y), ends, strict=True)
    )
    return [
        {
            "x": a, "y": b, "text": name, "ax": across, "ay": -up,
            "showarrow": True, "arrowhead": 0, "arrowwidth": 1, "arrowcolor": GREY, "standoff": 8, "borderpad": 0,
        }
        for name, a, b, (across, up) in zip(names, x, y, label_offsets(across_axis, up_axis, names), strict=True)
    ]  # fmt: skip


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
        order, and each gets the least crowded position in figures of several sizes.

    Examples
    --------
    >>> label_positions([0.5, 1, 0.51], [0.5, 1, 0.51], ["here", "at the end", "near"])
    ['bottom right', 'top left', 'top right']
    """
    (left, right), (bottom, top) = ends or ((min(x), max(x)), (min(y), max(y)))
    places = [
        ((a - left) / (right - left or 1.0), (b - bottom) / (top - bottom or 1.0)) for a, b in zip(x, y, strict=True)
    ]
    halves = [_LETTER * len(label) / 2 for label in labels]
    alone = [[_covered(i, corner, half, places) for corner in _CORNERS] for i, half in enumerate(halves)]
    together = {
        (i, j): found
        for i, j in combinations(range(len(halves)), 2)
        if any(map(any, found := _over_each_other((places[i], places[j]), (halves[i], halves[j]))))
    }
    near: list[list[tuple[int, Sequence[Sequence[float]]]]] = [[] for _ in halves]
    for (i, j), found in together.items():
        near[i].append((j, found))
        near[j].append((i, [*zip(*found, strict=True)]))
    chosen: dict[int, int] = {}

    def cost(i: int, corner: int, but: int = -1) -> float:
        others = (found[corner][chosen[j]] for j, found in near[i] if j in chosen and j != but)
        return alone[i][corner] + sum(others)

    for i in range(len(halves)):
        chosen[i] = min(range(4), key=lambda corner: round(cost(i, corner), 3))
    # One of two that are in each other's way may have no better place until the other has moved: both choose together.
    for (i, j), found in [*together.items()] * 2:
        chosen[i], chosen[j] = min(
            [(chosen[i], chosen[j]), *product(range(4), repeat=2)],
            key=lambda both: round(cost(i, both[0], j) + cost(j, both[1], i) + found[both[0]][both[1]], 3),
        )
    corners = [_CORNERS[corner] for corner in chosen.values()]
    return [f"{'top' if up > 0 else 'bottom'} {'right' if way > 0 else 'left'}" for way, up in corners]


def _covered(i: int, corner: tuple[int, int], half: float, places: Sequence[tuple[float, float]]) -> float:
    """How many marks a name covers at this corner of its own, and how far it leaves the axes, at several sizes."""
    cost = 0.0
    for width, height in _SIZES:
        x, y = places[i][0] * width + corner[0] * (_ASIDE + half), places[i][1] * height + corner[1] * _UP
        cost += _OUT * max(0.0, half - x, x + half - width)
        cost += sum(_shared((x, y), (a * width, b * height), half + _POINT, _HALF_LINE + _POINT) for a, b in places)
    return cost


def _over_each_other(
    places: tuple[tuple[float, float], tuple[float, float]], halves: tuple[float, float]
) -> list[list[float]]:
    """What two names share, by the corner of the first and by that of the second; empty where they are far apart."""
    (a, b), (c, d) = places
    smallest = _SIZES[0]
    if abs(c - a) * smallest[0] > 2 * (_ASIDE + sum(halves)) or abs(d - b) * smallest[1] > 2 * (_UP + _HALF_LINE):
        return []
    apart = [((c - a) * width, (d - b) * height) for width, height in _SIZES]
    moves = [[(way * (_ASIDE + half), up * _UP) for way, up in _CORNERS] for half in halves]
    return [
        [sum(2 * _shared(one, (x + p, y + q), sum(halves), 2 * _HALF_LINE) for x, y in apart) for p, q in moves[1]]
        for one in moves[0]
    ]
