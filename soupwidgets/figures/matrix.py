"""A symmetric matrix of models, as a heat map with the numbers written in its cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soupwidgets.figures.drawing import Drawing
from soupwidgets.figures.style import axis, colour_bar, drawing

# Up to this many rows there is space for a number in every cell.
_WRITTEN = 14


def matrix_drawing(
    title: str, names: Sequence[str], *, values: NDArray[np.float64], unit: str, digits: int, uid: str
) -> Drawing:
    """Draw ``values[row, column]`` of pairs of models; cells without a number stay empty.

    Parameters
    ----------
    title
        Title of the figure.
    names
        Names of the rows and columns.
    values
        ``[names, names]``, NaN where unknown.
    unit
        Unit of the values, shown at the colour bar.
    digits
        Number of decimals.
    uid
        Plotly's ``uid`` for the trace.
    """
    count = len(names)
    drawn = drawing(
        title,
        # Aslant or upright where the screen leaves no room for level names.
        axis("", automargin=True, showgrid=False, autotickangles=[0, -45, -90]),
        axis("", autorange="reversed", automargin=True, showgrid=False),
        height=max(380, 150 + 32 * count),
    )
    drawn.add("heatmap",
        z=values, x=list(names), y=list(names), uid=uid, colorscale="Cividis_r", xgap=1, ygap=1,
        texttemplate=f"%{{z:.{digits}f}}" if count <= _WRITTEN else None,
        colorbar=colour_bar(unit),
        hovertemplate=f"%{{y}} and %{{x}}: %{{z:.{digits}f}} {unit}<extra></extra>",
    )  # fmt: skip
    return drawn
