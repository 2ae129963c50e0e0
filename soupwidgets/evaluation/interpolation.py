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


def points_of(recipes: Sequence[Mapping[str, float]], names: Sequence[str]) -> Floats:
    """Recipes as points ``[recipes, names]`` in the space of coefficients."""
    plain = [dict(recipe.items()) for recipe in recipes]
    return np.array([[recipe.get(name, 0.0) for name in names] for recipe in plain])


def interpolation_weights(known: Floats, target: Floats) -> Floats:
    """Weights with which known recipes' logits add up to a prediction of another's, ``[known]``.

    Parameters
    ----------
    known
        The measured recipes as points ``[known, names]``; one at least.
    target
        The recipe to predict, ``[names]``.

    Notes
    -----
    Kriging, or the mean of a Gaussian process, in the space of coefficients (Rasmussen and Williams 2006, equations
    2.25 and 4.17): a linear function plus a Matérn process of smoothness 5/2 whose length is one edge from checkpoint
    to checkpoint. With two ends it is the mix of their outputs; along a path with several known alphas nearly a cubic
    spline; for soups of measured members the mix of their outputs, bent to the soups that are known.

    Examples
    --------
    >>> interpolation_weights(np.eye(2), np.array([0.25, 0.75])).round(3).tolist()
    [0.25, 0.75]
    """
    points = np.concatenate([known, target[None]])
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
    names = sorted({name for one in [*known, recipe] for name in one})
    weights = interpolation_weights(points_of(list(known), names), points_of([recipe], names)[0])
    predicted = np.zeros_like(next(iter(known.values())))
    for weight, logits in zip(weights, known.values(), strict=True):
        predicted += np.float32(weight) * logits
    return predicted


def nearest(known: Floats, target: Floats, count: int) -> list[int]:
    """Which known recipes to predict another from: the nearest ones, and all that are one ingredient of it alone.

    Parameters
    ----------
    known, target
        Points ``[known, names]`` and ``[names]``.
    count
        How many of the nearest.

    Returns
    -------
    list[int]
        Positions in ``known``, the nearest first.
    """
    order = np.argsort(((known - target) ** 2).sum(axis=1), kind="stable")
    alone = (known != 0).sum(axis=1) == 1
    ingredient = alone & (known[:, target == 0] == 0).all(axis=1)
    return [int(i) for place, i in enumerate(order) if place < count or ingredient[i]]
