"""Whether two numbers of the same things rise together: the rank correlation, with interval and p-value."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.intervals import LEVEL

# The interval is that of three degrees of freedom less.
FEWEST = 4
_PERMUTATIONS = 9999


def rank_correlation(x: ArrayLike, y: ArrayLike) -> tuple[Estimate, float]:
    """Spearman's rank correlation with its interval, and a two-sided p-value.

    Parameters
    ----------
    x, y
        Two numbers of each thing, ``[n]``, at least four things.

    Returns
    -------
    tuple[Estimate, float]
        The correlation, -1..1, and its p-value by permuting the things (9,999 permutations, or all of them where
        there are fewer; the seed is fixed). Both are NaN when one of the numbers is unknown, or the same for all.

    Raises
    ------
    ValueError
        When there are fewer than four, or not as many of the one as of the other.

    Notes
    -----
    The interval is on Fisher's scale with the standard error of Bonett and Wright (2000), Psychometrika 65, 'Sample
    size requirements for estimating Pearson, Kendall and Spearman correlations': sqrt((1 + r^2 / 2) / (n - 3)).

    Examples
    --------
    >>> found, p_value = rank_correlation([1, 2, 3, 4, 5, 6], [1, 3, 2, 5, 4, 6])
    >>> print(found, round(p_value, 3))
    0.886 [0.0664, 0.992] 0.033
    """
    from scipy import stats

    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1 or len(first) < FEWEST:
        raise ValueError(f"a rank correlation needs two numbers of at least {FEWEST} things, got {len(first)}")
    if not np.isfinite(first + second).all() or min(np.ptp(first), np.ptp(second)) == 0:
        return Estimate(float("nan"), float("nan"), float("nan")), float("nan")
    ranks = _standardised(stats.rankdata(second))

    def correlation(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.moveaxis(values, axis, -1) @ ranks
        return found

    test = stats.permutation_test(
        (_standardised(stats.rankdata(first)),),
        correlation,
        permutation_type="pairings",
        vectorized=True,
        n_resamples=_PERMUTATIONS,
        rng=0,
    )
    value = float(np.clip(test.statistic, -1, 1))
    margin = stats.norm.ppf(0.5 + LEVEL / 2) * np.sqrt((1 + value**2 / 2) / (len(first) - 3))
    with np.errstate(divide="ignore"):
        low, high = np.tanh(np.arctanh(value) + margin * np.array([-1, 1]))
    return Estimate(value, float(low), float(high)), float(test.pvalue)


def _standardised(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = ranks - ranks.mean()
    found: NDArray[np.float64] = centred / np.linalg.norm(centred)
    return found
