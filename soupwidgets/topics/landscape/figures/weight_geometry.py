"""Distances and angles between models in the space of weights."""

from __future__ import annotations

from typing import Literal

import numpy as np

from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.matrix import matrix_drawing
from soupwidgets.topics.landscape.geometry import WeightGeometry


@figure
def weight_geometry(geometry: WeightGeometry, quantity: Literal["distance", "angle"] = "distance") -> Drawing:
    """Draw the distances between models, or the angles between their directions.

    Parameters
    ----------
    geometry
        Inner products of the models.
    quantity
        Euclidean distance, or degrees between two models seen from the origin.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``.
    """
    if quantity == "distance":
        names, values, unit, digits = geometry.names, geometry.distances(), "Euclidean distance", 1
        title = "Distances between models, all weights"
    else:
        # The origin itself has no direction.
        rows = [i for i, name in enumerate(geometry.names) if name != geometry.origin]
        names, values = tuple(geometry.names[i] for i in rows), geometry.angles()[np.ix_(rows, rows)]
        title, unit, digits = f"Angles between models, seen from {geometry.origin}", "degrees", 0
    drawn = matrix_drawing(title, names, values=values, unit=unit, digits=digits, uid="geometry")
    upper = np.triu_indices(len(names), 1)
    pairs = [(values[i, j], names[i], names[j]) for i, j in zip(*upper, strict=True) if np.isfinite(values[i, j])]
    text = f"{title}: {len(pairs)} pairs of {len(names)} models."
    if pairs:
        (high, a, b), (low, c, d) = max(pairs), min(pairs)
        unit_word = "degrees" if quantity == "angle" else "apart"
        text += f" Closest are {c} and {d}, {low:.{digits}f} {unit_word}; furthest {a} and {b}, {high:.{digits}f}."
    return drawn.done(text)
