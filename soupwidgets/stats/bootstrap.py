"""Intervals by resampling: what a number would have been with other images of the same kind."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.intervals import LEVEL

_DRAWS = 2000
_SEED = 0


def resampled(n: int, draws: int = _DRAWS, shares: ArrayLike | None = None) -> NDArray[np.int64]:
    """How often each thing occurs in samples with replacement.

    Parameters
    ----------
    n
        Size of a sample.
    draws
        How many samples; the seed is fixed.
    shares
        How common each thing is, ``[things]``, summing to 1; ``n`` things alike when None.

    Returns
    -------
    NDArray[np.int64]
        Counts, ``[draws, things]``.

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
    """A number with the percentile limits of its draws, ``[draws]``."""
    low, high = percentile_limits(drawn)
    return Estimate(float(value), float(low), float(high))  # type: ignore[arg-type]


def bootstrap_mean(
    right: Mapping[str, NDArray[np.bool_] | NDArray[np.float64]],
    images: Mapping[str, NDArray[np.int64]] | None = None,
    minus: Mapping[str, NDArray[np.bool_] | NDArray[np.float64]] | None = None,
) -> Estimate:
    """Mean accuracy over shifts, each with the same weight, with images resampled.

    Parameters
    ----------
    right
        For each shift whether each image was right, or how much it counts, ``[n]``.
    images
        For each shift the number of the image behind each row, where shifts show
        the same images in several ways: these are drawn together. All different when None.
    minus
        Another model's, whose mean is taken off; the same images are drawn for both.

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
    Images that several shifts show are drawn with Poisson weights, which for many images is drawing with replacement.
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
