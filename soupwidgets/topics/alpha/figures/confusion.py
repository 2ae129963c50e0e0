"""Which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soupwidgets.figures.colours import BLUE, GREY
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, colour_bar, drawing
from soupwidgets.translation import gettext as _

# Of more classes those are drawn that are mistaken most.
_SHOWN = 30
# One hue from hardly anything to much.
_NONE = "#EDF2F6"
# Up to this many classes there is room for numbers in cells, of those with so many percent.
_WRITTEN, _WORTH_A_NUMBER = 14, 2


@figure
def confusion(table: NDArray[np.int64], names: Sequence[str], split: str, alpha: float) -> Drawing:
    """Draw how often each class is taken for each other one, and beside it in grey how often for itself.

    Parameters
    ----------
    table
        ``[labels, predictions]`` counts, as `soupwidgets.alpha.confusion` gives them.
    names
        Of the classes.
    split, alpha
        Where, and of which mixture.

    Returns
    -------
    go.Figure
        Shares of each label's examples in percent; colours are of mistakes alone. With a text alternative in
        ``layout.meta``.
    """
    shares = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    count = len(names)
    if count > _SHOWN:
        # Those that are taken for others most, or others for them.
        off = shares - np.diag(np.diag(shares))
        kept = np.sort(np.argsort(-(off.max(axis=0) + off.max(axis=1)), kind="stable")[:_SHOWN])
        shares, names = shares[np.ix_(kept, kept)], [names[i] for i in kept]
    mistakes = np.where(np.eye(len(names), dtype=bool), np.nan, shares)
    drawn = drawing(
        _("What is taken for what at alpha {alpha} ({split})").format(alpha=f"{alpha:.4g}", split=split),
        axis(_("Predicted class"), automargin=True, showgrid=False, autotickangles=[0, -45, -90]),
        axis(_("Label"), autorange="reversed", automargin=True, showgrid=False),
        height=max(380, 150 + 32 * len(names)),
    )
    # A number in every cell would be too small to read; colours tell of the rest, and hovering.
    numbers = [[f"{one:.0f}" if one >= _WORTH_A_NUMBER else "" for one in row] for row in shares]
    drawn.add(
        "heatmap",
        z=[[None if np.isnan(one) else round(float(one), 2) for one in row] for row in mistakes],
        x=list(names), y=list(names), uid="confusion", colorscale=[[0, _NONE], [1, BLUE]], xgap=1, ygap=1, zmin=0,
        text=numbers, texttemplate="%{text}" if len(names) <= _WRITTEN else None,
        colorbar=colour_bar(_("% of the label's examples"), above=True),
        hovertemplate="%{y} \u2192 %{x}: %{z:.1f}%<extra></extra>",
    )  # fmt: skip
    drawn.add(
        x=list(names), y=list(names), uid="right", mode="text" if len(names) <= _WRITTEN else "none", showlegend=False,
        text=[f"{one:.0f}" for one in np.diag(shares)], textfont={"color": GREY}, hoverinfo="skip",
    )  # fmt: skip
    flat = np.where(np.isnan(mistakes), -1, mistakes)
    worst = [np.unravel_index(place, flat.shape) for place in np.argsort(-flat, axis=None)[:3]]
    said = "; ".join(
        _("{label} for {predicted} {share}%").format(
            label=names[int(i)], predicted=names[int(j)], share=f"{flat[i, j]:.1f}"
        )
        for i, j in worst
        if flat[i, j] > 0
    )
    text = _("Of {classes} classes of {split} at alpha {alpha}, most often taken for another: {said}.").format(
        classes=count, split=split, alpha=f"{alpha:.4g}", said=said or "-"
    )
    return drawn.done(text)
