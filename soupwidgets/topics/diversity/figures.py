"""How differently models err: matrix, trend, confidences, specialists, helpers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from soupwidgets.figures.finishing import finished
from soupwidgets.figures.matrix import matrix_figure
from soupwidgets.figures.style import BLUE, GREEN, GREY, INK, PALE, VERMILLION, axis, bar_length, base_figure
from soupwidgets.stats.metrics import METRIC_WORDS
from soupwidgets.topics.diversity.helpers import HelperStep
from soupwidgets.topics.diversity.members import LEVELS
from soupwidgets.topics.diversity.pairs import DivergenceTrend, DiversityMatrix, PairDiversity
from soupwidgets.topics.diversity.specialists import ClassSpecialist, Specialisation

PairNumber = Literal[
    "error_inconsistency", "kappa", "agreement", "oracle", "ensemble", "gain_over_mean", "gain_over_better",
    "conversion",
]  # fmt: skip
# Label, unit and factor of each number.
PAIR_NUMBERS: dict[PairNumber, tuple[str, str, float]] = {
    "error_inconsistency": ("Error inconsistency", "% of images", 100),
    "kappa": ("Cohen's kappa of predictions", "kappa", 1),
    "agreement": ("Same prediction", "% of images", 100),
    "oracle": ("Oracle accuracy", "%", 100),
    "ensemble": ("Ensemble accuracy", "%", 100),
    "gain_over_mean": ("Ensemble gain over the members' mean", "points", 100),
    "gain_over_better": ("Ensemble gain over the better member", "points", 100),
    "conversion": ("Conversion rate", "% of inconsistent images", 100),
}
# With more points than this, WebGL is used.
_WEBGL = 2000


def matrix(
    matrix: DiversityMatrix, number: PairNumber = "error_inconsistency", order: Sequence[str] | None = None
) -> go.Figure:
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
    figure = matrix_figure(
        f"{title} of every two models ({matrix.split})",
        shown,
        values=values,
        unit=unit,
        digits=2 if number == "kappa" else 1,
        uid="pairs",
    )
    figure.data[0].customdata = [[[a, b] if a != b else None for b in names] for a in names]
    upper = np.triu_indices(len(names), 1)
    known = [(values[i, j], names[i], names[j]) for i, j in zip(*upper, strict=True) if np.isfinite(values[i, j])]
    text = f"{title} on {matrix.split}, {unit}: {len(known)} of {matrix.total} pairs of {len(names)} models."
    if known:
        (high, a, b), (low, c, d) = max(known), min(known)
        text += f" Highest {high:.4g} ({a} and {b}), lowest {low:.4g} ({c} and {d})."
    return finished(figure, text)


def divergence_strip(
    matrix: DiversityMatrix, number: PairNumber = "error_inconsistency", trend: DivergenceTrend | None = None
) -> go.Figure:
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
    arXiv 2110.12899, figures 2 and 3.
    """
    title, unit, factor = PAIR_NUMBERS[number]
    levels = [level for level in LEVELS if any(pair.divergence == level for pair in matrix.pairs)]
    figure = base_figure(
        f"{title}, by how differently two models were trained ({matrix.split})",
        axis(
            "What differs most between the two", (-0.5, max(len(levels), 1) - 0.5),
            tickvals=list(range(len(levels))), ticktext=levels, showgrid=False,
        ),
        axis(f"{title}, {unit}"),
    )  # fmt: skip
    figure.update_layout(margin={"b": 110}, legend={"y": -0.2})
    jitter = np.random.default_rng(0)
    pairs = [pair for pair in matrix.pairs if np.isfinite(_value(pair, number))]
    figure.add_scatter(
        x=[levels.index(pair.divergence) + jitter.uniform(-0.22, 0.22) for pair in pairs],
        y=[factor * _value(pair, number) for pair in pairs],
        uid="pairs", name="a pair of models", mode="markers",
        marker={"color": BLUE, "size": 7, "opacity": 0.55},
        customdata=[[pair.first, pair.second] for pair in pairs],
        hovertext=[f"{pair.first} and {pair.second}" for pair in pairs],
        hovertemplate="%{hovertext}: %{y:.2f}<extra></extra>",
    )  # fmt: skip
    means = {
        level: factor * float(np.mean([_value(p, number) for p in pairs if p.divergence == level])) for level in levels
    }
    figure.add_scatter(
        x=list(range(len(levels))), y=list(means.values()), uid="means", name="mean of the pairs",
        mode="lines+markers", line={"color": VERMILLION, "width": 2}, marker={"symbol": "diamond", "size": 11},
        hovertemplate="%{y:.2f}<extra>mean</extra>",
    )  # fmt: skip
    words = "; ".join(f"{level} {mean:.2f}" for level, mean in means.items())
    text = f"{title} on {matrix.split} ({unit}), mean of the pairs at each level of divergence: {words}."
    if trend is not None:
        rho, p = (
            (trend.gain_correlation, trend.gain_p_value)
            if number == "gain_over_mean"
            else (trend.rank_correlation, trend.p_value)
        )
        if number in ("gain_over_mean", "error_inconsistency"):
            text += f" Rank correlation with the level {rho:.2f}, p = {p:.2g} by permuting the models."
    return finished(figure, text)


