"""Error barriers between all pairs of some models."""

from __future__ import annotations

from typing import Literal

import numpy as np

from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.matrix import matrix_drawing
from soupwidgets.topics.landscape.barrier import BarrierMatrix


@figure
def barrier_matrix(matrix: BarrierMatrix, kind: Literal["barrier", "rise"] = "barrier") -> Drawing:
    """Draw the barriers of all pairs, in percentage points.

    Parameters
    ----------
    matrix
        Exact or not; pairs without both ends and the middle stay empty.
    kind
        ``"barrier"`` is the highest error minus the mean of both ends, ``"rise"`` its height above the straight
        line between the two errors.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``.
    """
    values = 100 * (matrix.heights if kind == "barrier" else matrix.rises)
    drawn = matrix_drawing(
        f"Error barriers between models ({matrix.split})",
        matrix.names,
        values=values,
        unit="percentage points",
        digits=1,
        uid="barriers",
    )
    upper = np.triu_indices(len(matrix.names), 1)
    known = [(values[i, j], matrix.names[i], matrix.names[j]) for i, j in zip(*upper, strict=True)]
    known = [pair for pair in known if np.isfinite(pair[0])]
    what = "above the mean error of the two ends" if kind == "barrier" else "above the line between the two errors"
    text = (
        f"Highest error on the straight line between two models, {what}, on {matrix.split}: "
        f"{len(known)} of {len(upper[0])} pairs of {len(matrix.names)} models are measured."
    )
    if known:
        (high, a, b), (low, c, d) = max(known), min(known)
        text += f" The highest barrier, {high:.2f} points, lies between {a} and {b}; the lowest, {low:.2f}, "
        text += f"between {c} and {d}."
    return drawn.done(text)
