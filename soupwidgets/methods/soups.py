"""Model soups: averages of fine-tuned models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe


def uniform_soup(pool: Pool, ingredients: Sequence[str] | None = None) -> Recipe:
    """The plain average of the ingredients.

    Parameters
    ----------
    pool
        The checkpoints.
    ingredients
        Names to average; the pool's fine-tuned models when None.

    Raises
    ------
    PoolError
        When a name is not in the pool.
    ValueError
        When there is no ingredient, or one is named twice.

    Notes
    -----
    Wortsman et al., arXiv 2203.05482, section 2, 'uniform soup'.

    Examples
    --------
    >>> uniform_soup(Pool.open("data/zoo/fashion"), ["ft-00", "ft-01"])
    Recipe({'ft-00': 0.5, 'ft-01': 0.5})
    """
    names = _ingredients(pool, ingredients)
    return Recipe({name: 1 / len(names) for name in names})


@dataclass(frozen=True)
class GreedyStep:
    """One candidate of a greedy soup, and the verdict.

    Parameters
    ----------
    candidate
        The ingredient that was tried.
    accuracy
        Held-out accuracy of the soup with it.
    best
        Held-out accuracy of the soup before; 0 for the first.
    accepted
        Whether it stayed in.
    """

    candidate: str
    accuracy: float
    best: float
    accepted: bool


@dataclass(frozen=True)
class GreedySoup:
    """The recipe of a greedy soup, and how it came about."""

    recipe: Recipe
    steps: tuple[GreedyStep, ...]

    @property
    def ingredients(self) -> list[str]:
        """The names that stayed in, in the order in which they were taken."""
        return [step.candidate for step in self.steps if step.accepted]


def greedy_soup(
    ev: Evaluator, ingredients: Sequence[str] | None = None, strict: bool = False, progress: bool = True
) -> GreedySoup:
    """Add ingredients from the best to the worst, keeping those that do not lower held-out accuracy.

    Only the validation split is looked at.

    Parameters
    ----------
    ev
        Evaluator of the pool.
    ingredients
        Names to choose from; the pool's fine-tuned models when None.
    strict
        The paper keeps an ingredient when accuracy does not fall (>=); the
        released script when it rises (>). True does as the script.
    progress
        Whether to show a progress bar.

    Returns
    -------
    GreedySoup
        The recipe with a trace of every decision.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`.

    Notes
    -----
    Wortsman et al., arXiv 2203.05482, section 2, recipe 1 'GreedySoup'.
    """
    names = _ingredients(ev.pool, ingredients)
    split = ev.suite.validation.name

    def accuracy(recipe: Recipe) -> float:
        return ev.evaluate(recipe, [split]).accuracy[split]

    with tqdm(total=2 * len(names), desc="greedy soup", unit="evaluation", disable=not progress) as bar:
        alone = {}
        for name in names:
            alone[name] = accuracy(Recipe({name: 1}))
            bar.update()
        order = sorted(names, key=lambda name: (-alone[name], name))
        soup: list[str] = []
        best = 0.0
        steps = []
        for candidate in order:
            found = accuracy(uniform_soup(ev.pool, [*soup, candidate]))
            accepted = not soup or found > best or (found == best and not strict)
            steps.append(GreedyStep(candidate, found, best, accepted))
            if accepted:
                soup.append(candidate)
                best = found
            bar.update()
    return GreedySoup(uniform_soup(ev.pool, soup), tuple(steps))


def _ingredients(pool: Pool, names: Sequence[str] | None) -> list[str]:
    chosen = pool.fine_tuned if names is None else list(names)
    pool.require(chosen)
    if not chosen:
        raise ValueError("a soup needs at least one ingredient; the pool has no fine-tuned model")
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"an ingredient is named twice in {chosen}")
    return chosen
