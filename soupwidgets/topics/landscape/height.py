"""What the height of a landscape is where it is no loss: an error, or the metric of the task itself."""

from __future__ import annotations

from soupwidgets.evaluation import SplitScore
from soupwidgets.stats.metrics import METRICS


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


def is_error(metric: str) -> bool:
    """Whether its cost is what is missing to 1."""
    known = METRICS.get(metric)
    return known is not None and known.share and known.higher_is_better
