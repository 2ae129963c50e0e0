"""Two models on the same images: whether one is better, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.intervals import LEVEL
from soupwidgets.suites import Split

_DRAWS = 2000
_SEED = 0


@dataclass(frozen=True)
class PairedTest:
    """McNemar's exact test.

    Parameters
    ----------
    only_first, only_second
        Images that one model alone has right.
    images
        How many there are.
    p_value
        Two-sided: how probable so uneven a division is when both models are equally good.
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
    """Compare two models that were shown the same images.

    Parameters
    ----------
    first, second
        Whether each was right, ``[n]``, in the same order.

    Returns
    -------
    PairedTest
        The interval is Wald's for paired shares.

    Raises
    ------
    ValueError
        When there are no images, or not the same number.

    Notes
    -----
    McNemar (1947), Psychometrika 12, in its exact binomial form.

    Examples
    --------
    >>> test = mcnemar(np.array([True] * 5 + [False]), np.array([False] * 5 + [True]))
    >>> test.only_first, test.only_second, round(test.p_value, 4)
    (5, 1, 0.2188)
    """
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise ValueError(f"results of shapes {first.shape} and {second.shape} are not of the same images")
    b, c, n = int((first & ~second).sum()), int((~first & second).sum()), len(first)
    p_value = float(stats.binomtest(b, b + c).pvalue) if b + c else 1.0
    difference = (c - b) / n
    error = np.sqrt(b + c - (c - b) ** 2 / n) / n
    margin = float(stats.norm.ppf(0.5 + LEVEL / 2) * error)
    return PairedTest(b, c, n, p_value, difference, (difference - margin, difference + margin))


@dataclass(frozen=True)
class BootstrapMean:
    """A mean over shifts (or a difference of two) with its 95% bootstrap interval, in 0..1."""

    value: float
    low: float
    high: float


def right_answers(evaluation: Evaluation, split: Split) -> NDArray[np.bool_]:
    """Whether each image of a split was right, ``[n]``; an image with a logit that is not finite is wrong."""
    logits = evaluation.split_logits(split.name)
    right: NDArray[np.bool_] = (logits.argmax(axis=1) == split.labels) & np.isfinite(logits).all(axis=1)
    return right


def bootstrap_mean(
    right: Mapping[str, NDArray[np.bool_] | NDArray[np.float64]],
    images: Mapping[str, NDArray[np.int64]] | None = None,
    minus: Mapping[str, NDArray[np.bool_] | NDArray[np.float64]] | None = None,
) -> BootstrapMean:
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
    BootstrapMean
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
    low, high = np.quantile(draws, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return BootstrapMean(float(np.mean([v.mean() for v in values.values()])), float(low), float(high))


def _independent(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Means of draws with replacement; only how often each value occurs matters."""
    kinds, counts = np.unique(values, return_counts=True)
    found: NDArray[np.float64] = rng.multinomial(len(values), counts / len(values), _DRAWS) @ kinds / len(values)
    return found


def _drawn(values: NDArray[np.float64], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (weights @ values) / np.maximum(weights.sum(axis=1), 1)
    return found
