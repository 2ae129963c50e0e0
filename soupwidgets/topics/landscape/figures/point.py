"""What one model of the plane measures on every split."""

from __future__ import annotations

import math

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.axis_names import split_label
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import VERMILLION, axis, bar_length, drawing, percent
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
    values, lows, highs, words = [], [], [], []
    for label, score in zip(labels, scores.values(), strict=True):
        if quantity == "error":
            value, (low, high) = percent(1 - score.accuracy), (percent(1 - end) for end in reversed(score.interval))
            words.append(f"{label} {value:.1f}%")
        else:
            value, (low, high) = score.loss, score.loss_interval or (math.nan, math.nan)
            words.append(f"{label} {value:.3f}")
        values.append(value)
        lows.append(bar_length(value - low))
        highs.append(bar_length(high - value))
    finite = [value for value in values if math.isfinite(value)] or [1.0]
    highest = 1.1 * max(finite)
    step = round_step(highest / 5)
    end = 100.0 if quantity == "error" else step * math.ceil(highest / step)
    name = "Error" if quantity == "error" else "Loss"
    drawn = drawing(
        f"{name} of the model under the ring",
        axis("Error, %" if quantity == "error" else "Cross-entropy, nats", (0.0, end)),
        axis("", autorange="reversed", automargin=True),
    )
    drawn.add(
        x=values, y=labels, uid="here", name="under the ring, with 95% interval", mode="markers", showlegend=True,
        error_x={
            "type": "data", "symmetric": False, "array": highs, "arrayminus": lows,
            "color": VERMILLION, "thickness": 1.5, "width": 4,
        },
        marker={"color": VERMILLION, "size": 11, "symbol": "circle" if evaluation.exact else "circle-open"},
        hovertemplate="%{y}: %{x:.4g}<extra></extra>",
    )  # fmt: skip
    state = "" if evaluation.exact else ", coarse so far"
    return drawn.done(f"{name} of the model under the ring{state}: {', '.join(words)}.")