def confidences(found: Specialisation) -> go.Figure:
    """Draw the confidence of two models in every image, by which of them is correct.

    Returns
    -------
    go.Figure
        With the diagonal on which both are equally confident, and a text alternative in ``layout.meta``.

    Notes
    -----
    arXiv 2110.12899, section 4.
    """
    first, second = found.first, found.second
    figure = base_figure(
        f"Confidence of both models, image by image ({found.split})",
        axis(f"Confidence of {first}", (0, 1.02)),
        axis(f"Confidence of {second}", (0, 1.02), scaleanchor="x", constrain="domain"),
        height=480,
    )
    figure.layout.xaxis.constrain = "domain"
    figure.update_layout(margin={"b": 120}, legend={"y": -0.2})
    figure.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line={"color": GREY, "width": 1, "dash": "dot"})
    a, b = found.right.T
    cases = {
        "both right": (a & b, PALE, "circle"),
        "both wrong": (~a & ~b, INK, "x"),
        f"only {first} right": (a & ~b, BLUE, "triangle-right"),
        f"only {second} right": (~a & b, VERMILLION, "triangle-up"),
    }
    scatter: Any = go.Scattergl if len(a) > _WEBGL else go.Scatter
    for i, (name, (rows, colour, symbol)) in enumerate(cases.items()):
        images = np.flatnonzero(rows)
        figure.add_trace(
            scatter(
                x=found.confidences[rows, 0].round(4).tolist() or [None],
                y=found.confidences[rows, 1].round(4).tolist() or [None],
                uid=f"case-{i}", name=f"{name} ({len(images):,})", mode="markers",
                marker={"color": colour, "symbol": symbol, "size": 5, "opacity": 0.7 if i else 0.35},
                customdata=[[int(image)] for image in images],
                hovertemplate="image %{customdata[0]}: %{x:.2f}, %{y:.2f}<extra></extra>",
            )
        )  # fmt: skip
    degrees = np.degrees(found.angles)
    text = (
        f"Confidence of {found.first} against that of {found.second} for {len(a):,} images of {found.split}: "
        + "; ".join(f"{name} {int(rows.sum()):,}" for name, (rows, _, _) in cases.items())
        + f". The angle from the diagonal is {degrees.mean():+.1f} degrees on average, above 0 where "
        f"{found.first} is more confident, with a spread of {np.degrees(found.spread):.1f} degrees."
    )
    return finished(figure, text)


