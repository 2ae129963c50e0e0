"""How predictions and their confidence change along alpha."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.figures.colours import BLUE, GREEN, INK, ORANGE
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, limits, percents
from soupwidgets.topics.alpha.along_alpha import AlongAlpha


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
        "prediction differs from zero-shot": ("not as zero-shot", INK, "solid", zero, "disagreement"),
        "prediction differs from fine-tuned": ("not as fine-tuned", BLUE, "solid", tuned, "disagreement"),
        "exactly one of it and zero-shot right": ("just one right", GREEN, "dash", zero, "error_inconsistency"),
        "calibration error (ECE)": ("ECE", ORANGE, "solid", ece, "ece"),
        "ECE with the temperature from validation": ("ECE, scaled", ORANGE, "dot", ece, "ece_scaled"),
    }
    found = {
        name: percents([getattr(getattr(row, of), what) for row in rows])
        for name, (_, _, _, of, what) in curves.items()
    }
    drawn = drawing(
        f"Predictions along alpha, on '{split}'",
        axis("alpha (0: zero-shot, 1: fine-tuned)", (-0.02, 1.02)),
        axis("Share of images, and calibration error, %", limits([v for values in found.values() for v in values])),
    )
    for i, (name, (label, colour, dash, _, _)) in enumerate(curves.items()):
        drawn.add(
            x=alphas, y=found[name], uid=f"curve-{i}", name=name, label=label, mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2}, marker={"size": 5},
            hovertemplate=f"alpha %{{x:.3g}}<br>{name}: %{{y:.2f}}%<extra></extra>",
        )  # fmt: skip
    text = f"Along alpha on '{split}': " + "; ".join(
        f"{name} from {values[0]:.1f}% to {values[-1]:.1f}%" for name, values in found.items()
    )
    return drawn.done(f"{text}.")
