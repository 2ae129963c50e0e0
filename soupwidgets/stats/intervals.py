"""Confidence intervals for accuracies."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
# Classes whose numbers of images differ by no more than this factor are grouped.
_ALIKE = 1.25


def clopper_pearson(correct: ArrayLike, total: ArrayLike, *, level: float = LEVEL) -> NDArray[np.float64]:
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


def mean_interval(
    values: Sequence[float], intervals: Sequence[tuple[float, float]], *, weights: Sequence[float] | None = None
) -> tuple[float, float]:
    """Interval for the mean of accuracies that were measured on independent samples.

    Parameters
    ----------
    values
        The accuracies.
    intervals
        Their intervals; the result has the same confidence level.
    weights
        Weight of each in the mean, summing to 1; equal weights when None.

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
    shares = [1 / len(values)] * len(values) if weights is None else list(weights)
    parts = list(zip(shares, values, intervals, strict=True))
    mean = sum(share * value for share, value, _ in parts)
    below = math.sqrt(sum((share * (value - low)) ** 2 for share, value, (low, _) in parts))
    above = math.sqrt(sum((share * (high - value)) ** 2 for share, value, (_, high) in parts))
    return mean - below, mean + above


def class_mean_interval(correct: ArrayLike, total: ArrayLike, *, level: float = LEVEL) -> tuple[float, float]:
    """Interval for the mean of the accuracies of several classes, with equal weights.

    Parameters
    ----------
    correct, total
        Correct images and images of each class, ``[classes]``; a class may have a single image.
    level
        Confidence level; the coverage is at least that, except for rounding.

    Returns
    -------
    tuple[float, float]
        Lower and upper limit, within 0..1.

    Raises
    ------
    ValueError
        When there is no class, or as in `clopper_pearson`.

    Notes
    -----
    With the same number of images in all K classes the mean is a share of all images, and the number of correct ones
    is a sum of independent trials with different probabilities. Hoeffding (1956), Annals of Mathematical
    Statistics 27, theorem 5: among all such sums with the same mean the binomial distribution has the longest tails, so
    the Clopper-Pearson interval of the total is valid, however few images a class has. (A bootstrap within classes
    ignores the uncertainty about a class with one image, which is always correct or always wrong.)

    Classes are grouped so that numbers of images differ by at most a quarter, each class being treated as having as
    many images as the smallest of its group, which only lengthens the interval; the groups are then combined by
    `mean_interval`.

    Examples
    --------
    >>> [round(x, 4) for x in class_mean_interval([1, 1, 0, 1], [1, 1, 1, 1])]
    [0.1941, 0.9937]
    >>> clopper_pearson(3, 4).round(4).tolist()
    [0.1941, 0.9937]
    """
    k, n = (np.asarray(x, dtype=float) for x in (correct, total))
    if k.ndim != 1 or k.shape != n.shape or not len(k):
        raise ValueError(f"counts of shapes {k.shape} and {n.shape} do not belong to the same classes")
    if (n <= 0).any():
        raise ValueError("a class without images has no accuracy: leave it out")
    order = np.argsort(n, kind="stable")
    k, n = k[order], n[order]
    starts = [0]
    for place, size in enumerate(n):
        if size > _ALIKE * n[starts[-1]]:
            starts.append(place)
    rates, shares, trials = [], [], []
    for start, stop in zip(starts, [*starts[1:], len(n)], strict=True):
        rates.append(float(np.mean(k[start:stop] / n[start:stop])))
        shares.append((stop - start) / len(n))
        trials.append((stop - start) * n[start])
    limits = clopper_pearson(np.multiply(rates, trials), trials, level=level)
    return mean_interval(rates, [(low, high) for low, high in limits.tolist()], weights=shares)
