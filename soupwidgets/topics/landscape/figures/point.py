"""What one model of the plane measures on every split."""

from __future__ import annotations

import math

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.axis_names import split_label
from soupwidgets.figures.colours import VERMILLION, mark
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, error_bars, rows_axis
from soupwidgets.suites.task import Task
from soupwidgets.topics.landscape.figures.plane import height_of, round_step
from soupwidgets.topics.landscape.height import Quantity, cost, cost_interval


@figure
def point(evaluation: Evaluation, quantity: Quantity = "loss", task: Task = "single-label") -> Drawing:
    """Draw one row per split, with 95% intervals; hollow while not every image was seen.

    Parameters
    ----------
    evaluation
        Of the model.
    quantity
        What is drawn.
    task
        Says what the loss is.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``. Its axis keeps still while the model changes a little.
    """
    scores = evaluation.scores
    labels = [split_label(evaluation, name) for name in scores]
    found, words = [], []
    shown = height_of(next(iter(scores.values())), quantity, task)
    for label, score in zip(labels, scores.values(), strict=True):
        if quantity == "error":
            value = shown.factor * cost(score)
            low, high = sorted(shown.factor * end for end in cost_interval(score))
            words.append(f"{label} {shown.show(cost(score))}")
        else:
            value, (low, high) = score.loss, score.loss_interval or (math.nan, math.nan)
            words.append(f"{label} {value:.3f}")
        found.append((value, low, high))
    values = [value for value, _, _ in found]
    # A loss may have an interval that dwarfs it; a metric is to be seen with its own.
    reach = values if quantity == "loss" else [end for ends in found for end in ends]
    finite = [value for value in reach if math.isfinite(value)] or [1.0]
    start, end = 0.0, 100.0
    if shown.factor != 100:
        step = round_step(max(map(abs, finite)) * 1.1 / 5)
        start = min(0.0, step * math.floor(1.1 * min(finite) / step))
        end = max(step if start == 0 else 0.0, step * math.ceil(1.1 * max(finite) / step))
    name = shown.name
    drawn = drawing(
        f"{name} of the model under the ring, with 95% intervals",
        axis(shown.unit, (start, end)),
        rows_axis(len(labels)),
    )
    drawn.add(
        x=values, y=labels, uid="here", name="under the ring, with 95% interval", mode="markers",
        error_x=error_bars(found, color=VERMILLION, thickness=1.5, width=4),
        marker=mark("here", 11, hollow=not evaluation.exact),
        hovertemplate="%{y}: %{x:.4g}<extra></extra>",
    )  # fmt: skip
    state = "" if evaluation.exact else ", coarse so far"
    return drawn.done(f"{name} of the model under the ring{state}: {', '.join(words)}.")
