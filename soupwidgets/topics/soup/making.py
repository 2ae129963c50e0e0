"""The methods that a mixer offers, each in steps that say how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from soupwidgets import methods
from soupwidgets.evaluation import Evaluator
from soupwidgets.methods import GreedySoup
from soupwidgets.methods.selection import best_alone
from soupwidgets.methods.uniform import average
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe


@dataclass(frozen=True)
class Making:
    """A soup on its way.

    Parameters
    ----------
    words, done, total
        What is being done, and how far it is.
    recipe
        The soup so far; None where there is nothing to see of it before the end.
    trace
        Of a greedy soup: its verdicts so far.
    """

    words: str
    done: int
    total: int
    recipe: Recipe | None = None
    trace: GreedySoup | None = None


# None is a step with nothing new to say; the last one has the recipe.
Steps = Iterator[Making | None]


@dataclass(frozen=True)
class Method:
    """What stands on a button, what it does in a sentence, how, and the Python for it with NAMES for the names."""

    label: str
    why: str
    make: Callable[[Evaluator, Sequence[str]], Steps]
    python: str

    def code(self, names: Sequence[str]) -> str:
        """Write the Python for these ingredients."""
        return self.python.replace("NAMES", repr(list(names)))


def _at_once(words: str, make: Callable[[Pool, Sequence[str]], Recipe]) -> Callable[[Evaluator, Sequence[str]], Steps]:
    """A method whose one step takes long only for large models."""

    def steps(ev: Evaluator, names: Sequence[str]) -> Steps:
        yield Making(words, 0, 1)
        yield Making(words, 1, 1, make(ev.pool, names))

    return steps


def _each_alone(ev: Evaluator, names: Sequence[str]) -> Steps:
    for done, name in enumerate(names):
        yield Making(f"measuring {name}, {done} of {len(names)} ingredients", done, len(names))
        for _ in ev.stream(name, [ev.suite.validation.name]):
            yield None


def _best(ev: Evaluator, names: Sequence[str]) -> Steps:
    yield from _each_alone(ev, names)
    yield Making("the best of them", 1, 1, Recipe({best_alone(ev, names)[0]: 1}))


def _greedy(ev: Evaluator, names: Sequence[str]) -> Steps:
    yield from _each_alone(ev, names)
    for soup in methods.greedy_steps(ev, names):
        done = len(soup.steps)
        share = f", {soup.share_of_passes:.0%} of the plain algorithm's image passes" if done > 1 else ""
        words = f"greedy soup: {done} of {len(names)} candidates tried{share}"
        yield Making(words, done, len(names), soup.recipe, soup)


def _learned(by: Literal["model", "layer"]) -> Callable[[Evaluator, Sequence[str]], Steps]:
    def steps(ev: Evaluator, names: Sequence[str]) -> Steps:
        yield Making("learning coefficients", 0, 1)
        for done, total, soup in methods.learned_steps(ev, names, by=by):
            yield Making(f"learning coefficients: step {done} of {total}", done, total, soup.recipe)

    return steps


METHODS = {
    # `check_soup` says in the panel what `uniform_soup` would warn of in a log.
    "uniform": Method(
        "Uniform", "The plain average",
        _at_once("averaging", lambda _pool, names: average(names)), "sw.uniform_soup(pool, NAMES)",
    ),
    "greedy": Method(
        "Greedy", "From the best to the worst, keep what does not lower validation accuracy",
        _greedy, "sw.greedy_soup(ev, NAMES)",
    ),
    "learned": Method(
        "Learned", "Coefficients by gradient descent on the validation loss",
        _learned("model"), "sw.learned_soup(ev, NAMES).recipe",
    ),
    "learned_by_layer": Method(
        "Learned by layer", "The same with one coefficient for every tensor",
        _learned("layer"), 'sw.learned_soup(ev, NAMES, by="layer").recipe',
    ),
    "model_stock": Method(
        "Model Stock", "By tensor, from the angle between the ingredients",
        _at_once("measuring angles between the ingredients", methods.model_stock), "sw.model_stock(pool, NAMES)",
    ),
    "lines": Method(
        "LiNeS", "The average, the more of it the deeper the layer; the zero-shot model first",
        _at_once("scaling the average by depth", lambda pool, names: methods.lines(pool, average(names))),
        "sw.lines(pool, sw.uniform_soup(pool, NAMES))",
    ),
    "wise_ft": Method(
        "WiSE-FT", "Half way from the zero-shot model to the average",
        _at_once("averaging with zero-shot", lambda pool, names: methods.wise_ft(pool, average(names), 0.5)),
        "sw.wise_ft(pool, sw.uniform_soup(pool, NAMES), 0.5)",
    ),
    "best_single": Method(
        "Best single", "The model with the highest validation accuracy",
        _best, 'sw.Recipe({max(NAMES, key=lambda name: ev.evaluate(name, "val").scores["val"].accuracy): 1})',
    ),
}  # fmt: skip
