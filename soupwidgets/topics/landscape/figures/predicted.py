"""What tells predicted heights from measured ones in a figure of a plane: hatching, hover and words."""

from __future__ import annotations

import math
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from soupwidgets.topics.landscape.figures.plane import DARK, height_of
from soupwidgets.topics.landscape.height import Quantity
from soupwidgets.topics.landscape.plane import Landscape

_NAME = "predicted, not measured"


def hatching(landscape: Landscape, number: int = 0, **more: Any) -> list[dict[str, Any]]:
    """The trace that hatches the surroundings of models that are not measured yet; none once all are.

    Parameters
    ----------
    number
        Of the picture, where a figure has several.
    **more
        Of the trace.
    """
    if landscape.known.all():
        return []
    x, y = _cells(landscape)
    # The ground is paler, too: no line is dark enough for the darkest heights.
    lines = {"fgcolor": DARK, "fgopacity": 0.7, "size": 9, "solidity": 0.12}
    look = {"shape": "/", "bgcolor": "rgba(255,255,255,0.3)", **lines}
    return [
        {
            "x": x, "y": y, "uid": f"predicted-{number}", "name": _NAME, "mode": "lines", "line": {"width": 0},
            "fill": "toself", "fillcolor": DARK, "fillpattern": look, "hoverinfo": "skip", **more,
        }
    ]  # fmt: skip


def _cells(landscape: Landscape) -> tuple[list[float | None], list[float | None]]:
    """Rectangles around runs of models in a row, halfway to their neighbours, one after the other."""
    across, up = _edges(landscape.x), _edges(landscape.y)
    x: list[float | None] = []
    y: list[float | None] = []
    for (low, high), row in zip(pairwise(up), landscape.known.tolist(), strict=True):
        for known, run in groupby(enumerate(row), lambda one: one[1]):
            columns = [column for column, _ in run]
            if not known:
                left, right = across[columns[0]], across[columns[-1] + 1]
                x += [left, right, right, left, left, None]
                y += [low, low, high, high, low, None]
    return x, y


def _edges(axis: NDArray[np.float64]) -> list[float]:
    return [float(axis[0]), *((axis[1:] + axis[:-1]) / 2).tolist(), float(axis[-1])]


def strokes(landscape: Landscape, heights: NDArray[np.float64]) -> list[dict[str, Any]]:
    """The same for a surface of these heights, which plotly cannot hatch: a line through each of these models."""
    nodes = np.argwhere(~landscape.known)
    if not len(nodes):
        return []
    # From a third of a cell below to a third above, and a gap.
    places = (nodes[:, None] + np.array([-1, 1, np.nan])[:, None] / 3).reshape(-1, 2).T
    places = np.clip(places, 0, np.array(heights.shape)[:, None] - 1)
    y, x = (np.interp(at, range(len(axis)), axis) for at, axis in zip(places, (landscape.y, landscape.x), strict=True))
    above = map_coordinates(heights, np.nan_to_num(places), order=1) + 0.01 * np.ptp(heights)
    return [
        {
            "kind": "scatter3d", "x": x, "y": y, "z": np.where(np.isfinite(x), above, np.nan), "uid": "predicted-0",
            "name": _NAME, "mode": "lines", "line": {"width": 3, "color": DARK}, "hoverinfo": "skip",
        }
    ]  # fmt: skip


def hover(landscape: Landscape, quantity: Quantity) -> dict[str, Any]:
    """What a trace of heights says where the pointer is, until all of them are exact."""
    if landscape.exact:
        return {}
    heights, errors = landscape.heights(quantity)
    text = [
        [
            _words(landscape, quantity, height=height, error=error, seen=seen)
            for height, error, seen in zip(*row, strict=True)
        ]
        for row in zip(heights.tolist(), errors.tolist(), landscape.seen.tolist(), strict=True)
    ]
    return {"text": text, "hovertemplate": "(%{x:.3g}, %{y:.3g}): %{text}<extra></extra>"}


def _words(landscape: Landscape, quantity: Quantity, *, height: float, error: float, seen: int) -> str:
    shown = height_of(landscape, quantity)
    if seen == landscape.total:
        return f"measured {shown.show(height)}"
    how = f"measured on {seen:,} of {landscape.total:,} examples:" if seen else "predicted"
    give = f"\u00b1 {shown.spread(error)}" if math.isfinite(error) else "(standard error not known)"
    return f"{how} {shown.show(height)} {give}"


def predicted_words(landscape: Landscape, quantity: Quantity) -> str:
    """How many heights are predicted and how surely: a sentence with a space before it; empty once none is."""
    missing = ~landscape.known
    if not missing.any():
        return ""
    error = float(np.median(landscape.heights(quantity)[1][missing]))
    around = f"around {height_of(landscape, quantity).spread(error)}" if math.isfinite(error) else "not known yet"
    return (
        f" On {landscape.split} {int(missing.sum())} of {missing.size} heights are predicted, not measured; their "
        f"standard errors are {around}."
    )
