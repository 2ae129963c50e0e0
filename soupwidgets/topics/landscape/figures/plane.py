"""What all figures of a plane of models share: its values and colours, its title, its words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from soupwidgets.topics.landscape.marks import Mark
from soupwidgets.topics.landscape.plane import Landscape

Quantity = Literal["loss", "error"]
# From pale (low, where models and their labels are) to dark: ordered by lightness, so it works without colours.
COLOURS = [[0, "#FFFFE5"], [0.2, "#E3F2C1"], [0.4, "#A8DDB5"], [0.6, "#4EB3D3"], [0.8, "#2166AC"], [1, "#081D58"]]
# Maximum number of contours.
_CONTOURS = 16
# Values further above the rest than this multiple of its spread are clipped: they would leave it a single colour.
_CLIP = 2.0
# Length of the colour bar in pixels: no plane on a screen is lower.
_BAR = 220


def contour_trace(landscape: Landscape, quantity: Quantity) -> dict[str, Any]:
    """The landscape as contours at numbers that can be read."""
    values, top, clipped = drawn_values(landscape, quantity)
    low = float(np.min(values))
    step = round_step((top - low) / _CONTOURS)
    return {
        "kind": "contour",
        "x": landscape.x.tolist(),
        "y": landscape.y.tolist(),
        "z": values.tolist(),
        "zmin": low,
        "zmax": top,
        "colorscale": COLOURS,
        "contours": {"start": step * math.ceil(low / step), "end": top, "size": step},
        "line": {"width": 0.6, "color": "rgba(34,34,34,0.45)"},
        "colorbar": colour_bar(quantity, top, clipped),
        "hovertemplate": "(%{x:.3g}, %{y:.3g}): %{z:.3f}<extra></extra>",
    }


def drawn_values(landscape: Landscape, quantity: Quantity) -> tuple[NDArray[np.float64], float, int]:
    """The values to draw (all finite), the upper end of the colours, and the number of points above it."""
    raw = landscape.filled(landscape.error * 100 if quantity == "error" else landscape.loss)
    finite = raw[np.isfinite(raw)]
    if not finite.size:
        return np.zeros_like(raw), 1.0, raw.size
    # Three quarters of the points show the landscape; values far above them are the rim, where models are broken.
    upper = float(np.quantile(finite, 0.75))
    beyond = upper + _CLIP * (upper - float(finite.min()))
    top = min(float(finite.max()), beyond) if beyond > upper else float(finite.max())
    clipped = int((~(raw <= top)).sum())
    return np.where(raw <= top, raw, top), top, clipped


def colour_bar(quantity: Quantity, top: float, clipped: int) -> dict[str, Any]:
    """A colour bar that says how many points are above its end."""
    beyond = ""
    if clipped:
        beyond = f"\n{clipped} point{'s' if clipped > 1 else ''} above {top:.3g} in the last colour"
    title = {"text": quantity_unit(quantity) + beyond, "side": "right"}
    place = {"lenmode": "pixels", "len": _BAR, "y": 1, "yanchor": "top"}
    return {"title": title, "thickness": 14, "outlinewidth": 0, "tickformat": "~g", **place}


def round_step(least: float) -> float:
    """The next 1, 2 or 5 times a power of ten: contours at numbers that can be read."""
    if not least > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * (1 - 1e-9))


def plane_title(landscape: Landscape, quantity: Quantity) -> str:
    """What is shown, and through which models the plane goes."""
    plane = landscape.plane
    names = list(plane.corners)
    through = f"a run of {len(names)} checkpoints" if plane.explained else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{quantity_name(quantity)} on the plane through {through} ({landscape.split})"


def plane_words(landscape: Landscape, quantity: Quantity, marks: Mapping[str, Mark]) -> str:
    """A landscape in words: how much is measured, its lowest point, the models on it and off it."""
    values = landscape.error if quantity == "error" else landscape.loss
    measured = int((landscape.seen == landscape.total).sum())
    some = int((landscape.seen > 0).sum())
    finite = np.where(np.isfinite(values), values, np.inf)
    row, column = np.unravel_index(int(np.argmin(finite)), finite.shape)
    shape = f"{len(landscape.x)} by {len(landscape.y)}"
    low = f"{values[row, column]:.1%}" if quantity == "error" else f"{values[row, column]:.3f} nats"
    lost = int((~np.isfinite(values) & (landscape.seen > 0)).sum())
    norm = f" {landscape.batch_norm}" if landscape.batch_norm else ""
    on = [name for name, mark in marks.items() if mark.place.off == 0]
    beside = [f"{name} ({mark.place.off:.3g})" for name, mark in marks.items() if mark.place.off > 0]
    return (
        f"{quantity_name(quantity)} on {landscape.split} on a grid of {shape} models: {measured} measured on all "
        f"{landscape.total:,} images, {some - measured} on some of them. The lowest, {low}, is at "
        f"({landscape.x[column]:.3g}, {landscape.y[row]:.3g}).{f' {lost} points have no finite loss.' if lost else ''}"
        f"{norm} On the plane lie {', '.join(on) or 'no models'}."
        + (f" Off the plane, with their distances: {', '.join(beside)}." if beside else "")
    )


def corner_marks(landscape: Landscape) -> dict[str, Mark]:
    """The plane's own corners as marks."""
    return {name: Mark(landscape.plane.place(recipe)) for name, recipe in landscape.plane.corners.items()}


def quantity_name(quantity: Quantity) -> str:
    """How a title calls the quantity."""
    return "Error" if quantity == "error" else "Loss"


def quantity_unit(quantity: Quantity) -> str:
    """How an axis calls the quantity."""
    return "Error, %" if quantity == "error" else "Cross-entropy, nats"
