"""The methods that a mixer offers, each in steps that say how far it is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from soupwidgets import methods
from soupwidgets.evaluation import Evaluator
from soupwidgets.methods import GreedySoup, LearnedSoup
from soupwidgets.methods.selection import best_alone
from soupwidgets.models.depth import layer_depth, network_order
from soupwidgets.pool import SoupWarning
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
    learned
        Of a learned soup: its epochs so far.
    """

    words: str
    done: int
    total: int
    recipe: Recipe | None = None
    trace: GreedySoup | None = None
    learned: LearnedSoup | None = None


# What goes by the depth of layers, and how many blocks it needs.
_BY_DEPTH = {"lines": ("it scales layers by depth", 2), "wise_ft_by_group": ("it goes by groups of layers", 1)}

_CHOSEN = "Chosen by validation"

# None is a step with nothing new to say; the last one has the recipe.
Steps = Iterator[Making | None]


@dataclass(frozen=True)
class Method:
    """What stands on a button, what it does in a sentence, how, and the Python for it with NAMES for the names.

    ``group`` is the heading that the button stands under.
    """

    label: str
    why: str
    group: str
    make: Callable[[Evaluator, Sequence[str]], Steps]
    python: str

    def code(self, ev: Evaluator, names: Sequence[str]) -> str:
        """Write the Python for these ingredients."""
        return self.python.replace("NAMES", repr(list(names))).replace("VAL", ev.suite.validation.name)


def mixer_methods() -> dict[str, Method]:
    """List what the mixer offers: every method that gives a recipe, and the best single model.

    Those that write a file make a model that is not a mixture of the pool: see `file_methods`.
    """
    found = {
        name: Method(method.label, f"{method.summary} ({method.paper})", _group(method), _by(method), _python(method))
        for name, method in _by_button(writes_file=False).items()
    }
    best = 'sw.Recipe({max(NAMES, key=lambda name: ev.evaluate(name, "VAL").scores["VAL"].merit): 1})'
    found["best_single"] = Method("Best single", "The model that is best on validation.", _CHOSEN, _best, best)
    return found


def lacking(name: str, ev: Evaluator) -> str:
    """Why a method cannot be used on what an evaluator measures; empty where it can, or where only trying tells."""
    if name == "fisher" and ev.suite.task == "segmentation":
        return "it draws one prediction an example, and in segmentation there is one a pixel"
    if name == "adamerging" and ev.suite.task != "single-label":
        return f"it needs one prediction among classes for each example, and the task is {ev.suite.task}"
    # Where a card states the architecture, the network itself is run to find its order: not before it is asked for.
    if name in _BY_DEPTH and ev.pool.architecture_card is None:
        what, least = _BY_DEPTH[name]
        try:
            if max(layer_depth(network_order(list(ev.pool.tensors))).values()) + 1 < least:
                return f"{what}, and the network has fewer than {least} blocks of layers"
        except ValueError:
            return f"{what}, and the tensors' names show no blocks of layers"
    return ""


def file_methods() -> dict[str, methods.SoupMethod]:
    """List the methods that write a file (TIES, DARE, Fisher), by the names of their buttons."""
    return _by_button(writes_file=True)


def _group(method: methods.SoupMethod) -> str:
    if method.ordered:
        return "Order matters"
    return _CHOSEN if method.needs_images else "From weights"


def _by_button(writes_file: bool) -> dict[str, methods.SoupMethod]:
    found = (method for method in methods.all_methods() if method.writes_file == writes_file)
    return {method.name.replace("-", "_"): method for method in found}


def _python(method: methods.SoupMethod) -> str:
    if method.name == "greedy":
        # Not its recipe alone: the step that is looked at follows.
        return "sw.greedy_soup(ev, NAMES)"
    images = ", ev=ev" if method.uses_images else ""
    return f"sw.methods.method_named({method.name!r}).make(pool, NAMES{images}).recipe"


def _by(method: methods.SoupMethod) -> Callable[[Evaluator, Sequence[str]], Steps]:
    def steps(ev: Evaluator, names: Sequence[str]) -> Steps:
        if method.name == "greedy":
            # The longest part of it, which says nothing by itself.
            yield from _each_alone(ev, names)
        yield Making(f"{method.label}: {len(names)} ingredients", 0, 1)
        with warnings.catch_warnings():
            # `check_soup` says in the panel what the methods would warn of in a log.
            warnings.simplefilter("ignore", SoupWarning)
            for done, total, made in method.stream(ev.pool, list(names), ev=ev if method.uses_images else None):
                trace = made.result if isinstance(made.result, methods.GreedySoup) else None
                learned = made.result if isinstance(made.result, LearnedSoup) else None
                yield Making(_words(method.label, done, total, trace), done, total, made.recipe, trace, learned)

    return steps


def _words(label: str, done: int, total: int, trace: GreedySoup | None) -> str:
    if trace is None:
        return f"{label}: step {done} of {total}"
    share = f", {trace.share_of_passes:.0%} of the plain algorithm's image passes" if len(trace.steps) > 1 else ""
    return f"{label}: {len(trace.steps)} of {total} candidates tried{share}"


def _each_alone(ev: Evaluator, names: Sequence[str]) -> Steps:
    for done, name in enumerate(names):
        yield Making(f"measuring {name}, {done} of {len(names)} ingredients", done, len(names))
        for _ in ev.stream(name, [ev.suite.validation.name]):
            yield None


def _best(ev: Evaluator, names: Sequence[str]) -> Steps:
    yield from _each_alone(ev, names)
    yield Making("the best of them", 1, 1, Recipe({best_alone(ev, names)[0]: 1}))
