"""Intervals that hold for many accuracies at once, of models that were shown the same images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soupwidgets.stats.intervals import LEVEL, clopper_pearson

_DRAWS = 4000
_SEED = 0


def simultaneous_level(
    right: NDArray[np.bool_], groups: Sequence[NDArray[np.bool_]], *, level: float = LEVEL, draws: int = _DRAWS
) -> float:
    """The level of each interval at which all of them hold at once.

    Parameters
    ----------
    right
        Whether each model answered each image correctly, ``[models, images]``.
    groups
        Which images belong to each group, ``[images]`` each; groups may overlap.
    level
        Of all accuracies (models x groups) together.
    draws
        How many times the vector is drawn, with a fixed seed.

    Returns
    -------
    float
        Between ``level`` and Bonferroni's 1 - (1 - level) / (models x groups). The more the models agree image by
        image, the nearer to ``level``.

    Raises
    ------
    ValueError
        When there is no group, or one without images.

    Notes
    -----
    The sup-t band: the critical value is the quantile of the largest absolute deviation, in standard errors, of a
    Gaussian vector with the correlations that the images show (Montiel Olea and Plagborg-Moller 2019, Journal of
    Applied Econometrics 34).
    """
    from scipy.stats import norm

    if not groups or not all(group.any() for group in groups):
        raise ValueError("each group needs at least one image")
    rows = [_deviations(right[:, group]) for group in groups]
    # Where nobody errs, or everybody does, the images show no deviation, and the accuracy is unknown all the same: each
    # such group is a comparison by itself.
    silent = sum(len(np.unique(right[:, group], axis=0)) for group in groups) - sum(map(len, rows))
    varying = sum(map(len, rows))
    compared = varying + silent
    # Disjoint groups vary independently of each other; what overlaps is drawn together.
    apart = np.sum(groups, axis=0).max() <= 1
    blocks = [(own, group) for own, group in zip(rows, groups, strict=True) if len(own)]
    if apart:
        products = [own @ own.T for own, _ in blocks]
    else:
        whole = np.zeros((varying, right.shape[1]))
        ends = np.cumsum([0, *(len(own) for own, _ in blocks)])
        for (own, group), start, stop in zip(blocks, ends, ends[1:], strict=False):
            whole[start:stop, group] = own
        products = [whole @ whole.T] if varying else []
    seeded = np.random.default_rng(_SEED)
    largest = np.zeros(draws)
    for correlation in products:
        values, vectors = np.linalg.eigh(correlation)
        root = vectors * np.sqrt(np.maximum(values, 0))
        drawn = seeded.standard_normal((draws, len(values))) @ root.T
        largest = np.maximum(largest, np.abs(drawn).max(axis=1))
    if silent:
        largest = np.maximum(largest, np.abs(seeded.standard_normal((draws, silent))).max(axis=1))
    single, most = norm.ppf(0.5 + level / 2), norm.ppf(1 - (1 - level) / (2 * compared))
    critical = float(np.clip(np.quantile(largest, level), single, most))
    return float(2 * norm.cdf(critical) - 1)


def _deviations(right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Deviations from each model's accuracy in one group, of length 1; models that answer alike are one of them."""
    own = np.unique(right, axis=0).astype(np.float64)
    apart = own - own.mean(axis=1, keepdims=True)
    length = np.sqrt((apart**2).sum(axis=1))
    return np.asarray(apart[length > 0] / length[length > 0, None])


def simultaneous_intervals(
    right: NDArray[np.bool_], groups: Sequence[NDArray[np.bool_]], *, level: float = LEVEL
) -> NDArray[np.float64]:
    """Intervals for the accuracy of every model in every group, all of which hold at once.

    Parameters
    ----------
    right, groups, level
        As in `simultaneous_level`.

    Returns
    -------
    NDArray[float64]
        ``[groups, models, 2]``: Clopper-Pearson limits at that level.

    Examples
    --------
    >>> right = np.array([[True, True, False, False], [True, False, True, False]])
    >>> simultaneous_intervals(right, [np.ones(4, bool)]).round(2).tolist()
    [[[0.05, 0.95], [0.05, 0.95]]]
    """
    each = simultaneous_level(right, groups, level=level)
    return np.stack([clopper_pearson(right[:, own].sum(axis=1), int(own.sum()), level=each) for own in groups])
