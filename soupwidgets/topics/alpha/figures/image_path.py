"""What a model says of one image along alpha."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soupwidgets.figures.colours import COLOURS, GREY, INK
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, percents
from soupwidgets.translation import gettext as _


@figure
def image_path(
    alphas: Sequence[float], shares: NDArray[np.float64], names: Sequence[str], label: int, alpha: float | None = None
) -> Drawing:
    """Draw the probabilities of one image along alpha.

    Parameters
    ----------
    alphas
        Rising, ``[alphas]``.
    shares
        Probabilities (0..1), ``[alphas, classes]``.
    names
        Of the classes.
    label
        The image's class.
    alpha
        Where to draw a line.

    Returns
    -------
    go.Figure
        Its label and the classes that are ever likely; with a text alternative in ``layout.meta``.
    """
    drawn = drawing(
        _("This image along alpha, labelled {label}").format(label=names[label]),
        axis(_("alpha (0 zero-shot, 1 fine-tuned)"), (-0.04, 1.04)),
        axis(_("Probability, %"), (-3, 103)),
    )
    likely = [int(c) for c in np.argsort(-shares.max(axis=0))[:3] if shares[:, c].max() > 0.1]
    shown = list(dict.fromkeys([label, *likely]))
    for place, c in enumerate(shown):
        colour = COLOURS[0] if c == label else (COLOURS[1], COLOURS[2], GREY)[min(place - 1, 2)]
        drawn.add(
            x=list(alphas), y=percents(shares[:, c].tolist()), uid=f"class-{c}",
            name=_("{name} (its label)").format(name=names[c]) if c == label else names[c], label=names[c],
            mode="lines+markers",
            line={"color": colour, "width": 2.5}, marker={"size": 5}, customdata=[[a] for a in alphas],
            hovertemplate="alpha %{x:.2f}: %{y:.1f}%<extra></extra>",
        )  # fmt: skip
    if alpha is not None:
        drawn.add_rule(x=alpha, color=INK, width=1.5)
    said = "; ".join(
        _("{name} from {first} to {last}").format(
            name=names[c], first=f"{shares[0, c]:.1%}", last=f"{shares[-1, c]:.1%}"
        )
        for c in shown
    )
    return drawn.done(_("Probabilities of an image labelled {label}: {said}.").format(label=names[label], said=said))
