"""Accuracy with and without the images that have a near-duplicate among the training images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soupwidgets.stats.intervals import clopper_pearson, mean_interval


@dataclass(frozen=True)
class WithoutDuplicates:
    """One model's accuracy with the images that have a near-duplicate, and without them.

    Parameters
    ----------
    images, left_out
        Number of images, and of those that have a near-duplicate.
    accuracy, kept, duplicates
        Of all images, without those, and of those alone (NaN where there are none).
    difference
        ``accuracy - kept``: what duplicates add to the accuracy.
    interval
        Its 95% interval. All images but the duplicates are in both accuracies, so only what those are right more
        often than the others counts, times their share: Zou and Donner's (`mean_interval`), with exact limits.
    """

    images: int
    left_out: int
    accuracy: float
    kept: float
    duplicates: float
    difference: float
    interval: tuple[float, float]


def without_duplicates(right: NDArray[np.bool_], rows: NDArray[np.int64]) -> WithoutDuplicates:
    """Accuracy with and without images that have a near-duplicate among the training images.

    Parameters
    ----------
    right
        Whether each image was classified correctly, ``[n]``.
    rows
        Images that have a near-duplicate.

    Raises
    ------
    ValueError
        When no image would be left.

    Examples
    --------
    >>> found = without_duplicates(np.array([True, True, True, False]), np.array([0]))
    >>> found.accuracy, round(found.kept, 3), round(found.difference, 3)
    (0.75, 0.667, 0.083)
    """
    left = np.zeros(len(right), dtype=bool)
    left[rows] = True
    k, n = int(left.sum()), len(right)
    if k == n:
        raise ValueError("every image has a near-duplicate: no accuracy without them")
    inside, outside = int(right[left].sum()), int(right[~left].sum())
    accuracy, kept = (inside + outside) / n, outside / (n - k)
    if not k:
        return WithoutDuplicates(n, 0, accuracy, kept, float("nan"), 0.0, (0.0, 0.0))
    (low, high), (least, most) = clopper_pearson([inside, outside], [k, n - k]).tolist()
    share, alone = k / n, inside / k
    interval = mean_interval([alone, -kept], [(low, high), (-most, -least)], weights=[share, share])
    return WithoutDuplicates(n, k, accuracy, kept, alone, accuracy - kept, interval)
