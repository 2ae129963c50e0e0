"""Confidence intervals for accuracies."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95


def clopper_pearson(correct: ArrayLike, total: ArrayLike, level: float = LEVEL) -> NDArray[np.float64]:
    """Exact two-sided interval for a binomial proportion.

    Parameters
    ----------
    correct, total
        Number of successes and of trials; broadcast against each other.
    level
        Confidence level.

    Returns
    -------
    NDArray[np.float64]
        Lower and upper limit in the last axis, ``[..., 2]``, within 0..1.

    Raises
    ------
    ValueError
        When a count is negative, exceeds its total, or a total is zero.

    Notes
    -----
    Clopper and Pearson (1934), Biometrika 26: the limits are quantiles of Beta
    distributions. Used for accuracies as in arXiv 2109.01903.

    Examples
    --------
    >>> clopper_pearson(0, 10).round(4).tolist()
    [0.0, 0.3085]
    """
    from scipy.special import betaincinv

    k, n = np.broadcast_arrays(np.asarray(correct, dtype=float), np.asarray(total, dtype=float))
    if (k < 0).any() or (k > n).any() or (n <= 0).any():
        raise ValueError("counts must satisfy 0 <= correct <= total and total > 0")
    tail = (1 - level) / 2
    low = np.where(k > 0, betaincinv(np.maximum(k, 0.5), n - k + 1, tail), 0.0)
    high = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 0.5), 1 - tail), 1.0)
    return np.stack([low, high], axis=-1)


def mean_interval(values: Sequence[float], intervals: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Interval for the mean of accuracies that were measured on independent samples.

    Parameters
    ----------
    values
        The accuracies.
    intervals
        Their intervals; the result has the same confidence level.

    Returns
    -------
    tuple[float, float]
        Lower and upper limit of the mean.

    Notes
    -----
    Zou and Donner (2008), Statistics in Medicine 27: the squared distances from
    each value to its limit add up, which keeps the asymmetry of exact
    intervals near 0 and 1. Splits that show the same images are positively
    correlated; for those this interval is too short.

    Examples
    --------
    >>> low, high = mean_interval([0.5, 0.7], [(0.4, 0.6), (0.6, 0.8)])
    >>> round(low, 4), round(high, 4)
    (0.5293, 0.6707)
    """
    k = len(values)
    mean = sum(values) / k
    below = math.sqrt(sum((v - low) ** 2 for v, (low, _) in zip(values, intervals, strict=True)))
    above = math.sqrt(sum((high - v) ** 2 for v, (_, high) in zip(values, intervals, strict=True)))
    return mean - below / k, mean + above / k
