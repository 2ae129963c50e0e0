"""Names at the ends of lines and beside points, in their colours: what a legend would say, where it is seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log10
from typing import Any

from soupwidgets.figures.colours import GREY, INK, ORANGE, PALE, PURPLE, SKY
from soupwidgets.figures.labels import label_positions

# More names than these are a legend's work.
MOST = 6
_LONGEST = 18
# Width of a letter in pixels; height of a line, and width of a letter, as shares of the axes.
_LETTER, _LINE, _WIDE = 6.6, 0.055, 0.012
# Lines this long are no obstacle to names: they would be everywhere.
_OBSTACLE = 30
# What is too pale to read has a darker shade of its colour.
_READABLE = {PALE: GREY, ORANGE: "#996900", PURPLE: "#A2527E", SKY: "#1F7FB8"}


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
    rows = [one for one in known if isinstance(one[2], str)]
    ends = [one for one in known if one[0].at is None and one not in rows]
    beside = [one for one in known if one[0].at is not None and one not in rows]
    written = [*_above(rows, data, layout), *_at_ends(ends, data, layout), *_beside(beside, data, layout)]
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
    if not points:
        return []
    axes = [layout.get(f"{side}axis", {}) for side in "xy"]
    (left, right), (bottom, top) = (_reach(side, data, layout) for side in "xy")
    lines = [t for t in data if "lines" in t.get("mode", "") and len(t["x"]) <= _OBSTACLE and t.get("fill") is None]
    around = [
        (_scaled(x, axes[0]), _scaled(y, axes[1])) for t in lines for x, y in zip(t["x"], t["y"], strict=True)
        if _number(x) and _number(y)
    ]  # fmt: skip
    places = [(_scaled(x, axes[0]), _scaled(y, axes[1])) for _, x, y in points]
    every = [*places, *around, (left, bottom), (right, top)]
    names = [_cut(one.text) for one, _, _ in points]
    where = label_positions([x for x, _ in every], [y for _, y in every], names, corners=True)
    written = []
    for (one, x, y), (across, _), name, position in zip(points, places, names, where, strict=False):
        width, at = _WIDE * len(name), (across - left) / (right - left or 1.0)
        # Never beyond an end of the axis.
        side = "left" if at + width > 1 else "right" if at - width < 0 else position.split()[1]
        written.append((one, x, y, f"{position.split()[0]} {side}"))
    return written


def _above(rows: list[Any], data: Any, layout: Mapping[str, Any]) -> list[tuple[Label, float, str, str]]:
    """Names above the marks of the first row."""
    if not rows:
        return []
    left, right = _reach("x", data, layout)
    widths = [(len(_cut(one.text)) + 2) * _WIDE * (right - left) for one, _, _ in rows]
    at = spread([x for _, x, _ in rows], widths, left, right)
    return [(one, x, y, "top center") for (one, _, y), x in zip(rows, at, strict=True)]


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
