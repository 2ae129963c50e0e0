"""How far two models agree beyond chance: in what they say, and in what they get right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soupwidgets.stats.bootstrap import estimate, resampled
from soupwidgets.stats.estimate import Estimate


def cohens_kappa(first: NDArray[np.int64], second: NDArray[np.int64]) -> Estimate:
    """Cohen's kappa of two models' predictions ``[n]``, with an interval from 2,000 bootstrap draws.

    Notes
    -----
    Cohen (1960), Educational and Psychological Measurement 20; images are resampled with replacement.

    Examples
    --------
    >>> cohens_kappa(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])).value
    0.5
    """
    classes, place = np.unique(np.concatenate([first, second]), return_inverse=True)
    cells, counts = np.unique(place[: len(first)] * len(classes) + place[len(first) :], return_counts=True)
    rows, columns = np.divmod(cells, len(classes))
    n = len(first)
    drawn = np.concatenate([counts[None], resampled(n, shares=counts / n)]).astype(np.float64) / n
    agreement = drawn[:, rows == columns].sum(axis=1)
    by_row, by_column = (np.zeros((len(drawn), len(classes))) for _ in range(2))
    for cell, (row, column) in enumerate(zip(rows, columns, strict=True)):
        by_row[:, row] += drawn[:, cell]
        by_column[:, column] += drawn[:, cell]
    chance = (by_row * by_column).sum(axis=1)
    kappa = np.where(chance < 1, (agreement - chance) / np.where(chance < 1, 1 - chance, 1), 1.0)
    return estimate(kappa[0], kappa[1:])


def error_consistency(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Estimate:
    """Cohen's kappa of two models' being right: how much oftener than by chance they are right or wrong together.

    1 for two models that are wrong about the same images, 0 for no more agreement than two independent models of
    these accuracies have, below 0 for less.

    Parameters
    ----------
    first, second
        Whether each image was classified correctly, ``[n]``, in the same order.

    Returns
    -------
    Estimate
        With a 95% interval from 2,000 bootstrap draws of the images.

    Notes
    -----
    Geirhos, Meding and Wichmann, arXiv 2006.16736: (c_obs - c_exp) / (1 - c_exp), with c_obs the share of images
    that both have right or both wrong, and c_exp = a1 a2 + (1 - a1) (1 - a2). Error inconsistency is 1 - c_obs.

    Examples
    --------
    >>> error_consistency(np.array([True, True, False, False]), np.array([True, False, False, False])).value
    0.5
    """
    return cohens_kappa(first.astype(np.int64), second.astype(np.int64))
