"""Intervals by resampling: how much a number varies over samples of images of the same kind."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.intervals import LEVEL

_DRAWS = 2000
_SEED = 0


def resampled(n: int, draws: int = _DRAWS, *, shares: ArrayLike | None = None) -> NDArray[np.int64]:
    """How often each item occurs in samples with replacement.

    Parameters
    ----------
    n
        Size of a sample.
    draws
        Number of samples; the seed is fixed.
    shares
        Probability of each item, ``[items]``, summing to 1; ``n`` equally likely items when None.

    Returns
    -------
    NDArray[np.int64]
        Counts, ``[draws, items]``.

    Examples
    --------
    >>> resampled(3, draws=2).sum(axis=1).tolist()
    [3, 3]
    """
    common = np.full(n, 1 / n) if shares is None else np.asarray(shares)
    return np.random.default_rng(_SEED).multinomial(n, common, size=draws)


def percentile_limits(drawn: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """95% percentile limits over the first axis, ``[draws, ...]``.

    Notes
    -----
    Efron and Tibshirani (1993), 'An Introduction to the Bootstrap', section 13.3.
    """
    low, high = np.quantile(drawn, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2], axis=0)
    return low, high


def estimate(value: ArrayLike, drawn: NDArray[np.float64]) -> Estimate:
    """A number with the percentile limits of its bootstrap draws, ``[draws]``."""
    low, high = percentile_limits(drawn)
    return Estimate(float(value), float(low), float(high))  # type: ignore[arg-type]


def bootstrap_mean(
    right: Mapping[str, NDArray[np.bool_] | NDArray[np.float64]],
    images: Mapping[str, NDArray[np.int64]] | None = None,
    *,
    minus: Mapping[str, NDArray[np.bool_] | NDArray[np.float64]] | None = None,
) -> Estimate:
    """Mean accuracy over shifts with equal weights, with an interval from resampled images.

    Parameters
    ----------
    right
        For each shift, whether each image was classified correctly, or its score, ``[n]``.
    images
        For each shift, the number of the image behind each row, if several shifts show
        the same images: these are drawn together. All different when None.
    minus
        The same for another model, whose mean is subtracted; the same images are drawn for both.

    Returns
    -------
    Estimate
        From 2,000 draws with a fixed seed.

    Raises
    ------
    ValueError
        When there is no shift.

    Notes
    -----
    Efron and Tibshirani (1993), 'An Introduction to the Bootstrap', section 13.3 (percentile intervals).
    Images shared by several shifts are drawn with Poisson weights, which for many images equals drawing with
    replacement.
    """
    if not right:
        raise ValueError("no distribution shift to take the mean over")
    values = {name: r.astype(np.float64) - (0 if minus is None else minus[name]) for name, r in right.items()}
    rng = np.random.default_rng(_SEED)
    if images is None:
        draws = np.mean([_independent(v, rng) for v in values.values()], axis=0)
    else:
        everything, place = np.unique(np.concatenate([images[name] for name in values]), return_inverse=True)
        ends = np.cumsum([0, *(len(v) for v in values.values())])
        draws = np.empty(_DRAWS)
        for start in range(0, _DRAWS, 100):
            weights = rng.poisson(1.0, (100, len(everything)))
            means = [
                _drawn(v, weights[:, place[a:b]]) for v, a, b in zip(values.values(), ends, ends[1:], strict=False)
            ]
            draws[start : start + 100] = np.mean(means, axis=0)
    return estimate(float(np.mean([v.mean() for v in values.values()])), draws)


def _independent(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Means of draws with replacement; only how often each value occurs matters."""
    kinds, counts = np.unique(values, return_counts=True)
    found: NDArray[np.float64] = rng.multinomial(len(values), counts / len(values), _DRAWS) @ kinds / len(values)
    return found


def _drawn(values: NDArray[np.float64], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (weights @ values) / np.maximum(weights.sum(axis=1), 1)
    return found
