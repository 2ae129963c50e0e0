"""Outputs between measured recipes: how much each neighbour counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation.evaluation import Logits
from soupwidgets.recipe import Recipe

Floats = NDArray[np.float64]

# How many neighbours are asked, beside the ingredients themselves.
NEAREST = 8
# Variance of what is linear in the coefficients, beside that of the rest: sums that are linear are kept exactly.
_LINEAR = 100.0
# Lets neighbours that nearly coincide share their weight.
_NOISE = 1e-5


def interpolation_weights(known: Sequence[Mapping[str, float]], target: Mapping[str, float]) -> Floats:
    """Weights with which known recipes' logits add up to a prediction of another's, ``[known]``.

    Parameters
    ----------
    known
        Coefficients of the measured recipes; one at least.
    target
        Coefficients of the recipe to predict.

    Notes
    -----
    Kriging, or the mean of a Gaussian process, in the space of coefficients (Rasmussen and Williams 2006, equations
    2.25 and 4.17): a linear function plus a Matérn process of smoothness 5/2 whose length is one edge from checkpoint
    to checkpoint. With two ends it is the mix of their outputs; along a path with several known alphas nearly a cubic
    spline; for soups of measured members the mix of their outputs, bent to the soups that are known.

    Examples
    --------
    >>> interpolation_weights([{"a": 1}, {"b": 1}], {"a": 0.25, "b": 0.75}).round(3).tolist()
    [0.25, 0.75]
    """
    names = sorted({name for recipe in [*known, target] for name in recipe})
    points = np.array([[recipe.get(name, 0.0) for name in names] for recipe in [*known, target]])
    # A step of 1 along an edge changes two coefficients by 1.
    distance = np.sqrt(5 * ((points[:, None] - points[None]) ** 2).sum(axis=2) / 2)
    covariance = (1 + distance + distance**2 / 3) * np.exp(-distance) + _LINEAR * (1 + points @ points.T)
    count = len(known)
    weights: Floats = np.linalg.solve(covariance[:count, :count] + _NOISE * np.eye(count), covariance[:count, count])
    return weights


def interpolated_logits(known: Mapping[Recipe, Logits], recipe: Recipe) -> Logits:
    """A recipe's logits ``[images, classes]`` from those of other recipes, with `interpolation_weights`.

    Parameters
    ----------
    known
        Logits ``[images, classes]`` of others; one at least.
    recipe
        Without separate coefficients for tensors, as all of them.
    """
    predicted = np.zeros_like(next(iter(known.values())))
    for weight, logits in zip(interpolation_weights(list(known), recipe), known.values(), strict=True):
        predicted += np.float32(weight) * logits
    return predicted


def nearest(known: Sequence[Mapping[str, float]], target: Mapping[str, float], count: int) -> list[int]:
    """Which known recipes to predict another from: the nearest ones, and all that are one ingredient of it alone.

    Parameters
    ----------
    known, target
        Coefficients.
    count
        How many of the nearest.

    Returns
    -------
    list[int]
        Positions in ``known``, the nearest first.
    """

    def away(recipe: Mapping[str, float]) -> float:
        return sum((recipe.get(name, 0.0) - target.get(name, 0.0)) ** 2 for name in {*recipe, *target})

    order = sorted(range(len(known)), key=lambda i: away(known[i]))
    return [i for place, i in enumerate(order) if place < count or (len(known[i]) == 1 and {*known[i]} <= {*target})]