def specialists(found: Sequence[ClassSpecialist], first: str, second: str) -> go.Figure:
    """Draw on which classes one of two models is better.

    Parameters
    ----------
    found
        One for each class.
    first, second
        Names of the models.

    Returns
    -------
    go.Figure
        Differences with 95% intervals, and a text alternative in ``layout.meta``.
    """
    figure = base_figure(
        f"{second} against {first}, class by class",
        axis("Difference of accuracy, points", zeroline=True, zerolinecolor=GREY),
        axis("", automargin=True, showgrid=False),
        height=max(300, 120 + 26 * len(found)),
    )
    figure.update_layout(margin={"b": 80}, legend={"y": -0.25})
    sure = [one.q_value < 0.05 for one in found]
    for uid, wanted, name, colour in (
        ("clear", True, "clear (q below .05)", GREEN),
        ("chance", False, "may be chance", PALE),
    ):
        rows = [one for one, clear in zip(found, sure, strict=True) if clear == wanted]
        figure.add_bar(
            x=[100 * one.test.difference for one in rows],
            y=[one.name for one in rows],
            uid=uid, name=name, orientation="h", marker={"color": colour},
            error_x={
                "type": "data", "symmetric": False, "color": INK, "thickness": 1,
                "array": [bar_length(100 * (one.test.interval[1] - one.test.difference)) for one in rows],
                "arrayminus": [bar_length(100 * (one.test.difference - one.test.interval[0])) for one in rows],
            },
            hovertemplate="%{y}: %{x:+.1f} points<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(categoryorder="array", categoryarray=[one.name for one in found])
    words = "; ".join(f"{one.name} {100 * one.test.difference:+.1f} (q {one.q_value:.2g})" for one in found)
    return finished(figure, f"Accuracy of {second} minus that of {first}, by class, in points: {words}.")


def helpers(steps: Sequence[HelperStep], validation: str, test: str) -> go.Figure:
    """Draw how an ensemble grows.

    Parameters
    ----------
    steps
        The steps, starting with the strong model alone.
    validation, test
        Names of the split used for selection, and of the one reported next to it.

    Returns
    -------
    go.Figure
        With 95% intervals, and a text alternative in ``layout.meta``.
    """
    names = [step.name if i == 0 else f"+ {step.name}" for i, step in enumerate(steps)]
    scores = {split: [step.evaluation.scores[split] for step in steps] for split in (validation, test)}
    metrics = {score.metric for some in scores.values() for score in some}
    words = {
        split: "" if metrics == {"accuracy"} else f"{METRIC_WORDS[some[0].metric]}, " for split, some in scores.items()
    }
    figure = base_figure(
        f"An ensemble that grows from {steps[0].name}",
        axis("", tickangle=-30, automargin=True, showgrid=False),
        axis("Accuracy, %" if metrics == {"accuracy"} else "Score, %"),
    )
    figure.update_layout(margin={"b": 120}, legend={"y": -0.35})
    for split, colour, what in ((validation, GREY, "chose"), (test, BLUE, "reported")):
        figure.add_scatter(
            x=names,
            y=[100 * score.accuracy for score in scores[split]],
            uid=what, name=f"{split} ({words[split]}{what})", mode="lines+markers", line={"color": colour, "width": 2},
            error_y={
                "type": "data", "symmetric": False, "thickness": 1,
                "array": [bar_length(100 * (score.interval[1] - score.accuracy)) for score in scores[split]],
                "arrayminus": [bar_length(100 * (score.accuracy - score.interval[0])) for score in scores[split]],
            },
            hovertemplate="%{x}: %{y:.2f}%<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=names, y=[100 * step.alone for step in steps], uid="alone",
        name=f"the joining model alone ({words[validation]}validation)", mode="markers",
        marker={"color": VERMILLION, "symbol": "x", "size": 9},
        hovertemplate="%{x} alone: %{y:.2f}%<extra></extra>",
    )  # fmt: skip
    first, last = steps[0].evaluation, steps[-1].evaluation
    reported = METRIC_WORDS[scores[test][0].metric]
    text = (
        f"Ensemble of {len(steps)} models, chosen on {validation}: {', '.join(step.name for step in steps)}. "
        f"{reported[0].upper()}{reported[1:]} on {test} {first.accuracy[test]:.2%} with the first alone, "
        f"{last.accuracy[test]:.2%} with all."
    )
    return finished(figure, text)


def _value(pair: PairDiversity, number: str) -> float:
    value = getattr(pair, number)
    return float(getattr(value, "value", value))
