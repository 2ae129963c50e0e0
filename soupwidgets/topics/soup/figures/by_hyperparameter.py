"""Soups of two halves of a pool, divided by a hyper-parameter."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.figures.colours import COLOURS
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, error_bar, limits, percent, percents
from soupwidgets.topics.soup.by_hyperparameter import SoupGroup


@figure
def by_hyperparameter(groups: Sequence[SoupGroup]) -> Drawing:
    """Draw accuracy in distribution against the mean over shifts of the soups of two halves of a pool."""
    id_scores = [next(s for s in g.evaluation.scores.values() if s.role == "id_test") for g in groups]
    x, y = [s.accuracy for s in id_scores], [g.evaluation.shift_accuracy for g in groups]
    x_bars, y_bars = [s.interval for s in id_scores], [g.evaluation.shift_interval for g in groups]
    drawn = drawing(
        "Uniform soups of two halves of the ingredients (number of models), with 95% intervals",
        axis("ID test accuracy, %", limits(percents([v for b in x_bars for v in b]), 0.15)),
        axis("Mean OOD accuracy, %", limits(percents([v for b in y_bars for v in b]), 0.15)),
    )
    for i, group in enumerate(groups):
        drawn.add(
            x=[percent(x[i])], y=[percent(y[i])], uid=f"group-{i}", mode="markers",
            name=f"{group.label} ({len(group.names)} models), with 95% intervals",
            label=f"{group.label} ({len(group.names)})", at=0,
            marker={"size": 13, "color": COLOURS[i], "symbol": ("circle", "diamond")[i % 2]},
            error_x=error_bar(x[i], x_bars[i], color=COLOURS[i]), error_y=error_bar(y[i], y_bars[i], color=COLOURS[i]),
            hovertemplate="ID %{x:.2f}%<br>OOD %{y:.2f}%<extra></extra>",
        )  # fmt: skip
    words = "; ".join(
        f"{g.label} ({len(g.names)} models): ID {a:.1%}, mean OOD {b:.1%}" for g, a, b in zip(groups, x, y, strict=True)
    )
    return drawn.done(f"Uniform soups of ingredients by a hyper-parameter. {words}.")
