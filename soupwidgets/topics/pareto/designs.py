"""Which recipes a surrogate is fitted to: corners, halfway points, and others spread over all soups."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from soupwidgets.recipe import Recipe

Coefficients = NDArray[np.float64]


def design(models: int, recipes: int, *, seed: int = 0) -> Coefficients:
    """Points to measure first.

    Parameters
    ----------
    models
        How many there are, at least two.
    recipes
        How many points are wanted, at least each model, each pair and all together.
    seed
        Of the points inside.

    Returns
    -------
    NDArray[float64]
        ``[recipes, models]``, rows summing to 1: each model alone, each pair halfway (Scheffé 1958), all in equal
        parts, then a scrambled Sobol sequence, whose sorted numbers' spacings lie evenly over the simplex.

    Raises
    ------
    ValueError
        When there are too few.

    Examples
    --------
    >>> design(2, 4).tolist()[:3]
    [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]
    """
    from scipy.stats import qmc

    alone = np.eye(models)
    halfway = [(alone[i] + alone[j]) / 2 for i, j in combinations(range(models), 2)]
    fixed = [*alone, *halfway, *([np.full(models, 1 / models)] if models > 2 else [])]
    if models < 2 or recipes < len(fixed):
        raise ValueError(f"{models} models take at least {max(len(fixed), 3)} recipes, got {recipes}")
    more = recipes - len(fixed)
    if not more:
        return np.array(fixed)
    # A power of two keeps the sequence balanced.
    drawn = qmc.Sobol(models - 1, rng=seed).random_base2(int(np.ceil(np.log2(more)))) if more else np.empty((0, 1))
    cuts = np.sort(drawn[:more], axis=1)
    spacings = np.diff(np.column_stack([np.zeros(more), cuts, np.ones(more)]), axis=1)
    return np.array([*fixed, *(rounded(one) for one in spacings)])


def rounded(coefficients: Coefficients) -> Coefficients:
    """Coefficients that a person can read: thousandths that sum to 1; the largest takes what is left over.

    Examples
    --------
    >>> rounded(np.array([0.33333, 0.66667, 1e-9])).tolist()
    [0.333, 0.667, 0.0]
    """
    positive = np.maximum(coefficients, 0)
    found: Coefficients = np.round(positive / positive.sum(), 3)
    largest = int(found.argmax())
    found[largest] = round(1 - (found.sum() - found[largest]), 3)
    return found


def spread(candidates: NDArray[np.float64], known: NDArray[np.float64], count: int) -> list[int]:
    """Rows that lie far from everything that is known, and from each other.

    Parameters
    ----------
    candidates, known
        Places ``[n, axes]``, on axes of like length.
    count
        How many rows are wanted; fewer where the rest coincides with what is known.

    Returns
    -------
    list[int]
        The farthest first, each as far as can be from `known` and those before it.

    Examples
    --------
    >>> spread(np.array([[0.1, 0], [1, 0], [0.9, 0]]), np.array([[0.0, 0]]), 2)
    [1, 0]
    """
    gaps = np.linalg.norm(candidates[:, None] - known[None], axis=2).min(axis=1, initial=np.inf)
    found: list[int] = []
    while len(found) < min(count, len(candidates)) and (furthest := int(gaps.argmax())) not in found:
        if gaps[furthest] <= 0:
            break
        found.append(furthest)
        gaps = np.minimum(gaps, np.linalg.norm(candidates - candidates[furthest], axis=1))
    return found


def recipe_of(models: Sequence[str], coefficients: Coefficients) -> Recipe:
    """The recipe with these coefficients ``[models]``."""
    return Recipe(dict(zip(models, coefficients.tolist(), strict=True)))


def coefficients_of(models: Sequence[str], recipe: Recipe) -> Coefficients:
    """The coefficients of a recipe, ``[models]``."""
    return np.array([recipe.get(name, 0.0) for name in models])
