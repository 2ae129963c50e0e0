"""The same plane of models on several splits, as small pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import drawing
from soupwidgets.topics.landscape.figures.plane import (
    DARK,
    contour_trace,
    corner_marks,
    drawn_values,
    height_of,
)
from soupwidgets.topics.landscape.figures.predicted import hatching, hover, predicted_words
from soupwidgets.topics.landscape.height import Quantity
from soupwidgets.topics.landscape.marks import Mark
from soupwidgets.topics.landscape.plane import Landscape

_COLUMNS = 5
# Height of a small picture's title, in pixels.
_TITLE = 34


@figure
def splits(
    landscapes: Sequence[Landscape], quantity: Quantity = "error", marks: Mapping[str, Mark] | None = None
) -> Drawing:
    """Draw the same plane on several splits, each with its own colour scale.

    Parameters
    ----------
    landscapes
        At least one landscape, all of the same plane.
    quantity
        Which number to draw.
    marks
        Models to mark in each; the plane's own corners when None.

    Returns
    -------
    go.Figure
        With the lowest point of each marked by a star, and a text alternative in ``layout.meta``.
    """
    columns = min(_COLUMNS, len(landscapes))
    rows = math.ceil(len(landscapes) / columns)
    shape = np.ptp(landscapes[0].y) / np.ptp(landscapes[0].x)
    # The approximate height of a panel, with its title, when the figure is as wide as a notebook.
    height = 165 * float(np.clip(shape, 0.3, 2)) + 45
    drawn_as = height_of(landscapes[0], quantity)
    name = drawn_as.name
    drawn = drawing(
        f"{name} on one plane of weights, split by split, and its {drawn_as.best_word} value",
        None,
        None,
        height=int(110 + height * rows),
    )
    places = corner_marks(landscapes[0]) if marks is None else marks
    places = {name: mark for name, mark in places.items() if mark.place.off == 0}
    names = list(places)
    # Inwards: the pictures are hardly wider than three names.
    thirds = [3 * (m.place.x - landscapes[0].x[0]) / np.ptp(landscapes[0].x) for m in places.values()]
    sides = ["top right" if third < 1 else "top left" if third > 2 else "top center" for third in thirds]
    unfinished = next((i for i, one in enumerate(landscapes) if not one.known.all()), None)
    for i, one in enumerate(landscapes):
        row, column = divmod(i, columns)
        left, top = column / columns, 1 - row / rows
        number = str(i + 1) if i else ""
        where: dict[str, Any] = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        hidden = {"visible": False, "constrain": "domain"}
        below = top - _TITLE / height / rows
        drawn.layout[f"xaxis{number}"] = {
            **hidden, "domain": [left, left + 0.96 / columns], "anchor": f"y{number}", "range": [one.x[0], one.x[-1]],
        }  # fmt: skip
        drawn.layout[f"yaxis{number}"] = {
            **hidden, "domain": [top - 0.96 / rows, below], "anchor": f"x{number}", "range": [one.y[0], one.y[-1]],
            "scaleanchor": f"x{number}", "constraintoward": "top",
        }  # fmt: skip
        title = {"text": f"{one.split}\n{_low(one, quantity)}", "x": left + 0.48 / columns, "y": below}
        drawn.layout.setdefault("annotations", []).append(
            {**title, "xref": "paper", "yref": "paper", "xanchor": "center", "yanchor": "bottom", "showarrow": False}
        )
        trace = contour_trace(one, quantity) | hover(one, quantity) | {"showscale": False}
        drawn.add(uid=f"landscape-{i}", **trace, **where)
        for cells in hatching(one, i, showlegend=i == unfinished, **where):
            drawn.add(**cells)
        values, _, _ = drawn_values(one, quantity)
        down, across = np.unravel_index(int(np.argmin(np.where(one.known, values, np.inf))), values.shape)
        drawn.add(
            x=[one.x[across]], y=[one.y[down]], uid=f"lowest-{i}", name=f"{drawn_as.best_word} point of the grid",
            mode="markers",
            marker={"symbol": "star", "size": 12, "color": "white", "line": {"color": DARK, "width": 1.5}},
            showlegend=i == 0, hoverinfo="skip", **where,
        )  # fmt: skip
        drawn.add(
            x=[m.place.x for m in places.values()], y=[m.place.y for m in places.values()],
            uid=f"marks-{i}", name="model on the plane", mode="markers+text" if i == 0 else "markers",
            text=names, textposition=sides, textfont={"size": 9, "color": DARK},
            marker={"size": 6, "color": DARK, "line": {"color": "white", "width": 1}},
            hovertext=names, hoverinfo="text", showlegend=i == 0, **where,
        )  # fmt: skip
    words = "; ".join(f"{one.split} {_low(one, quantity)}" for one in landscapes)
    text = f"{name} on the same plane for {len(landscapes)} splits; the {drawn_as.best_word} value of each: {words}."
    text += "".join(predicted_words(one, quantity) for one in landscapes)
    return drawn.done(text, margin={"l": 10, "r": 10})


def _low(landscape: Landscape, quantity: Quantity) -> str:
    values = landscape.error if quantity == "error" else landscape.loss
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "not finite"
    about = "" if landscape.exact else "about "
    return f"{about}{height_of(landscape, quantity).show(float(finite.min()), 2)}"
