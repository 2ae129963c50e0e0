"""Accuracy of a soup on every split, next to the alternatives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.axis_names import split_label
from soupwidgets.figures.patch import Patch, finished, make_patch
from soupwidgets.figures.style import (
    GREEN,
    GREY,
    INK,
    VERMILLION,
    axis,
    base_figure,
    error_bars_of,
    interval_words,
    percents,
)

_GRID = 5
_ENSEMBLE = {"color": GREEN, "symbol": "diamond-open", "size": 10, "line": {"width": 2}}


def splits(
    mixture: Evaluation,
    ensemble: Evaluation | None = None,
    references: Mapping[str, Evaluation] | None = None,
) -> go.Figure:
    """Draw one row per split: the soup with its 95% interval, the ensemble, and up to two references.

    Parameters
    ----------
    mixture
        The soup.
    ensemble
        The ensemble of the same members.
    references
        Name to evaluation, for example of the best single model and the zero-shot model; the first two are drawn.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``.
    """
    figure = base_figure(
        "Accuracy on every split", axis("Accuracy, %"), axis("", autorange="reversed", automargin=True)
    )
    for (name, evaluation), (symbol, colour) in zip(
        (references or {}).items(), (("diamond", INK), ("square", GREY)), strict=False
    ):
        figure.add_scatter(
            x=percents(list(evaluation.accuracy.values())),
            y=[split_label(evaluation, split) for split in evaluation.scores],
            uid=f"reference-{symbol}", name=name, mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 9},
            meta=name, hovertemplate="%{meta}<br>%{y}: %{x:.2f}%<extra></extra>",
        )  # fmt: skip
    for uid, name, marker in (
        ("ensemble", "ensemble of the same members", _ENSEMBLE),
        ("here", "this soup, with 95% interval", {"color": VERMILLION, "size": 10}),
    ):
        figure.add_scatter(
            x=[None], y=[None], uid=uid, name=name, mode="markers", marker=marker,
            hovertemplate=f"{name}<br>%{{y}}: %{{x:.2f}}%<extra></extra>",
        )  # fmt: skip
    return finished(figure, splits_patch(mixture, ensemble, references))


def splits_patch(
    mixture: Evaluation, ensemble: Evaluation | None = None, references: Mapping[str, Evaluation] | None = None
) -> Patch:
    """What moves in `splits` when the soup changes; its markers are hollow until the scores are exact."""
    traces: dict[str, dict[str, Any]] = {
        "here": {
            "x": percents(list(mixture.accuracy.values())),
            "y": [split_label(mixture, name) for name in mixture.scores],
            "error_x": error_bars_of(mixture.scores.values(), color=VERMILLION, thickness=1.5, width=4),
            "marker": {
                "color": VERMILLION,
                "size": 10,
                "symbol": ["circle" if score.exact else "circle-open" for score in mixture.scores.values()],
            },
        },
        "ensemble": {"x": [None], "y": [None]},
    }
    rows = "; ".join(
        f"{name} {score.accuracy:.2%} ({interval_words(score.interval)}, {score.correct} of {score.seen})"
        for name, score in mixture.scores.items()
    )
    text = f"Accuracy of this soup on every split, with 95% intervals: {rows}."
    others = dict(references or {})
    if ensemble is not None:
        others["ensemble of the same members"] = ensemble
        traces["ensemble"] = {
            "x": percents(list(ensemble.accuracy.values())),
            "y": [split_label(ensemble, name) for name in ensemble.scores],
            "marker": _ENSEMBLE,
        }
    for name, evaluation in others.items():
        text += f" {name}: " + "; ".join(f"{split} {value:.2%}" for split, value in evaluation.accuracy.items()) + "."
    ends = [end for interval in mixture.interval.values() for end in interval]
    ends += [value for evaluation in others.values() for value in evaluation.accuracy.values()]
    # In steps, so that the axis stays fixed while the soup moves a little.
    known = percents([end for end in [*ends, *mixture.accuracy.values()] if math.isfinite(end)])
    low = math.floor((min(known) - 1) / _GRID) * _GRID
    high = math.ceil((max(known) + 1) / _GRID) * _GRID
    return make_patch(text, traces, xaxis=axis("Accuracy, %", (low, high)))
