"""Loss or error on a plane of models, as a surface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.figures.colours import INK
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import ROOM_ABOVE, drawing
from soupwidgets.topics.landscape.figures.plane import (
    COLOURS,
    corner_marks,
    drawn_values,
    height_bar,
    height_of,
    plane_title,
    plane_words,
)
from soupwidgets.topics.landscape.figures.predicted import hover, predicted_words, strokes
from soupwidgets.topics.landscape.height import Quantity
from soupwidgets.topics.landscape.marks import Mark
from soupwidgets.topics.landscape.plane import Landscape
from soupwidgets.topics.landscape.span import Place


@figure
def surface(landscape: Landscape, quantity: Quantity = "loss", marks: Mapping[str, Mark] | None = None) -> Drawing:
    """Draw a landscape as a surface that can be rotated, with the models that lie on it.

    Parameters
    ----------
    landscape, quantity, marks
        As in `contour`; models off the plane are left out, as they do not lie on this surface, and what is
        predicted is hatched.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``.
    """
    values, top, clipped = drawn_values(landscape, quantity)
    shown = height_of(landscape, quantity)
    bar = height_bar(shown, top, clipped)
    ends: dict[str, Any] = {"cmax": top}
    if shown.factor < 0:
        values, ends = -values, {"cmin": -top, "reversescale": True}
    places = corner_marks(landscape) if marks is None else marks
    on = {name: m.place for name, m in places.items() if m.place.off == 0 and _inside(landscape, m.place)}
    drawn = drawing(plane_title(landscape, quantity), None, None, height=560)
    heights = {
        "uid": "landscape", "x": landscape.x, "y": landscape.y, "z": values, **ends, "colorscale": COLOURS,
        "colorbar": bar,
        "hovertemplate": "(%{x:.3g}, %{y:.3g}): %{z:.3f}<extra></extra>",
    }  # fmt: skip
    drawn.add("surface", **heights | hover(landscape, quantity))
    for trace in strokes(landscape, values):
        drawn.add(**trace)
    lift = 0.05 * float(np.ptp(values))
    drawn.add(
        "scatter3d",
        x=[p.x for p in on.values()],
        y=[p.y for p in on.values()],
        z=[_nearest(landscape, values, p) + lift for p in on.values()],
        uid="on",
        mode="markers+text",
        text=list(on),
        textposition="top center",
        marker={"size": 5, "color": INK},
        hoverinfo="text",
        **({"showlegend": False} if landscape.known.all() else {"name": "model on the plane"}),
    )
    titles = (*_short_axes(landscape), shown.unit)
    scene = {f"{side}axis": {"title": {"text": title}} for side, title in zip("xyz", titles, strict=True)}
    return drawn.done(
        plane_words(landscape, quantity, places) + predicted_words(landscape, quantity),
        margin={"l": 10, "r": 10, "b": 10, "t": 100},
        title=ROOM_ABOVE["title"],
        scene={**scene, "aspectratio": {"x": 1, "y": 1, "z": 0.6}},
    )


def _short_axes(landscape: Landscape) -> tuple[str, str]:
    if landscape.plane.explained is not None:
        return "first component", "second component"
    _, along, up = (name for name in landscape.plane.corners)
    return f"towards {along}", f"towards {up}"


def _inside(landscape: Landscape, place: Place) -> bool:
    return bool(
        landscape.x[0] <= place.x <= landscape.x[-1] and landscape.y[0] <= place.y <= landscape.y[-1]
    )  # fmt: skip


def _nearest(landscape: Landscape, values: NDArray[np.float64], place: Place) -> float:
    return float(values[np.abs(landscape.y - place.y).argmin(), np.abs(landscape.x - place.x).argmin()])
