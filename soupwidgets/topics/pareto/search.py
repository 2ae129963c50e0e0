"""Where surrogates say that the front lies: NSGA-II for all of it, CMA-ES for the one point that a preference wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.topics.pareto.designs import Coefficients, rounded
from soupwidgets.topics.pareto.surrogate import Surrogate

_POPULATION = 60
_GENERATIONS = 40
# Of one that minimises, so much for each unit below a floor.
_PENALTY = 1e3
# Other processors round the sixteenth digit otherwise, and a search that compares it takes another way from there.
_DIGITS = 9


@dataclass(frozen=True)
class Sought:
    """What is searched: the surrogates, which way each points, and what no recipe may fall below.

    Parameters
    ----------
    surrogates
        One for each objective.
    signs
        1 where more is better, -1 where less is.
    floors
        The least merit of each objective; minus infinity for none.
    """

    surrogates: Sequence[Surrogate]
    signs: NDArray[np.float64]
    floors: NDArray[np.float64]

    @property
    def models(self) -> int:
        """How many coefficients a recipe has."""
        terms = len(self.surrogates[0].terms)
        return int((np.sqrt(8 * terms + 1) - 1) / 2)

    def merits(self, coefficients: Coefficients) -> NDArray[np.float64]:
        """What the surrogates say, the more the better, ``[recipes, objectives]``."""
        said = np.column_stack([one.predict(coefficients)[0] for one in self.surrogates]) * self.signs
        return np.round(said, _DIGITS)


def predicted_front(sought: Sought, start: Coefficients, *, seed: int = 0) -> Coefficients:
    """Search for recipes that none is better than in everything, as far as the surrogates know.

    Parameters
    ----------
    start
        Recipes to begin with, ``[recipes, models]``.
    seed
        Of the search.

    Returns
    -------
    NDArray[float64]
        ``[recipes, models]``; empty where no recipe is said to keep all floors.

    Raises
    ------
    ModuleNotFoundError
        Without pymoo, which ``pip install 'soupwidgets[pareto]'`` brings.

    Notes
    -----
    Deb et al. (2002), NSGA-II, as pymoo has it.
    """
    try:
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.core.problem import Problem
        from pymoo.core.repair import Repair
        from pymoo.optimize import minimize
    except ModuleNotFoundError as error:
        words = "a front is searched for by the package pymoo: pip install 'soupwidgets[pareto]'"
        raise ModuleNotFoundError(words, name=error.name) from error

    kept = np.isfinite(sought.floors)

    class Recipes(Problem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(sought.models, len(sought.surrogates), int(kept.sum()), xl=0.0, xu=1.0)

        def _evaluate(self, x: Coefficients, out: dict[str, Any], *_: Any, **__: Any) -> None:
            merits = sought.merits(x)
            out["F"], out["G"] = -merits, (sought.floors - merits)[:, kept]

    class ToOne(Repair):  # type: ignore[misc]
        def _do(self, _problem: Any, x: Coefficients, **_: Any) -> Coefficients:
            return np.round(to_one(x), _DIGITS)

    rng = np.random.default_rng(seed)
    some = np.concatenate([start, rng.dirichlet(np.ones(sought.models), _POPULATION)])[:_POPULATION]
    algorithm = NSGA2(_POPULATION, sampling=some, repair=ToOne())
    found = minimize(Recipes(), algorithm, ("n_gen", _GENERATIONS), seed=seed, verbose=False)
    return np.empty((0, sought.models)) if found.X is None else np.atleast_2d(found.X)


def towards(sought: Sought, start: Coefficients, weights: NDArray[np.float64], ideal: Any, nadir: Any) -> Coefficients:
    """Search for the recipe that a preference wants, as far as the surrogates know.

    Parameters
    ----------
    start
        The recipe to begin with, ``[models]``.
    weights
        How much each objective counts, summing to 1.
    ideal, nadir
        The best and the worst merit of each objective on the front: where 0 and 1 of each loss are.

    Returns
    -------
    NDArray[float64]
        Coefficients ``[models]``, in thousandths.

    Notes
    -----
    CMA-ES (Hansen and Ostermeier 2001) as the package ``cma`` has it, on the achievement scalarising function of
    Wierzbicki (1980): the largest of the weighted losses.
    """
    try:
        import cma
    except ModuleNotFoundError as error:
        words = "what a preference wants is searched for by the package cma: pip install 'soupwidgets[pareto]'"
        raise ModuleNotFoundError(words, name=error.name) from error

    def heights(population: Sequence[NDArray[np.float64]]) -> list[float]:
        x = to_one(np.array(population))
        merits = sought.merits(x)
        below = np.maximum(sought.floors - merits, 0).sum(axis=1)
        found: list[float] = (losses(merits, ideal, nadir, weights) + _PENALTY * below).tolist()
        return found

    options = {"bounds": [0, 1], "seed": 1, "verbose": -9, "maxiter": 60, "popsize": 16}
    evolution = cma.CMAEvolutionStrategy(start, 0.1, options)
    while not evolution.stop():
        population = evolution.ask()
        evolution.tell(population, heights(population))
    best = [start, evolution.result.xbest]
    return rounded(to_one(np.array(best))[int(np.argmin(heights(best)))])


def losses(merits: NDArray[np.float64], ideal: Any, nadir: Any, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest weighted loss against the ideal, ``[recipes]``, plus a little of all, which decides among equals.

    Examples
    --------
    >>> losses(np.array([[0.9, 0.5], [0.8, 0.7]]), [0.9, 0.7], [0.8, 0.5], np.array([0.5, 0.5])).round(4).tolist()
    [0.5005, 0.5005]
    """
    lost = weights * unit_losses(merits, ideal, nadir)
    return np.asarray(lost.max(axis=1) + 1e-3 * lost.sum(axis=1))


def unit_losses(merits: NDArray[np.float64], ideal: Any, nadir: Any) -> NDArray[np.float64]:
    """Losses between 0 (the ideal) and 1 (the worst of the front), ``[recipes, objectives]``."""
    best, worst = np.asarray(ideal, dtype=np.float64), np.asarray(nadir, dtype=np.float64)
    return np.asarray((best - merits) / np.maximum(best - worst, 1e-12))


def to_one(coefficients: Coefficients) -> Coefficients:
    """Coefficients ``[recipes, models]`` that are not negative and sum to 1."""
    positive = np.maximum(coefficients, 0)
    total = positive.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, positive / np.maximum(total, 1e-12), 1 / coefficients.shape[1]))
