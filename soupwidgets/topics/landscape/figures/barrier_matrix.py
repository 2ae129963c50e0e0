"""Error barriers between all pairs of some models."""

from __future__ import annotations

from typing import Literal

import numpy as np

from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.matrix import matrix_drawing
from soupwidgets.figures.units import within_sentence
from soupwidgets.topics.landscape.barrier import BarrierMatrix
from soupwidgets.topics.landscape.figures.plane import height_of


@figure
def barrier_matrix(matrix: BarrierMatrix, kind: Literal["barrier", "rise"] = "barrier") -> Drawing:
    """Draw the barriers of all pairs, in percentage points, or in the metric's own unit.

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
    shown = height_of(next(iter(matrix.lines.values())), "error")
    called, factor = within_sentence(shown.name), abs(shown.factor)
    share = factor == 100
    values = factor * (matrix.heights if kind == "barrier" else matrix.rises)
    title = "Error barriers" if called == "error" else f"Barriers of {called}"
    drawn = matrix_drawing(
        f"{title} between models ({matrix.split})",
        matrix.names,
        values=values,
        unit="percentage points" if share else shown.unit,
        digits=1 if share else 3,
        uid="barriers",
    )
    upper = np.triu_indices(len(matrix.names), 1)
    known = [(values[i, j], matrix.names[i], matrix.names[j]) for i, j in zip(*upper, strict=True)]
    known = [pair for pair in known if np.isfinite(pair[0])]
    side = "above" if shown.factor > 0 else "below"
    ends = "the two errors" if called == "error" else "the two ends"
    what = f"{side} the mean {called} of the two ends" if kind == "barrier" else f"{side} the line between {ends}"
    text = (
        f"{shown.worst_word.capitalize()} {called} on the straight line between two models, {what}, on {matrix.split}: "
        f"{len(known)} of {len(upper[0])} pairs of {len(matrix.names)} models are measured."
    )
    if known:
        (high, a, b), (low, c, d) = max(known), min(known)
        text += f" The highest barrier, {shown.difference(high / factor)}, lies between {a} and {b}; the lowest, "
        text += f"{shown.difference(low / factor).removesuffix(' points')}, "
        text += f"between {c} and {d}."
    return drawn.done(text)
