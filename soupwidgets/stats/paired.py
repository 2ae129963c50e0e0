"""Two models on the same images: whether one is better, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from soupwidgets.stats.intervals import LEVEL


@dataclass(frozen=True)
class PairedTest:
    """McNemar's exact test.

    Parameters
    ----------
    only_first, only_second
        Number of images that only one of the models classifies correctly.
    images
        Number of images.
    p_value
        Two-sided: the probability of a split at least as uneven if both models are equally good.
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
    """Compare two models on the same images.

    Parameters
    ----------
    first, second
        Whether each image was classified correctly, ``[n]``, in the same order.

    Returns
    -------
    PairedTest
        The interval is Wald's for paired shares.

    Raises
    ------
    ValueError
        When there are no images, or the numbers differ.

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
        raise ValueError(f"results of shapes {first.shape} and {second.shape} do not belong to the same images")
    b, c, n = int((first & ~second).sum()), int((~first & second).sum()), len(first)
    p_value = float(stats.binomtest(b, b + c).pvalue) if b + c else 1.0
    difference = (c - b) / n
    error = np.sqrt(b + c - (c - b) ** 2 / n) / n
    margin = float(stats.norm.ppf(0.5 + LEVEL / 2) * error)
    return PairedTest(b, c, n, p_value, difference, (difference - margin, difference + margin))
