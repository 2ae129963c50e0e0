"""Find a front: measure some recipes, fit surrogates, measure where they say that it lies, and fit again."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.methods.selection import selection_metric, selection_score
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.topics.pareto.designs import Coefficients, coefficients_of, design, recipe_of, rounded, spread
from soupwidgets.topics.pareto.front import Candidate, Foretold, ParetoFront, undominated
from soupwidgets.topics.pareto.objective import Objective, needed, parsed, values_of
from soupwidgets.topics.pareto.search import Sought, predicted_front, towards
from soupwidgets.topics.pareto.surrogate import fit_surrogate, term_count

# So many models by themselves: with each one more, the terms of a surrogate grow by as many as there are.
MODELS = 4
# The most that one may ask for: 36 terms, 72 recipes before the first proposal.
MOST_MODELS = 8
# Recipes that a round proposes at most, and points of the predicted front that are kept to be drawn.
_BATCH, _SHOWN = 8, 12


def pareto_front(
    ev: Evaluator,
    models: Sequence[str] | None = None,
    objectives: Sequence[str | Objective] | None = None,
    *,
    floors: Mapping[str, float] | None = None,
    rounds: int = 2,
    progress: bool = True,
) -> ParetoFront:
    """Find soups of which none is better than another in everything.

    Parameters
    ----------
    models
        Two to eight names; the zero-shot model and the three best fine-tuned ones (on validation) when None.
    objectives
        Two or more of ``"SPLIT"`` or ``"SPLIT:METRIC"``; validation and the mean of all shifts when None (see
        `Objective` for what is chosen by which images).
    floors
        Objective to the value that none may be worse than, such as ``{"val": 0.85}``.
    rounds
        How often up to eight recipes of the predicted front are measured, and the surrogates fitted again.

    Returns
    -------
    ParetoFront
        Each recipe on its front was measured, and judged by images that did not choose it.

    Raises
    ------
    ValueError
        When there are too few or too many models, `Objective.parse` finds a fault, or a floor is of no objective.
    PoolError
        When the pool lacks a model.
    ModuleNotFoundError
        Without pymoo and cma, which ``pip install 'soupwidgets[pareto]'`` brings.

    Notes
    -----
    MAP (arXiv 2406.07529): a quadratic `Surrogate` of each metric over the coefficients, fitted to a few measured
    recipes, and NSGA-II on the surrogates. Here what it proposes is measured, and the surrogates are fitted again.
    Measurements are in the store as they come: the same call goes on where it was stopped.

    Examples
    --------
    >>> ev = getfixture("small_evaluator")
    >>> front = pareto_front(ev, ["zero-shot", "ft-03"], ["val", "noise"], rounds=1, progress=False)
    >>> front.done == len(front.measured), front.front[-1].values[0] >= front.front[0].values[0]
    (True, True)
    """
    with tqdm(desc="front", unit="recipe", disable=not progress) as bar:
        for found in stream_front(ev, models, objectives, floors=floors, rounds=rounds):
            bar.total = found.total
            bar.update(found.done - bar.n)
    return found


def stream_front(
    ev: Evaluator,
    models: Sequence[str] | None = None,
    objectives: Sequence[str | Objective] | None = None,
    *,
    floors: Mapping[str, float] | None = None,
    rounds: int = 2,
) -> Iterator[ParetoFront]:
    """`pareto_front` step by step: after every measured recipe, with what the surrogates of the last round say."""
    asked = parsed(objectives, ev.suite)
    kept = dict(floors or {})
    if unknown := [name for name in kept if name not in [one.name for one in asked]]:
        raise ValueError(f"a floor is of an objective, and {unknown[0]!r} is none: {', '.join(o.name for o in asked)}")
    names = chosen_models(ev, models)
    first = 2 * term_count(len(names))
    found = ParetoFront(names, asked, kept, (), total=first + rounds * _batch(names))
    found = yield from _measured(ev, found, design(len(names), first))
    for number in range(1, rounds + 1):
        found = refitted(found)
        yield found
        found = yield from _measured(ev, found, proposals(found), number)
    found = judged(ev, refitted(found))
    yield replace(found, total=found.done)


def with_recipe(ev: Evaluator, found: ParetoFront, coefficients: Coefficients) -> ParetoFront:
    """A front with one more recipe, measured; it is judged where it is on the front.

    Parameters
    ----------
    found
        With surrogates, which foretell it.
    coefficients
        Of its models, ``[models]``. What was measured before is not measured again, and was not foretold.
    """
    recipe = recipe_of(found.models, coefficients)
    if recipe in {one.recipe for one in found.measured}:
        return found
    last = max(one.round for one in found.measured)
    *_, more = _measured(ev, found, coefficients[None], last + 1)
    return judged(ev, more)


def with_floors(found: ParetoFront, floors: Mapping[str, float]) -> ParetoFront:
    """A front with other floors: which of the measured recipes keep them, and what the surrogates say then."""
    return refitted(replace(found, floors=dict(floors)))


def preferred_recipe(found: ParetoFront, weights: Sequence[float]) -> Coefficients:
    """The recipe that a preference wants as far as the surrogates know, ``[models]``; it may not be measured yet.

    Parameters
    ----------
    weights
        As in `ParetoFront.preferred`, in which what is measured is chosen from.

    Raises
    ------
    ValueError
        As there.
    """
    start = coefficients_of(found.models, found.preferred(weights).recipe)
    return towards(_sought(found), start, found.shares(weights), *found.scale)


def foretold(found: ParetoFront, coefficients: Coefficients) -> tuple[tuple[float, float], ...]:
    """What the surrogates say of a recipe ``[models]``: of each objective the value and its standard error."""
    said = [surrogate.predict(coefficients[None]) for surrogate in found.surrogates]
    return tuple((float(value[0]), float(error[0])) for value, error in said)


def refitted(found: ParetoFront) -> ParetoFront:
    """A front with surrogates of all that was measured, and the front that they foretell."""
    rows = _points(found, found.measured)
    values = np.array([one.values for one in found.measured])
    surrogates = tuple(
        fit_surrogate(rows, values[:, i], share=one.rule.share) for i, one in enumerate(found.objectives)
    )
    fitted = replace(found, surrogates=surrogates)
    points = predicted_front(_sought(fitted), _points(found, found.front))
    points = np.array([rounded(one) for one in points]).reshape(-1, len(found.models))
    points = np.unique(points, axis=0)
    merits = _sought(fitted).merits(points) if len(points) else np.empty((0, len(found.objectives)))
    # In rising order of the first objective, evenly spaced over the many that NSGA-II keeps.
    shown = points[sorted(undominated(merits), key=lambda i: merits[i].tolist())]
    shown = shown[np.unique(np.linspace(0, max(len(shown) - 1, 0), min(_SHOWN, len(shown))).round().astype(int))]
    predicted = tuple(Foretold(recipe_of(found.models, one), foretold(fitted, one)) for one in shown)
    return replace(fitted, predicted=predicted)


def proposals(found: ParetoFront) -> Coefficients:
    """What to measure next, ``[n, models]``: of the predicted front, what lies far from all that was measured."""
    points = _points(found, found.predicted)
    return points[spread(points, _points(found, found.measured), _batch(found.models))]


def judged(ev: Evaluator, found: ParetoFront) -> ParetoFront:
    """A front whose recipes are judged, and the models alone, by images that did not choose them."""
    splits = needed(found.objectives, ev.suite, judging=True)
    known = dict(found.judged)
    wanted = dict.fromkeys([*(one.recipe for one in found.front), *(Recipe({name: 1}) for name in found.models)])
    due = [recipe for recipe in wanted if recipe not in known]
    with ev.ahead(due, splits):
        for recipe in due:
            evaluation = ev.evaluate(recipe, splits)
            known[recipe] = tuple(one.judged_by(evaluation, ev.suite) for one in found.objectives)
    return replace(found, judged={recipe: known[recipe] for recipe in wanted})


def chosen_models(ev: Evaluator, models: Sequence[str] | None = None) -> tuple[str, ...]:
    """The models that are mixed, at least two and at most eight.

    Parameters
    ----------
    models
        Their names; the zero-shot model, if there is one, and the best fine-tuned ones when None.

    Raises
    ------
    ValueError
        When there are fewer or more.
    PoolError
        When the pool lacks one.
    """
    if models is None:
        pool, split = ev.pool, ev.suite.validation.name
        with ev.ahead([Recipe({name: 1}) for name in pool.fine_tuned], split):
            scores = {name: selection_score(ev, Recipe({name: 1})) for name in pool.fine_tuned}
        merit = selection_metric(ev).merit
        models = [*starts(pool), *sorted(scores, key=lambda name: -merit(scores[name]))][:MODELS]
    names = tuple(dict.fromkeys(models))
    if not 2 <= len(names) <= MOST_MODELS:
        raise ValueError(f"two to {MOST_MODELS} models are mixed, got {len(names)}: choose those that matter")
    ev.pool.require(names)
    return names


def starts(pool: Pool) -> list[str]:
    """The zero-shot model, if there is one."""
    return [name for name in pool.names if pool.checkpoints[name].card.role == "zero_shot"][:1]


def _measured(
    ev: Evaluator, found: ParetoFront, points: Coefficients, number: int = 0
) -> Generator[ParetoFront, None, ParetoFront]:
    """Measure one recipe after the other; what was known before is foretold first."""
    splits = needed(found.objectives, ev.suite)
    recipes = {recipe_of(found.models, one): one for one in points}
    with ev.ahead(recipes, splits):
        for recipe, one in recipes.items():
            said = foretold(found, one)
            values = values_of(ev.evaluate(recipe, splits), found.objectives, ev.suite)
            candidate = Candidate(recipe, tuple(values.tolist()), number, said)
            found = replace(found, measured=(*found.measured, candidate), done=found.done + 1)
            yield found
    return found


def _batch(models: Sequence[str]) -> int:
    """As many as a surrogate has terms: of two models, three points on the line between them."""
    return min(_BATCH, term_count(len(models)))


def _points(found: ParetoFront, of: Sequence[Candidate | Foretold]) -> Coefficients:
    """Their coefficients, ``[n, models]``."""
    return np.array([coefficients_of(found.models, one.recipe) for one in of]).reshape(-1, len(found.models))


def _sought(found: ParetoFront) -> Sought:
    return Sought(found.surrogates, found.signs, found.least)
