"""How predictions and their confidence change along alpha."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.figures.colours import BLUE, GREEN, INK, ORANGE
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, limits, percents
from soupwidgets.topics.alpha.along_alpha import AlongAlpha
from soupwidgets.translation import gettext as _


@figure
def along(rows: Sequence[AlongAlpha], split: str) -> Drawing:
    """Draw disagreement with both ends, error inconsistency, and calibration errors.

    Parameters
    ----------
    rows
        From `alpha.along_alpha`, at least one.
    split
        Name of the split they were measured on, for the title.

    Returns
    -------
    go.Figure
        All in percent, against alpha, with a text alternative in ``layout.meta``.

    Notes
    -----
    arXiv 2109.01903, section 5 (diversity of predictions); arXiv 1706.04599 (calibration).
    """
    alphas = [row.alpha for row in rows]
    zero, tuned, ece = "against_zero_shot", "against_fine_tuned", "calibration"
    curves = {
        _("prediction differs from zero-shot"): (_("not as zero-shot"), INK, "solid", zero, "disagreement"),
        _("prediction differs from fine-tuned"): (_("not as fine-tuned"), BLUE, "solid", tuned, "disagreement"),
        _("exactly one of it and zero-shot right"): (_("just one right"), GREEN, "dash", zero, "error_inconsistency"),
        _("calibration error (ECE)"): ("ECE", ORANGE, "solid", ece, "ece"),
        _("ECE with the temperature from validation"): (_("ECE, scaled"), ORANGE, "dot", ece, "ece_scaled"),
    }
    found = {
        name: percents([getattr(getattr(row, of), what) for row in rows]) for name, (*_, of, what) in curves.items()
    }
    drawn = drawing(
        _("Predictions along alpha, on '{split}'").format(split=split),
        axis(_("alpha (0: zero-shot, 1: fine-tuned)"), (-0.02, 1.02)),
        axis(_("Share of images, and calibration error, %"), limits([v for values in found.values() for v in values])),
    )
    for i, (name, (label, colour, dash, *__)) in enumerate(curves.items()):
        drawn.add(
            x=alphas, y=found[name], uid=f"curve-{i}", name=name, label=label, mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2}, marker={"size": 5},
            hovertemplate=f"alpha %{{x:.3g}}<br>{name}: %{{y:.2f}}%<extra></extra>",
        )  # fmt: skip
    said = "; ".join(
        _("{name} from {first} to {last}").format(name=name, first=f"{values[0]:.1f}%", last=f"{values[-1]:.1f}%")
        for name, values in found.items()
    )
    return drawn.done(_("Along alpha on '{split}': {said}.").format(split=split, said=said))
