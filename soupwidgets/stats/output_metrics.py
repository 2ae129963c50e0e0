"""Metrics of outputs and targets, as plain functions: one number for all examples, or one for each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[Any]


def balanced_accuracy(predictions: _Array, labels: _Array) -> float:
    """Recall of each class that occurs among the labels ``[n]``, averaged with equal weights.

    Examples
    --------
    >>> balanced_accuracy(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    0.75
    """
    classes, place = np.unique(labels, return_inverse=True)
    right = np.bincount(place, weights=predictions == labels, minlength=len(classes))
    return float((right / np.bincount(place, minlength=len(classes))).mean())


def auroc(outputs: _Array, targets: _Array) -> float:
    """Area under the curve of true against false positives, averaged over classes that have both.

    Parameters
    ----------
    outputs
        ``[n, classes]``: the higher, the more likely.
    targets
        Classes ``[n]`` (each against the others), or 0 and 1 ``[n, classes]``.

    Notes
    -----
    The share of pairs in the right order, ties counting half (Mann and Whitney 1947).

    Examples
    --------
    >>> auroc(np.array([[0.1], [0.4], [0.35], [0.8]]), np.array([[0], [0], [1], [1]]))
    0.75
    """
    from scipy.stats import rankdata

    scores, hits = _by_class(outputs, targets)
    positive, n = hits.sum(axis=0), len(hits)
    both = (positive > 0) & (positive < n)
    ranks = rankdata(scores[:, both], axis=0)
    above = (ranks * hits[:, both]).sum(axis=0) - positive[both] * (positive[both] + 1) / 2
    areas = above / (positive[both] * (n - positive[both]))
    return float(areas.mean()) if both.any() else float("nan")


def average_precision(outputs: _Array, targets: _Array) -> float:
    """Precision averaged over the recall at which each positive is found, then over classes that have any.

    Parameters
    ----------
    outputs, targets
        As in `auroc`.

    Notes
    -----
    Equal outputs are found together, as in scikit-learn's and torchmetrics' average precision.

    Examples
    --------
    >>> round(average_precision(np.array([[0.1], [0.4], [0.35], [0.8]]), np.array([[0], [0], [1], [1]])), 4)
    0.8333
    """
    scores, hits = _by_class(outputs, targets)
    found = []
    for score, hit in zip(scores.T, hits.T, strict=True):
        if not hit.any():
            continue
        order = np.argsort(-score, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
        true = np.cumsum(hit[order])[ends]
        gained = np.diff(true, prepend=0) / hit.sum()
        found.append(float((gained * true / (ends + 1)).sum()))
    return float(np.mean(found)) if found else float("nan")


def exact_match(predictions: _Array, targets: _Array) -> NDArray[np.bool_]:
    """Whether all labels of an example are right, ``[n]``; targets and predictions are 0 and 1 ``[n, classes]``."""
    found: NDArray[np.bool_] = (predictions == targets).all(axis=1)
    return found


def r2(outputs: _Array, targets: _Array) -> float:
    """Share of the variance of the targets that the outputs explain, averaged over values ``[n, values]``.

    Examples
    --------
    >>> round(r2(np.array([[2.5], [0.0], [2.0], [8.0]]), np.array([3.0, -0.5, 2.0, 7.0])), 4)
    0.9486
    """
    outputs, targets = _numbers(outputs, targets)
    left = ((outputs - targets) ** 2).sum(axis=0)
    whole = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(whole > 0, 1 - left / whole, np.nan).mean())


def squared_error(outputs: _Array, targets: _Array) -> NDArray[np.float64]:
    """Squared difference of each example ``[n]``, averaged over its values."""
    outputs, targets = _numbers(outputs, targets)
    found: NDArray[np.float64] = ((outputs - targets) ** 2).mean(axis=1)
    return found


def mean_iou(predictions: _Array, targets: _Array) -> float:
    """Intersection over union of the pixels of each class, over all images, averaged over classes that occur.

    Parameters
    ----------
    predictions, targets
        Classes ``[n, height, width]``; targets that are negative or 255 do not count.

    Examples
    --------
    >>> mean_iou(np.array([[[0, 1], [1, 1]]]), np.array([[[0, 1], [0, 255]]]))
    0.5
    """
    counts = (targets >= 0) & (targets != 255)
    said, true = predictions[counts].astype(np.int64), targets[counts].astype(np.int64)
    if not len(true):
        return float("nan")
    classes = int(max(said.max(), true.max())) + 1
    table = np.bincount(true * classes + said, minlength=classes**2).reshape(classes, classes)
    both, union = np.diag(table), table.sum(axis=0) + table.sum(axis=1) - np.diag(table)
    return float((both[union > 0] / union[union > 0]).mean())


def pixel_accuracy(predictions: _Array, targets: _Array) -> NDArray[np.float64]:
    """Share of correct pixels of each image ``[n]``, among those that count."""
    counts = (targets >= 0) & (targets != 255)
    right = ((predictions == targets) & counts).sum(axis=(1, 2))
    found: NDArray[np.float64] = right / np.maximum(counts.sum(axis=(1, 2)), 1)
    return found


def _by_class(outputs: _Array, targets: _Array) -> tuple[_Array, NDArray[np.bool_]]:
    if targets.ndim == 1:
        return outputs, targets[:, None] == np.arange(outputs.shape[1])
    return outputs, targets.astype(bool)


def _numbers(outputs: _Array, targets: _Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n = len(targets)
    return outputs.reshape(n, -1).astype(np.float64), targets.reshape(n, -1).astype(np.float64)
