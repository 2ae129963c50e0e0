"""Prediction-powered estimates: predicted answers of all images, corrected by those of the images that were seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.intervals import LEVEL

Floats = NDArray[np.float64]

# What the predictions are fitted to the same images with: a line and a spread, and the mean of the differences.
_FITTED = 4
# No prediction is trusted further than to so many images.
_LEAST_REACH = 2


def powered_accuracy(predicted: Floats, right: NDArray[np.bool_], inclusion: Floats) -> Estimate:
    """The share of right answers in a whole split, from predictions for all of its images and answers of some.

    Parameters
    ----------
    predicted
        Probability that each image is answered correctly, ``[n]``; the images that were seen come first.
    right
        Whether those seen were, ``[seen]``; five at least.
    inclusion
        The probability with which each image was to be seen, ``[n]``.

    Returns
    -------
    Estimate
        With its 95% interval, which reaches two images from the estimate at least, and not beyond what the images seen
        leave possible. With all images seen it is exact, a point.

    Raises
    ------
    ValueError
        When fewer than five images were seen.

    Notes
    -----
    The mean prediction plus the mean of (answer - prediction), each divided by its inclusion probability: the
    prediction-powered mean (arXiv 2301.09633, section 2) under unequal sampling (arXiv 2103.05331, section 2), for a
    finite split (Särndal, Swensson and Wretman 1992, equation 6.3.4). Its weights make it right on average whatever
    the predictions are worth. Predictions are expected to be fitted to the answers, as by ``MarginModel``, so that bad
    ones have shrunk to a constant: that takes the place of the factor lambda of PPI++ (arXiv 2403.07008, section 2).

    Where predictions are good, a small sample sees no disagreement, and an interval from the differences seen would
    have no width. The variance is therefore the larger one of two: Hájek's (1964, Annals of Mathematical Statistics
    35) from the differences seen, and the one expected if answers are as random as the predictions say, where tails
    matter that no image was seen from.

    Examples
    --------
    >>> predicted = np.array([0.99] * 900 + [0.01] * 100)
    >>> order = np.random.default_rng(0).permutation(1000)
    >>> right = order[:50] < 900
    >>> print(powered_accuracy(predicted[order], right, np.full(1000, 0.05)))
    0.9 [0.872, 0.928]
    """
    from scipy import stats

    total, seen = len(predicted), len(right)
    if seen <= _FITTED:
        raise ValueError(f"{seen} images are too few for an estimate with an interval; {_FITTED + 1} are the least")
    known = int(right.sum())
    if seen == total:
        return Estimate(known / total, known / total, known / total)
    chance = inclusion[:seen]
    differences = (right - predicted[:seen]) / chance
    value = float(predicted.sum() + differences.sum()) / total
    expected = float(((1 - inclusion) / inclusion * predicted * (1 - predicted)).sum())
    error = np.sqrt(max(_hajek(differences, chance), expected)) / total
    margin = max(float(stats.t.ppf(0.5 + LEVEL / 2, seen - _FITTED)) * float(error), _LEAST_REACH / total)
    least, most = known / total, (known + total - seen) / total
    value = min(max(value, least), most)
    return Estimate(value, max(value - margin, least), min(value + margin, most))


def powered_mean(predicted: Floats, observed: Floats, inclusion: Floats) -> tuple[float, float]:
    """The mean of a number over a whole split, and its standard error.

    Parameters
    ----------
    predicted
        A prediction for each image, ``[n]``, in any unit; the images that were seen come first.
    observed
        The number for those seen, ``[seen]``; five at least.
    inclusion
        As in `powered_accuracy`.

    Notes
    -----
    The regression estimator of Särndal, Swensson and Wretman (1992), section 6.4: a line through the seen images'
    predictions and numbers, and the weighted mean of what is left, which is none on average.
    """
    seen = len(observed)
    chance, x = inclusion[:seen], predicted[:seen]
    weights = 1 / chance
    centre, mean = weights @ x / weights.sum(), weights @ observed / weights.sum()
    across = weights @ (x - centre) ** 2
    slope = weights @ ((x - centre) * observed) / across if across > 0 else 0.0
    left = observed - mean - slope * (x - centre)
    value = mean + slope * (predicted.mean() - centre)
    return float(value), float(np.sqrt(_hajek(left * weights, chance))) / len(predicted)


def _hajek(weighted: Floats, chance: Floats) -> float:
    """The variance of a sum of differences, already divided by their inclusion probabilities."""
    doubt = 1 - chance
    if doubt.sum() <= 0:
        return 0.0
    centre = doubt @ weighted / doubt.sum()
    seen = len(weighted)
    return float(seen / (seen - _FITTED + 1) * (doubt @ (weighted - centre) ** 2))
