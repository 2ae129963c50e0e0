"""How differently the models of every pair err: a matrix, and the trend by how they were trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from soupwidgets.figures.colours import BLUE, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.matrix import matrix_drawing
from soupwidgets.figures.style import axis, drawing
from soupwidgets.topics.diversity.matrices import DiversityMatrix
from soupwidgets.topics.diversity.pairs import PairDiversity
from soupwidgets.topics.diversity.trainings import LEVELS
from soupwidgets.topics.diversity.trend import DivergenceTrend

PairNumber = Literal[
    "error_inconsistency", "error_consistency", "kappa", "agreement", "oracle", "ensemble", "gain_over_mean",
    "gain_over_better", "conversion",
]  # fmt: skip
# Label, unit and factor of each number.
PAIR_NUMBERS: dict[PairNumber, tuple[str, str, float]] = {
    "error_inconsistency": ("Error inconsistency", "% of examples", 100),
    "error_consistency": ("Error consistency", "kappa of being right", 1),
    "kappa": ("Cohen's kappa of predictions", "kappa", 1),
    "agreement": ("Same prediction", "% of examples", 100),
    "oracle": ("Oracle accuracy", "%", 100),
    "ensemble": ("Ensemble accuracy", "%", 100),
    "gain_over_mean": ("Ensemble gain over the members' mean", "points", 100),
    "gain_over_better": ("Ensemble gain over the better member", "points", 100),
    "conversion": ("Conversion rate", "% of inconsistent examples", 100),
}


@figure
def matrix(
    matrix: DiversityMatrix, number: PairNumber = "error_inconsistency", order: Sequence[str] | None = None
) -> Drawing:
    """Draw one number for every pair.

    Parameters
    ----------
    matrix
        Complete or not; pairs that have not been compared yet stay empty.
    number
        Which number to draw.
    order
        Names in the order of rows and columns; that of the matrix when None.

    Returns
    -------
    go.Figure
        Each cell has the names of its pair, and the figure a text alternative in ``layout.meta``.
    """
    title, unit, factor = PAIR_NUMBERS[number]
    names = list(matrix.names if order is None else order)
    rows = [matrix.names.index(name) for name in names]
    values = factor * matrix.table(number)[np.ix_(rows, rows)]
    shown = list(names)
    drawn = matrix_drawing(
        f"{title} of every two models ({matrix.split})",
        shown,
        values=values,
        unit=unit,
        digits=2 if factor == 1 else 1,
        uid="pairs",
    )
    drawn.data[0]["customdata"] = [[[a, b] if a != b else None for b in names] for a in names]
    upper = np.triu_indices(len(names), 1)
    known = [(values[i, j], names[i], names[j]) for i, j in zip(*upper, strict=True) if np.isfinite(values[i, j])]
    text = f"{title} on {matrix.split}, {unit}: {len(known)} of {matrix.total} pairs of {len(names)} models."
    if known:
        (high, a, b), (low, c, d) = max(known), min(known)
        text += f" Highest {high:.4g} ({a} and {b}), lowest {low:.4g} ({c} and {d})."
    return drawn.done(text)


@figure
def divergence_strip(
    matrix: DiversityMatrix, number: PairNumber = "error_inconsistency", trend: DivergenceTrend | None = None
) -> Drawing:
    """Draw every pair by how differently its models were trained.

    Parameters
    ----------
    matrix
        The pairs.
    number
        Which number to draw.
    trend
        The test of the trend, to describe it in the text.

    Returns
    -------
    go.Figure
        Points, the mean of each level, and a text alternative in ``layout.meta``.

    Notes
    -----
    arXiv 2110.12899, figures 1 and 2.
    """
    title, unit, factor = PAIR_NUMBERS[number]
    levels = [level for level in LEVELS if any(pair.divergence == level for pair in matrix.pairs)]
    drawn = drawing(
        f"{title}, by how differently two models were trained ({matrix.split})",
        axis(
            "What differs most between the two models of a pair (a point)", (-0.5, max(len(levels), 1) - 0.5),
            tickvals=list(range(len(levels))), ticktext=levels, showgrid=False,
        ),
        axis(f"{title}, {unit}"),
    )  # fmt: skip
    jitter = np.random.default_rng(0)
    pairs = [pair for pair in matrix.pairs if np.isfinite(_value(pair, number))]
    drawn.add(
        x=[levels.index(pair.divergence) + jitter.uniform(-0.22, 0.22) for pair in pairs],
        y=[factor * _value(pair, number) for pair in pairs],
        uid="pairs", name="a pair of models", mode="markers", showlegend=False,
        marker={"color": BLUE, "size": 7, "opacity": 0.55},
        customdata=[[pair.first, pair.second] for pair in pairs],
        hovertext=[f"{pair.first} and {pair.second}" for pair in pairs],
        hovertemplate="%{hovertext}: %{y:.2f}<extra></extra>",
    )  # fmt: skip
    means = {
        level: factor * float(np.mean([_value(p, number) for p in pairs if p.divergence == level])) for level in levels
    }
    drawn.add(
        x=list(range(len(levels))), y=list(means.values()), uid="means", name="mean of the pairs", label="mean",
        mode="lines+markers", line={"color": VERMILLION, "width": 2}, marker={"symbol": "diamond", "size": 11},
        hovertemplate="%{y:.2f}<extra>mean</extra>",
    )  # fmt: skip
    words = "; ".join(f"{level} {mean:.2f}" for level, mean in means.items())
    text = f"{title} on {matrix.split} ({unit}), mean of the pairs at each level of divergence: {words}."
    tested = {} if trend is None else {
        "error_inconsistency": (trend.rank_correlation, trend.p_value),
        "error_consistency": (trend.consistency_correlation, trend.consistency_p_value),
        "gain_over_mean": (trend.gain_correlation, trend.gain_p_value),
        "gain_over_better": (trend.better_gain_correlation, trend.better_gain_p_value),
    }  # fmt: skip
    if number in tested:
        rho, p = tested[number]
        text += f" Rank correlation with the level {rho:.2f}, p = {p:.2g} by permuting the models."
    return drawn.done(text)


def _value(pair: PairDiversity, number: str) -> float:
    value = getattr(pair, number)
    return float(getattr(value, "value", value))
