"""Names at the ends of lines and beside points, in their colours: what a legend would say, where it is seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot, isfinite, log10
from typing import Any

from soupwidgets.figures.colours import GREEN, GREY, INK, ORANGE, PALE, PURPLE, SKY, VERMILLION
from soupwidgets.figures.labels import label_positions

# More names than these are a legend's work.
MOST = 6
_LONGEST = 18
# Width of a letter in pixels; height of a line as a share of the axis.
_LETTER, _LINE = 6.6, 0.055
# Lines of more points than these are no obstacle to names: they would be everywhere.
_OBSTACLE = 30
# Distance of places on a line that names keep off, as a share of the axes.
_PIECE = 0.03
# What is too pale to read on white (contrast below 4.5) has a darker shade; the dark palette of panels knows these.
_READABLE = {
    PALE: GREY, VERMILLION: "#B85000", GREEN: "#007A59", ORANGE: "#8F6200", PURPLE: "#A2527E", SKY: "#0F6FA3",
}  # fmt: skip


@dataclass(frozen=True)
class Label:
    """What is written at one point of a trace; at the end of its line when ``at`` is None."""

    trace: dict[str, Any]
    text: str
    at: int | None


def room_beside(labels: Sequence[Label]) -> int:
    """Pixels that the names at the ends of lines need to the right of the axes."""
    return int(16 + _LETTER * max((len(_cut(one.text)) for one in labels if one.at is None), default=0))


def names_trace(
    labels: Sequence[Label], data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]
) -> dict[str, Any]:
    """The names as one trace that draws nothing else; they lie over each other as little as possible."""
    placed = [(one, *_place(one)) for one in labels]
    known = [(one, x, y) for one, x, y in placed if x is not None and y is not None]
    ends, beside = ([one for one in known if (one[0].at is None) == at_end] for at_end in (True, False))
    written = [*_at_ends(ends, data, layout), *_beside(beside, data, layout)]
    return {
        "type": "scatter",
        "uid": "names",
        "mode": "markers+text",
        "x": [x for _, x, _, _ in written] or [None],
        "y": [y for _, _, y, _ in written] or [None],
        "text": [_cut(one.text) for one, _, _, _ in written],
        "textposition": [where for _, _, _, where in written],
        "textfont": {"color": [_colour(one.trace) for one, _, _, _ in written]},
        # These draw nothing, and keep the names off what is there.
        "marker": {"size": 9, "opacity": 0},
        "cliponaxis": False,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def spread(values: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Move values apart as little as possible, so that things of these sizes around them do not overlap.

    Parameters
    ----------
    values, sizes
        Where things would like to be, and how large they are.
    low, high
        Where the first may begin and the last may end, if there is room for all.

    Examples
    --------
    >>> spread([5.0, 1.0, 5.0], [2.0, 2.0, 2.0], 0.0, 10.0)
    [4.0, 1.0, 6.0]
    >>> spread([9.5, 9.5], [2.0, 2.0], 0.0, 10.0)
    [7.0, 9.0]
    """
    order = sorted(range(len(values)), key=lambda i: values[i])
    before = [sum(sizes[j] for j in order[:k]) + sizes[i] / 2 for k, i in enumerate(order)]
    # With what lies before each taken off, they need only be in order: means of what is not (isotonic regression).
    blocks: list[list[float]] = []
    for i, offset in zip(order, before, strict=True):
        blocks.append([values[i] - offset])
        while len(blocks) > 1 and _mean(blocks[-2]) > _mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    starts = [_mean(block) for block in blocks for _ in block]
    latest = max(high - sum(sizes), low)
    found = dict(zip(order, (min(max(s, low), latest) + b for s, b in zip(starts, before, strict=True)), strict=True))
    return [found[i] for i in range(len(values))]


def _mean(block: Sequence[float]) -> float:
    return sum(block) / len(block)


def _at_ends(ends: list[Any], data: Any, layout: Mapping[str, Any]) -> list[tuple[Label, Any, float, str]]:
    axis = layout.get("yaxis", {})
    low, high = _reach("y", data, layout)
    heights = [(1 + one.text.count("\n")) * _LINE * (high - low) for one, _, _ in ends]
    at = spread([_scaled(y, axis) for _, _, y in ends], heights, low, high)
    log = axis.get("type") == "log"
    return [(one, x, 10**y if log else y, "middle right") for (one, x, _), y in zip(ends, at, strict=True)]


def _beside(points: list[Any], data: Any, layout: Mapping[str, Any]) -> list[tuple[Label, Any, Any, str]]:
    axes = [layout.get(f"{side}axis", {}) for side in "xy"]
    ends = _reach("x", data, layout), _reach("y", data, layout)
    lines = [t for t in data if "lines" in t.get("mode", "") and len(t["x"]) <= _OBSTACLE and t.get("fill") is None]
    around = [place for line in lines for place in _along(line, axes, ends)]
    places = [(_scaled(x, axes[0]), _scaled(y, axes[1])) for _, x, y in points]
    x, y = ([place[i] for place in [*places, *around]] for i in (0, 1))
    where = label_positions(x, y, [_cut(one.text) for one, _, _ in points], ends)
    return [(one, x, y, position) for (one, x, y), position in zip(points, where, strict=True)]


def _along(line: Mapping[str, Any], axes: Sequence[Any], ends: Sequence[tuple[float, float]]) -> list[Any]:
    """Places on a line so near to each other that no name fits between them."""
    every = zip(line["x"], line["y"], strict=True)
    known = [(_scaled(x, axes[0]), _scaled(y, axes[1])) for x, y in every if _number(x) and _number(y)]
    found = known[-1:]
    for (a, b), (c, d) in pairwise(known):
        length = hypot(*((q - p) / (high - low or 1.0) for p, q, (low, high) in ((a, c, ends[0]), (b, d, ends[1]))))
        pieces = min(int(length / _PIECE) + 1, _OBSTACLE)
        found += [(a + (c - a) * i / pieces, b + (d - b) * i / pieces) for i in range(pieces)]
    return found


def _place(label: Label) -> tuple[Any, Any]:
    x, y = list(label.trace["x"]), list(label.trace["y"])
    if label.at is not None:
        return (x[label.at], y[label.at]) if label.at < len(x) else (None, None)
    return next(((a, b) for a, b in zip(reversed(x), reversed(y), strict=True) if _number(b)), (None, None))


def _reach(side: str, data: Iterable[Mapping[str, Any]], layout: Mapping[str, Any]) -> tuple[float, float]:
    axis = layout.get(f"{side}axis", {})
    if axis.get("range"):
        low, high = axis["range"]
        return float(low), float(high)
    known = [_scaled(v, axis) for trace in data for v in trace.get(side, ()) if _number(v)]
    return (min(known), max(known)) if known else (0.0, 1.0)


def _scaled(value: float, axis: Mapping[str, Any]) -> float:
    return log10(value) if axis.get("type") == "log" and value > 0 else float(value)


def _number(value: Any) -> bool:
    return value is not None and not isinstance(value, str) and isfinite(value)


def _colour(trace: Mapping[str, Any]) -> str:
    colour = trace.get("line", {}).get("color") or trace.get("marker", {}).get("color")
    return _READABLE.get(colour, colour) if isinstance(colour, str) else INK


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "\u2026"
