"""What one model of the plane measures on every split."""

from __future__ import annotations

import math

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.axis_names import split_label
from soupwidgets.figures.colours import VERMILLION, mark
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, error_bars, percent, rows_axis
from soupwidgets.topics.landscape.figures.plane import Quantity, round_step


@figure
def point(evaluation: Evaluation, quantity: Quantity = "loss") -> Drawing:
    """Draw one row per split, with 95% intervals; hollow while not every image was seen.

    Parameters
    ----------
    evaluation
        Of the model.
    quantity
        What is drawn.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``. Its axis keeps still while the model changes a little.
    """
    scores = evaluation.scores
    labels = [split_label(evaluation, name) for name in scores]
    found, words = [], []
    for label, score in zip(labels, scores.values(), strict=True):
        if quantity == "error":
            value, (low, high) = percent(1 - score.accuracy), (percent(1 - end) for end in reversed(score.interval))
            words.append(f"{label} {value:.1f}%")
        else:
            value, (low, high) = score.loss, score.loss_interval or (math.nan, math.nan)
            words.append(f"{label} {value:.3f}")
        found.append((value, low, high))
    values = [value for value, _, _ in found]
    finite = [value for value in values if math.isfinite(value)] or [1.0]
    highest = 1.1 * max(finite)
    step = round_step(highest / 5)
    end = 100.0 if quantity == "error" else step * math.ceil(highest / step)
    name = "Error" if quantity == "error" else "Loss"
    drawn = drawing(
        f"{name} of the model under the ring, with 95% intervals",
        axis("Error, %" if quantity == "error" else "Cross-entropy, nats", (0.0, end)),
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
