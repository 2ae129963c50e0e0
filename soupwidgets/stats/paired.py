"""Two models on the same examples: whether one is better, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.stats.bootstrap import percentile_limits
from soupwidgets.stats.intervals import LEVEL
from soupwidgets.stats.metrics import DRAWS, Metric

_SEED = 0


@dataclass(frozen=True)
class PairedTest:
    """McNemar's exact test.

    Parameters
    ----------
    only_first, only_second
        Number of images that only one of the models classifies correctly.
    images
        Number of images.
    p_value
        Two-sided: the probability of a split at least as uneven if both models are equally good.
    difference
        Accuracy of the second minus that of the first.
    interval
        Its 95% interval.
    """

    only_first: int
    only_second: int
    images: int
    p_value: float
    difference: float
    interval: tuple[float, float]


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> PairedTest:
    """Compare two models on the same images.

    Parameters
    ----------
    first, second
        Whether each image was classified correctly, ``[n]``, in the same order.

    Returns
    -------
    PairedTest
        The interval is Wald's for paired shares.

    Raises
    ------
    ValueError
        When there are no images, or the numbers differ.

    Notes
    -----
    McNemar (1947), Psychometrika 12, in its exact binomial form.

    Examples
    --------
    >>> test = mcnemar(np.array([True] * 5 + [False]), np.array([False] * 5 + [True]))
    >>> test.only_first, test.only_second, round(test.p_value, 4)
    (5, 1, 0.2188)
    """
    from scipy import stats

    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise ValueError(f"results of shapes {first.shape} and {second.shape} do not belong to the same images")
    b, c, n = int((first & ~second).sum()), int((~first & second).sum()), len(first)
    p_value = float(stats.binomtest(b, b + c).pvalue) if b + c else 1.0
    difference = (c - b) / n
    error = np.sqrt(b + c - (c - b) ** 2 / n) / n
    margin = float(stats.norm.ppf(0.5 + LEVEL / 2) * error)
    return PairedTest(b, c, n, p_value, difference, (difference - margin, difference + margin))


@dataclass(frozen=True)
class PairedDifference:
    """By how much a metric of two models differs on the same examples.

    Parameters
    ----------
    metric
        Its name.
    difference
        The value of the second model minus that of the first, whichever is better.
    interval
        Its 95% interval.
    """

    metric: str
    difference: float
    interval: tuple[float, float]


def paired_difference(
    metric: Metric,
    first: NDArray[Any],
    second: NDArray[Any],
    targets: NDArray[Any],
    *,
    groups: NDArray[np.int64] | None = None,
    accepted: NDArray[np.int64] | None = None,
    draws: int = DRAWS,
) -> PairedDifference:
    """Compare two models on the same examples by any metric.

    Parameters
    ----------
    metric
        What they are compared by.
    first, second
        Outputs (or predictions, if the metric is of these) of the two models, ``[n, ...]``, in the same order.
    targets, groups, accepted
        As in `Metric.measure`.
    draws
        How many samples the bootstrap draws.

    Returns
    -------
    PairedDifference
        Where each example has a score, with the normal interval of the mean of their differences; otherwise with the
        percentile bootstrap over examples, of which each draw is the same for both models (Efron and Tibshirani 1993,
        section 13), with a fixed seed.

    Raises
    ------
    ValueError
        When there are fewer than two examples, or the numbers differ.

    Examples
    --------
    >>> from soupwidgets.stats import METRICS
    >>> answers = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 1])
    >>> paired_difference(METRICS["accuracy"], *answers, np.array([0, 1, 0, 1])).difference
    0.5
    """
    from scipy import stats

    n = len(targets)
    if len(first) != n or len(second) != n or n < 2:
        raise ValueError(f"{len(first)} and {len(second)} outputs do not belong to {n} examples, of two at least")
    each = None if metric.root else (metric.by_example(first, targets), metric.by_example(second, targets))
    if each is not None and each[0] is not None and each[1] is not None:
        gained = each[1] - each[0]
        margin = float(stats.norm.ppf(0.5 + LEVEL / 2) * gained.std(ddof=1) / np.sqrt(n))
        mean = float(gained.mean())
        return PairedDifference(metric.name, mean, (mean - margin, mean + margin))

    def gain(rows: NDArray[np.int64]) -> float:
        picked = {
            "groups": None if groups is None else groups[rows],
            "accepted": None if accepted is None else accepted[rows],
        }
        values = [metric.value(one[rows], targets[rows], **picked) for one in (first, second)]
        return values[1] - values[0]

    rng = np.random.default_rng(_SEED)
    drawn = np.array([gain(rng.integers(0, n, n)) for _ in range(draws)])
    known = drawn[~np.isnan(drawn)]
    low, high = map(float, percentile_limits(known)) if len(known) else (float("nan"), float("nan"))
    return PairedDifference(metric.name, gain(np.arange(n)), (low, high))
