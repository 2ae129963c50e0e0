"""Heights of a landscape where nothing has been measured yet, from the nodes that were, with standard errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# With fewer nodes the spread that they were drawn from cannot be told.
_FEWEST = 6
# Lengths over which heights stay alike, in multiples of the grid's longer side.
_LENGTHS = np.geomspace(0.2, 3, 6)
# Variance of what no neighbour tells (a split has finitely many examples), as a share of the surface's.
_NUGGETS = (1e-6, 1e-3, 1e-2, 1e-1)


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predicted heights ``[rows, columns]``; NaN at nodes that were measured.

    Parameters
    ----------
    height
        What is expected there, less is better; infinite beside models without a finite one.
    standard_error
        Infinite where the nodes measured so far do not tell.
    """

    height: Floats
    standard_error: Floats


def predict_grid(
    x: Floats,
    y: Floats,
    *,
    heights: Floats,
    sampling: Floats,
    known: NDArray[np.bool_],
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> Prediction:
    """Predict the nodes of a grid that are not known from those that are.

    Parameters
    ----------
    x, y
        Coordinates ``[columns]`` and ``[rows]``.
    heights, sampling, known
        ``[rows, columns]``: what was measured; its standard error, 0 where every example was seen and NaN where that is
        not known; and where it was.
    limits
        Between which heights lie.

    Raises
    ------
    ValueError
        When no node is known.
    """
    if not known.any():
        raise ValueError("no point of the landscape has been measured yet")
    found = np.full((2, *known.shape), np.nan)
    if not known.all():
        nodes = np.stack(np.meshgrid(x, y), axis=-1) / max(np.ptp(x), np.ptp(y))
        height, error = _predict(nodes[known], heights[known], at=nodes[~known], sampling=sampling[known])
        found[:, ~known] = np.clip(height, *limits), error
    return Prediction(found[0], found[1])


def _predict(nodes: Floats, heights: Floats, *, at: Floats, sampling: Floats) -> tuple[Floats, Floats]:
    nearest = _distances(at, nodes).argmin(axis=1)
    height, error = heights[nearest], np.full(len(at), np.inf)
    # Between models without a finite height there is none.
    among = np.isfinite(height)
    use = np.isfinite(heights)
    exact = use & (sampling == 0)
    # Models that saw some of the examples saw the same ones: their errors are one error, which does not average out.
    use = exact if exact.sum() >= max(_FEWEST, use.sum() / 2) else use
    if among.any() and use.sum() >= _FEWEST and np.ptp(heights[use]) > 0:
        across = _distances(at[among], nodes[use])
        height[among], error[among] = kriging(_distances(nodes[use], nodes[use]), heights[use], across)
        rough = sampling[use] != 0
        if rough.any():
            error[among] = np.hypot(error[among], sampling[use][rough][across[:, rough].argmin(axis=1)])
    return height, np.where(np.isnan(error), np.inf, error)


def kriging(between: Floats, heights: Floats, across: Floats) -> tuple[Floats, Floats]:
    """Heights ``[m]`` and their standard errors ``[m]``: ordinary kriging, averaged over its parameters.

    Parameters
    ----------
    between, across
        Distances ``[n, n]`` among the known points, and ``[m, n]`` from the others to them.
    heights
        ``[n]``, four at least, not all the same.

    Notes
    -----
    A Gaussian process of unknown mean with a Matérn covariance of smoothness 3/2 (Rasmussen and Williams 2006,
    equations 2.41, 2.42 and 4.17), whose length and nugget are averaged over in proportion to the restricted likelihood
    (Handcock and Stein 1993): a best guess of them alone gives errors that are too small.
    """
    fits = [
        kriging_once(between / length, heights, across / length, nugget=nugget)
        for length in _LENGTHS
        for nugget in _NUGGETS
    ]
    likelihoods, means, variances = (np.array(part) for part in zip(*fits, strict=True))
    weights = np.exp(likelihoods - likelihoods.max())
    weights /= weights.sum()
    mean = weights @ means
    return mean, np.sqrt(weights @ (variances + (means - mean) ** 2))


def kriging_once(between: Floats, heights: Floats, across: Floats, *, nugget: float) -> tuple[float, Floats, Floats]:
    """Logarithm of the restricted likelihood, predicted heights ``[m]``, and their variances ``[m]``.

    Parameters
    ----------
    between, heights, across
        As in `kriging`, in multiples of the covariance's length.
    nugget
        As a share of the surface's variance.
    """
    from scipy.linalg import cholesky, solve_triangular

    n = len(heights)
    factor = cholesky(_matern(between) + nugget * np.eye(n), lower=True)
    white = solve_triangular(factor, np.column_stack([heights, np.ones(n), _matern(across).T]), lower=True)
    seen, one, near = white[:, 0], white[:, 1], white[:, 2:]
    precision = float(one @ one)
    mean = float(one @ seen) / precision
    rest = seen - mean * one
    scale = float(rest @ rest) / (n - 1)
    likelihood = -(n - 1) / 2 * np.log(scale) - np.log(np.diag(factor)).sum() - np.log(precision) / 2
    variance = scale * (1 + nugget - (near**2).sum(axis=0) + (1 - one @ near) ** 2 / precision)
    # The scale is estimated, so that what is predicted has Student's t distribution.
    wider = (n - 1) / (n - 3)
    return float(likelihood), mean + near.T @ rest, wider * np.maximum(variance, 0)


def _matern(distance: Floats) -> Floats:
    scaled = np.sqrt(3) * distance
    return np.asarray((1 + scaled) * np.exp(-scaled))


def _distances(points: Floats, others: Floats) -> Floats:
    return np.asarray(np.linalg.norm(points[:, None] - others[None], axis=2))
