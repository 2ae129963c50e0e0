"""Accuracy of a soup on every split, next to the alternatives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.axis_names import split_label
from soupwidgets.figures.colours import VERMILLION, mark
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, rows_axis
from soupwidgets.figures.units import Unit, counted, unit_of

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
    unit = unit_of(mixture)
    hover = f"<br>%{{y}}: {unit.hover('x')}<extra></extra>"
    drawn = drawing(f"{unit.name} on every split, with 95% interval", axis(unit.axis()), rows_axis(len(mixture.scores)))
    others = dict(references or {})
    for (name, evaluation), what in zip(others.items(), ("fine-tuned", "zero-shot"), strict=False):
        drawn.add(
            **_places(evaluation, unit), uid=f"reference-{what}", name=name, mode="markers", marker=mark(what, 9),
            meta=name, hovertemplate=f"%{{meta}}{hover}",
        )  # fmt: skip
    name = "ensemble of the same members"
    drawn.add(
        **(_NOWHERE if ensemble is None else _places(ensemble, unit)), uid="ensemble", name=name, mode="markers",
        marker=mark("ensemble"),
        hovertemplate=f"{name}{hover}",
    )  # fmt: skip
    if ensemble is not None:
        others[name] = ensemble
    name = "this soup, with 95% interval"
    symbols = ["circle" if score.exact else "circle-open" for score in mixture.scores.values()]
    drawn.add(
        **_places(mixture, unit), uid="here", name=name, mode="markers",
        error_x=unit.bars(zip(mixture.accuracy.values(), mixture.interval.values(), strict=True),
                          color=VERMILLION, thickness=1.5, width=4),
        marker={"color": VERMILLION, "size": 10, "symbol": symbols},
        hovertemplate=f"{name}{hover}",
    )  # fmt: skip
    rows = "; ".join(
        f"{name} {unit.show(score.accuracy, 2)} ({unit.limits(score.interval)}, {counted(score)})"
        for name, score in mixture.scores.items()
    )
    text = f"{unit.name} of this soup on every split, with 95% intervals: {rows}."
    for name, evaluation in others.items():
        text += (
            f" {name}: "
            + "; ".join(f"{split} {unit.show(value, 2)}" for split, value in evaluation.accuracy.items())
            + "."
        )
    ends = [end for interval in mixture.interval.values() for end in interval]
    ends += [value for evaluation in others.values() for value in evaluation.accuracy.values()]
    # In steps, so that the axis stays fixed while the soup moves a little.
    known = unit.places(end for end in [*ends, *mixture.accuracy.values()] if math.isfinite(end))
    span = max(known) - min(known)
    grid, margin = (_GRID, 1.0) if unit.share or not span else (10 ** math.floor(math.log10(span)), 0.05 * span)
    low = math.floor((min(known) - margin) / grid) * grid
    high = math.ceil((max(known) + margin) / grid) * grid
    return drawn.done(text, xaxis=axis(unit.axis(), (low, high)))


def _places(evaluation: Evaluation, unit: Unit) -> dict[str, Any]:
    rows = [split_label(evaluation, split) for split in evaluation.scores]
    return {"x": unit.places(evaluation.accuracy.values()), "y": rows}
