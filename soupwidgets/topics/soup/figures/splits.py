"""Accuracy of a soup on every split, next to the alternatives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.axis_names import split_label
from soupwidgets.figures.colours import VERMILLION, mark
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, error_bars_of, interval_words, percents, rows_axis

_GRID = 5
# One point that is nowhere: a trace without any would not be in the legend.
_NOWHERE = {"x": [None], "y": [None]}


@figure
def splits(
    mixture: Evaluation,
    ensemble: Evaluation | None = None,
    references: Mapping[str, Evaluation] | None = None,
) -> Drawing:
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
        With a text alternative in ``layout.meta``; the soup's marks are hollow while it is not exact.
    """
    drawn = drawing("Accuracy on every split, with 95% interval", axis("Accuracy, %"), rows_axis(len(mixture.scores)))
    others = dict(references or {})
    for (name, evaluation), what in zip(others.items(), ("fine-tuned", "zero-shot"), strict=False):
        drawn.add(
            **_places(evaluation), uid=f"reference-{what}", name=name, mode="markers", label=name, at=0,
            marker=mark(what, 9),
            meta=name, hovertemplate="%{meta}<br>%{y}: %{x:.2f}%<extra></extra>",
        )  # fmt: skip
    name = "ensemble of the same members"
    drawn.add(
        **(_NOWHERE if ensemble is None else _places(ensemble)), uid="ensemble", name=name, mode="markers",
        label="ensemble", at=0, marker=mark("ensemble"),
        hovertemplate=f"{name}<br>%{{y}}: %{{x:.2f}}%<extra></extra>",
    )  # fmt: skip
    if ensemble is not None:
        others[name] = ensemble
    name = "this soup, with 95% interval"
    symbols = ["circle" if score.exact else "circle-open" for score in mixture.scores.values()]
    drawn.add(
        **_places(mixture), uid="here", name=name, mode="markers", label="this soup", at=0,
        error_x=error_bars_of(mixture.scores.values(), color=VERMILLION, thickness=1.5, width=4),
        marker={"color": VERMILLION, "size": 10, "symbol": symbols},
        hovertemplate=f"{name}<br>%{{y}}: %{{x:.2f}}%<extra></extra>",
    )  # fmt: skip
    rows = "; ".join(
        f"{name} {score.accuracy:.2%} ({interval_words(score.interval)}, {score.correct} of {score.seen})"
        for name, score in mixture.scores.items()
    )
    text = f"Accuracy of this soup on every split, with 95% intervals: {rows}."
    for name, evaluation in others.items():
        text += f" {name}: " + "; ".join(f"{split} {value:.2%}" for split, value in evaluation.accuracy.items()) + "."
    ends = [end for interval in mixture.interval.values() for end in interval]
    ends += [value for evaluation in others.values() for value in evaluation.accuracy.values()]
    # In steps, so that the axis stays fixed while the soup moves a little.
    known = percents([end for end in [*ends, *mixture.accuracy.values()] if math.isfinite(end)])
    low = math.floor((min(known) - 1) / _GRID) * _GRID
    high = math.ceil((max(known) + 1) / _GRID) * _GRID
    return drawn.done(text, xaxis=axis("Accuracy, %", (low, high)))


def _places(evaluation: Evaluation) -> dict[str, Any]:
    rows = [split_label(evaluation, split) for split in evaluation.scores]
    return {"x": percents(list(evaluation.accuracy.values())), "y": rows}
