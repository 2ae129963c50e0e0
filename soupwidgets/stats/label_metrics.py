"""Metrics of predicted classes, other than the share of correct examples, with intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soupwidgets.stats.bootstrap import percentile_limits, resampled
from soupwidgets.stats.figure import Figure
from soupwidgets.stats.intervals import LEVEL, class_mean_interval, clopper_pearson, mean_interval

# With fewer images per class than this on average, macro-F1 is far from what it estimates.
_FEWEST = 3
_DRAWS = 500

MULTI_LABEL = "multi_label_accuracy"
MULTI_LABEL_TOP1 = "multi_label_top1"
# The metrics that need accepted classes.
LABEL_SET_METRICS = (MULTI_LABEL, MULTI_LABEL_TOP1)
# In rows of accepted classes: nothing more, and an example that does not count. No prediction has these numbers.
NO_MORE, NOT_COUNTED = -2, -3


def macro_f1(predictions: NDArray[np.int64], labels: NDArray[np.int64]) -> Figure:
    """F1 score of each class that occurs among the labels, averaged with equal weights.

    Parameters
    ----------
    predictions, labels
        Classes ``[n]``, at least one.

    Returns
    -------
    Figure
        The limits are 0 and 1 (too few images to say more) if there are fewer than three images per class on average.

    Notes
    -----
    The metric of iWildCam: Koh et al., WILDS, arXiv 2012.07421, section 4 and appendix on iWildCam.

    The interval covers three others, each of which is too short in some cases when classes have few images: the
    bootstrap over images; the same shifted by twice its bias (Efron and Tibshirani 1993, section 10); and exact limits
    for every class, combined by `mean_interval`. F1 is 2 J / (1 + J), where J is the share of correct images among
    those with the class as label or prediction, which has Clopper-Pearson limits. A wrong image counts in two classes,
    whose errors are then correlated: the distances are multiplied by the square root of 1 + the share of wrong images.
    Simulated coverage is at least 93% from three images per class on average.

    Examples
    --------
    >>> macro_f1(np.array([0, 1, 1]), np.array([0, 0, 1])).value
    0.6666666666666666
    """
    pairs, counts = np.unique(np.stack([labels, predictions]), axis=1, return_counts=True)
    classes = np.unique(labels)
    # A row of counts for each draw, the first one as observed; only pairs that occur are counted.
    drawn = np.concatenate([counts[None], resampled(len(labels), _DRAWS, shares=counts / len(labels))])
    is_label = (pairs[0][:, None] == classes).astype(np.float64)
    is_prediction = (pairs[1][:, None] == classes).astype(np.float64)
    right = drawn @ (is_label * is_prediction)
    there = drawn @ is_label
    said = drawn @ is_prediction
    f1 = np.divide(2 * right, there + said, out=np.zeros_like(right), where=there + said > 0)
    # A class that does not occur in a draw is left out of its mean.
    occurs = there > 0
    scores = (f1 * occurs).sum(axis=1) / occurs.sum(axis=1)
    value = float(scores[0])
    if len(labels) < _FEWEST * len(classes):
        return Figure("macro_f1", value, 0.0, 1.0)
    percentiles = np.stack(percentile_limits(scores[1:]))
    moved = percentiles - 2 * (scores[1:].mean() - value)
    shares = right[0], there[0] + said[0] - right[0]
    exact = clopper_pearson(*shares)
    limits = mean_interval(f1[0].tolist(), [(low, high) for low, high in (2 * exact / (1 + exact)).tolist()])
    stretch = np.sqrt(2 - right[0].sum() / len(labels))
    stretched = value + stretch * (np.array(limits) - value)
    found = np.stack([percentiles, moved, stretched])
    # The interval always contains the value, which the shifted ones alone do not guarantee.
    low, high = min(found[:, 0].min(), value), max(found[:, 1].max(), value)
    return Figure("macro_f1", value, max(float(low), 0.0), min(float(high), 1.0))


def macro_f1_value(predictions: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """As `macro_f1`, without its interval.

    Examples
    --------
    >>> macro_f1_value(np.array([0, 1, 1]), np.array([0, 0, 1]))
    0.6666666666666666
    """
    classes = np.unique(labels)
    said = predictions[:, None] == classes
    true = labels[:, None] == classes
    scores = 2 * (said & true).sum(axis=0) / (said.sum(axis=0) + true.sum(axis=0))
    return float(scores.mean())


def worst_group(right: NDArray[np.bool_], groups: NDArray[np.int64]) -> Figure:
    """Accuracy of the group in which it is lowest.

    Parameters
    ----------
    right
        Whether each image was classified correctly, ``[n]``.
    groups
        The group of each image; images of group -1 do not count.

    Returns
    -------
    Figure
        The limits contain the accuracy of the truly worst group, whichever it is, in at least 95% of samples:
        the lower one is the lowest of the groups' lower Clopper-Pearson limits, the upper one the lowest of their upper
        limits at a level that allows for the choice among them (Bonferroni).

    Raises
    ------
    ValueError
        When no image has a group.

    Notes
    -----
    The metric of FMoW, over regions: Koh et al., WILDS, arXiv 2012.07421, section 4.

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
    return Figure("worst_group", *worst_share(correct, n))


