"""What some benchmarks report instead of the share of right images, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites.split import Metric

METRIC_WORDS: dict[Metric, str] = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "worst_group": "accuracy of the worst group",
}

_DRAWS = 500
_SEED = 0


@dataclass(frozen=True)
class Figure:
    """A metric's value with a 95% bootstrap interval, all in 0..1."""

    metric: Metric
    value: float
    low: float
    high: float


def macro_f1(predictions: NDArray[np.int64], labels: NDArray[np.int64]) -> Figure:
    """F1 score of each class that occurs among the labels, averaged with equal weights.

    Parameters
    ----------
    predictions, labels
        Classes ``[n]``, at least one.

    Returns
    -------
    Figure
        The interval resamples images.

    Notes
    -----
    As iWildCam is scored: Koh et al., WILDS, arXiv 2012.07421, section 4 and appendix on iWildCam.

    Examples
    --------
    >>> macro_f1(np.array([0, 1, 1]), np.array([0, 0, 1])).value
    0.6666666666666666
    """
    pairs, counts = np.unique(np.stack([labels, predictions]), axis=1, return_counts=True)
    classes = np.unique(labels)
    # A row of counts for each draw, the first one as observed; only pairs that occur are counted.
    draws = np.random.default_rng(_SEED).multinomial(len(labels), counts / len(labels), size=_DRAWS)
    drawn = np.concatenate([counts[None], draws])
    is_label = (pairs[0][:, None] == classes).astype(np.float64)
    is_prediction = (pairs[1][:, None] == classes).astype(np.float64)
    right = drawn @ (is_label * is_prediction)
    there = drawn @ is_label
    said = drawn @ is_prediction
    f1 = np.divide(2 * right, there + said, out=np.zeros_like(right), where=there + said > 0)
    # A class that a draw leaves out is left out of its mean.
    occurs = there > 0
    scores = (f1 * occurs).sum(axis=1) / occurs.sum(axis=1)
    return _figure("macro_f1", scores)


def worst_group(right: NDArray[np.bool_], groups: NDArray[np.int64]) -> Figure:
    """Accuracy of the group in which it is lowest.

    Parameters
    ----------
    right
        Whether each image was right, ``[n]``.
    groups
        Its group; images of group -1 do not count.

    Returns
    -------
    Figure
        The interval resamples images within their groups, the worst being
        chosen anew each time.

    Raises
    ------
    ValueError
        When no image has a group.

    Notes
    -----
    As FMoW is scored, over regions: Koh et al., WILDS, arXiv 2012.07421, section 4.

    Examples
    --------
    >>> worst_group(np.array([True, True, False]), np.array([0, 1, 1])).value
    0.5
    """
    counted = groups >= 0
    if not counted.any():
        raise ValueError("no image has a group that counts")
    names, place = np.unique(groups[counted], return_inverse=True)
    n = np.bincount(place, minlength=len(names))
    correct = np.bincount(place, weights=right[counted], minlength=len(names))
    draws = np.random.default_rng(_SEED).binomial(n, correct / n, size=(_DRAWS, len(names)))
    scores = (np.concatenate([correct[None], draws]) / n).min(axis=1)
    return _figure("worst_group", scores)


def _figure(metric: Metric, scores: NDArray[np.float64]) -> Figure:
    """The observed value comes first, then the draws."""
    low, high = np.quantile(scores[1:], [0.025, 0.975])
    value = float(scores[0])
    # The interval always holds the value, which a bootstrap of a minimum alone would not promise.
    return Figure(metric, value, min(float(low), value), max(float(high), value))
