"""How predictions and their confidence change along alpha."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import BLUE, GREEN, VERMILLION, axis, drawing, limits, percents
from soupwidgets.topics.alpha.along_alpha import AlongAlpha

_ORANGE = "#E69F00"


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
    curves = {
        "prediction differs from zero-shot": (BLUE, "solid", [r.against_zero_shot.disagreement for r in rows]),
        "prediction differs from fine-tuned": (VERMILLION, "solid", [r.against_fine_tuned.disagreement for r in rows]),
        "exactly one of it and zero-shot right": (
            GREEN,
            "dash",
            [r.against_zero_shot.error_inconsistency for r in rows],
        ),
        "calibration error (ECE)": (_ORANGE, "solid", [r.calibration.ece for r in rows]),
        "ECE with the temperature from validation": (_ORANGE, "dot", [r.calibration.ece_scaled for r in rows]),
    }
    drawn = drawing(
        f"Predictions along alpha, on '{split}'",
        axis("alpha (0: zero-shot, 1: fine-tuned)", (-0.02, 1.02)),
        axis(
            "Share of images, and calibration error, %", limits(percents([v for _, _, c in curves.values() for v in c]))
        ),
    )
    for i, (name, (colour, dash, values)) in enumerate(curves.items()):
        drawn.add(
            x=alphas, y=percents(values), uid=f"curve-{i}", name=name, mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2}, marker={"size": 5},
            hovertemplate=f"alpha %{{x:.3g}}<br>{name}: %{{y:.2f}}%<extra></extra>",
        )  # fmt: skip
    text = f"Along alpha on '{split}': " + "; ".join(
        f"{name} from {values[0]:.1%} to {values[-1]:.1%}" for name, (_, _, values) in curves.items()
    )
    return drawn.done(f"{text}.")
