"""A quadratic stand-in for a metric over the coefficients of a soup, fitted to few measured recipes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soupwidgets.stats.scales import from_scale, to_scale

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Surrogate:
    """A metric as a quadratic function of coefficients that are not negative and sum to 1.

    Parameters
    ----------
    terms
        The fitted coefficients: one for each model, then one for the product of each pair, ``[terms]``.
    covariance
        Theirs, ``[terms, terms]``.
    share
        Whether the function is of the metric's logit, which keeps predictions within 0..1.
    residual
        Standard deviation of what the fit misses, in the metric's own unit.
    error
        Root mean square of what each measured recipe differs by from the fit to all others, in the metric's own unit.

    Notes
    -----
    Li et al., "MAP: Low-compute Model Merging with Amortized Pareto Fronts via Quadratic Approximation",
    arXiv 2406.07529. Where coefficients sum to 1, constant, linear and square terms are sums of these; the form without
    the surplus is Scheffé's (1958), "Experiments with mixtures", Journal of the Royal Statistical Society B 20.

    Examples
    --------
    >>> c = np.array([[1, 0], [0, 1], [0.5, 0.5], [0.25, 0.75]])
    >>> bump = fit_surrogate(c, 3 * c[:, 0] + c[:, 1] + 8 * c[:, 0] * c[:, 1], share=False)
    >>> bump.terms.round(9).tolist(), bump.predict([[0.75, 0.25]])[0].round(9).tolist()
    ([3.0, 1.0, 8.0], [4.0])
    """

    terms: NDArray[np.float64]
    covariance: Matrix
    share: bool
    residual: float
    error: float

    def predict(self, coefficients: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The metric and its standard error, in the metric's own unit.

        Parameters
        ----------
        coefficients
            ``[recipes, models]``.

        Returns
        -------
        tuple
            Both ``[recipes]``. The standard error is that of another recipe measured on the same images: what the fit
            does not know, and what it misses.
        """
        rows = basis(coefficients)
        height = rows @ self.terms
        value = from_scale(height, "logit") if self.share else height
        slope = value * (1 - value) if self.share else np.ones_like(value)
        fit = np.einsum("nt,ts,ns->n", rows, self.covariance, rows)
        return value, np.hypot(slope * np.sqrt(np.maximum(fit, 0)), self.residual)


def basis(coefficients: ArrayLike) -> Matrix:
    """The coefficients, then the product of each pair, ``[recipes, models + pairs]``.

    Examples
    --------
    >>> basis([[0.5, 0.5, 0]]).tolist()
    [[0.5, 0.5, 0.0, 0.25, 0.0, 0.0]]
    """
    given = np.atleast_2d(np.asarray(coefficients, dtype=np.float64))
    pairs = [given[:, i] * given[:, j] for i, j in combinations(range(given.shape[1]), 2)]
    return np.column_stack([given, *pairs])


def term_count(models: int) -> int:
    """How many terms are fitted, and so how many recipes are needed at least."""
    return models * (models + 1) // 2


def fit_surrogate(coefficients: ArrayLike, values: Sequence[float] | NDArray[np.float64], *, share: bool) -> Surrogate:
    """Fit by least squares.

    Parameters
    ----------
    coefficients
        ``[recipes, models]``, not negative, each row summing to 1.
    values
        The metric of each, ``[recipes]``.
    share
        Whether it is a share (0..1), whose logit is fitted, weighted by how much the logit moves with it.

    Raises
    ------
    ValueError
        When there are no more recipes than terms, so that nothing tells how wrong the fit is, or the recipes lie so
        that they do not determine it.
    """
    rows, found = basis(coefficients), np.asarray(values, dtype=np.float64)
    if len(rows) <= rows.shape[1]:
        raise ValueError(f"{rows.shape[1]} terms need more recipes than {len(rows)}")
    # An accuracy of 0 or 1 has no logit; no split is large enough to tell it from this.
    safe = np.clip(found, 1e-4, 1 - 1e-4) if share else found
    height = to_scale(safe, "logit") if share else safe
    # An error of the metric is one of its logit divided by this.
    slope = safe * (1 - safe) if share else np.ones_like(safe)
    left, right = rows * slope[:, None], height * slope
    if np.linalg.matrix_rank(left) < rows.shape[1]:
        raise ValueError(f"the {len(rows)} recipes lie so that they do not determine {rows.shape[1]} terms")
    inverse = np.linalg.inv(left.T @ left)
    terms = inverse @ left.T @ right
    residual = right - left @ terms
    # What a row would be missed by without itself, without fitting again.
    alone = residual / np.maximum(1 - np.einsum("nt,ts,ns->n", left, inverse, left), 1e-6)
    variance = float(residual @ residual) / (len(rows) - rows.shape[1])
    return Surrogate(terms, variance * inverse, share, float(np.sqrt(variance)), float(np.sqrt(np.mean(alone**2))))