def worst_share(correct: ArrayLike, n: ArrayLike) -> tuple[float, float, float]:
    """The lowest of some shares, with its 95% limits, which contain that of the truly worst one.

    Parameters
    ----------
    correct, n
        Successes and trials of each, at least one; they may share trials, as slices share images.

    Examples
    --------
    >>> value, low, high = worst_share([9, 5], [10, 10])
    >>> value, round(low, 3), round(high, 3)
    (0.5, 0.187, 0.841)
    """
    known, total = np.asarray(correct), np.asarray(n)
    # The lower limit of the worst group is at least the lowest of all, whichever group it is; but that no upper limit
    # lies below its accuracy must hold for all groups at once.
    low = clopper_pearson(known, total)[:, 0].min()
    high = clopper_pearson(known, total, level=1 - (1 - LEVEL) / len(known))[:, 1].min()
    return float((known / total).min()), float(low), float(high)


def multi_label_accuracy(
    predictions: NDArray[np.int64], labels: NDArray[np.int64], accepted: NDArray[np.int64]
) -> Figure:
    """Share of examples whose prediction is among several accepted classes, averaged over the original classes.

    Parameters
    ----------
    predictions, labels
        Predicted and original classes ``[n]``; a prediction of -1 is never right.
    accepted
        Accepted classes of each example ``[n, most]``, filled up with `NO_MORE`; a row that begins with `NOT_COUNTED`
        is left out.

    Returns
    -------
    Figure
        With `soupwidgets.stats.class_mean_interval`. If no example counts, as may be in a small sample, it is the share
        of original labels, and the limits are 0 and 1.

    Notes
    -----
    Shankar et al., 'Evaluating machine accuracy on ImageNet' (2020), section 3; Vasudevan et al., arXiv 2205.04596,
    section 2.

    Examples
    --------
    >>> sets = np.array([[0, 1], [1, NO_MORE], [NOT_COUNTED, NO_MORE]])
    >>> multi_label_accuracy(np.array([1, 0, 0]), np.array([0, 1, 1]), sets).value
    0.5
    """
    counted = accepted[:, 0] != NOT_COUNTED
    if not counted.any():
        return Figure(MULTI_LABEL, float((predictions == labels).mean()), 0.0, 1.0)
    right = (accepted == predictions[:, None]).any(axis=1)[counted]
    _, place, n = np.unique(labels[counted], return_inverse=True, return_counts=True)
    correct = np.bincount(place, weights=right)
    low, high = class_mean_interval(correct, n)
    return Figure(MULTI_LABEL, float(np.mean(correct / n)), low, high)


def multi_label_top1(predictions: NDArray[np.int64], labels: NDArray[np.int64], accepted: NDArray[np.int64]) -> Figure:
    """Share of examples whose prediction is among several accepted classes; every example counts the same.

    Parameters
    ----------
    predictions, labels, accepted
        As in `multi_label_accuracy`.

    Returns
    -------
    Figure
        With its Clopper-Pearson interval. If no example counts it is as in `multi_label_accuracy`.

    Notes
    -----
    How ImageNet-M is scored: Vasudevan et al., arXiv 2205.04596, and the notebook of its release. Classes with
    several images there would weigh less in a mean over classes.

    Examples
    --------
    >>> sets = np.array([[0, 1], [0, NO_MORE], [1, NO_MORE]])
    >>> round(multi_label_top1(np.array([1, 0, 0]), np.array([0, 0, 1]), sets).value, 4)
    0.6667
    """
    counted = accepted[:, 0] != NOT_COUNTED
    if not counted.any():
        return Figure(MULTI_LABEL_TOP1, float((predictions == labels).mean()), 0.0, 1.0)
    right = (accepted == predictions[:, None]).any(axis=1)[counted]
    low, high = clopper_pearson(right.sum(), len(right))
    return Figure(MULTI_LABEL_TOP1, float(right.mean()), float(low), float(high))
