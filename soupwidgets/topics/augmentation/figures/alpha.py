"""Affinity along alpha."""

from __future__ import annotations

from collections.abc import Mapping

from soupwidgets.figures.colours import BLUE
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, band, drawing, limits
from soupwidgets.topics.augmentation.affinity import Affinity


@figure
def affinity_along_alpha(found: Mapping[float, Affinity], fine_tuned: str) -> Drawing:
    """Draw affinity of one augmentation along alpha, from the zero-shot to the fine-tuned model."""
    alphas = sorted(found)
    ratios = [found[a].ratio for a in alphas]
    name = next(iter(found.values())).augmentation
    drawn = drawing(
        f"Affinity of {name} along alpha",
        axis(f"alpha (0 zero-shot, 1 {fine_tuned})", (-0.02, 1.02)),
        axis(
            "Affinity (accuracy, augmented / clean; 95% band)",
            limits([v for r in ratios for v in (r.low, r.high)], 0.1),
        ),
    )
    drawn.add(**band(alphas, [r.low for r in ratios], [r.high for r in ratios], colour=BLUE, uid="band"))
    drawn.add(
        x=alphas, y=[r.value for r in ratios], uid="affinity", name=f"{name}, with 95% interval",
        mode="lines+markers", line={"color": BLUE, "width": 2.5},
        hovertemplate="alpha %{x:.2f}: %{y:.3f}<extra></extra>",
    )  # fmt: skip
    text = (
        f"Affinity of {name}: {ratios[0]} at alpha {alphas[0]:g}, {ratios[-1]} at alpha {alphas[-1]:g}; highest "
        f"{max(r.value for r in ratios):.3f}."
    )
    return drawn.done(text)
