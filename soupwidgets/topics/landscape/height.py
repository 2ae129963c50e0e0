"""What the height of a landscape is where it is no loss: an error, or the metric of the task itself."""

from __future__ import annotations

import math
from typing import Literal, get_args

from soupwidgets.evaluation import SplitScore
from soupwidgets.stats.metrics import METRICS

Quantity = Literal["loss", "error"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)


def cost(score: SplitScore) -> float:
    """How bad a score is: less is better, whatever the metric's direction.

    Returns
    -------
    float
        1 minus the value for a share of which more is better (of accuracy: the error); the value where less is
        better; the negative value of anything else, such as R2.
    """
    return cost_of(score.metric, score.accuracy)


def cost_of(metric: str, value: float) -> float:
    """The same for a value of a metric.

    Examples
    --------
    >>> cost_of("accuracy", 0.75), cost_of("rmse", 2.0), cost_of("r2", 0.75)
    (0.25, 2.0, -0.75)
    """
    known = METRICS.get(metric)
    if known is not None and not known.higher_is_better:
        return value
    return 1 - value if is_error(metric) else -value


def cost_interval(score: SplitScore) -> tuple[float, float]:
    """95% limits of `cost`."""
    low, high = sorted(cost_of(score.metric, limit) for limit in score.interval)
    return low, high


def sampling_errors(score: SplitScore) -> tuple[float, float]:
    """Standard errors of a score's loss and `cost` as those of the whole split; NaN where that is not known.

    Returns
    -------
    tuple[float, float]
        0 once every example was seen: with the finite population's factor (Cochran 1977, section 2.6).
    """
    if score.exact:
        return 0.0, 0.0
    left = math.sqrt(1 - score.seen / score.total)
    low, high = cost_interval(score)
    loss = math.nan if score.loss_sd is None else score.loss_sd / math.sqrt(score.seen)
    return loss * left, (high - low) / (2 * 1.959964) * left


def is_error(metric: str) -> bool:
    """Whether its cost is what is missing to 1."""
    known = METRICS.get(metric)
    return known is not None and known.share and known.higher_is_better
