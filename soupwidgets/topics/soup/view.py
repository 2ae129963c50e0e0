"""What the mixer shows of a soup: three figures, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.methods import GreedySoup
from soupwidgets.panel.html import notes, progress
from soupwidgets.panel.live_figure import LiveFigure
from soupwidgets.topics.soup import figures


class SoupView:
    """Figures and lines of words, and the evaluations that they show.

    Its methods are called on the kernel's loop, where widgets may be touched.

    Parameters
    ----------
    ev
        The evaluator.
    names
        The ingredients.

    Attributes
    ----------
    alone
        Ingredient to its own evaluation, coarse or exact, as far as they are known. Replaced as a
        whole when one comes in, because a worker adds while the loop draws.
    evaluation, ensemble
        The soup, and the ensemble of the same members.
    shift
        The shift that is brought out; None for the mean of all.
    """

    def __init__(self, ev: Evaluator, names: Sequence[str]) -> None:
        roles = {name: ev.pool.checkpoints[name].card.role for name in names}
        self.zero_shot = next((name for name in names if roles[name] == "zero_shot"), None)
        self.tuned = [name for name in names if roles[name] == "fine_tuned"] or list(names)
        self.alone: dict[str, Evaluation] = {}
        self.evaluation: Evaluation | None = None
        self.ensemble: Evaluation | None = None
        self.shift: str | None = None
        self._validation = ev.suite.validation.name
        self._drawn: tuple[Any, ...] = ()
        self.status = ipywidgets.HTML()
        self.fill_status = ipywidgets.HTML()
        self.advice = ipywidgets.HTML()
        self.verdict = ipywidgets.HTML()
        self.frontier = LiveFigure()
        self.splits = LiveFigure()
        self.trace = LiveFigure()
        self.trace.layout.display = "none"

    def know(self, name: str, evaluation: Evaluation) -> None:
        """An ingredient's own evaluation has come in; called by the worker."""
        self.alone = {**self.alone, name: evaluation}

    def show(self, evaluation: Evaluation) -> None:
        """Show a soup, coarse or exact."""
        if self.evaluation is None or evaluation.recipe != self.evaluation.recipe:
            self.ensemble = None
            self.advice.value = ""
        self.evaluation = evaluation
        recipe = evaluation.recipe
        seen = sum(score.seen for score in evaluation.scores.values())
        total = sum(score.total for score in evaluation.scores.values())
        words = "exact" if evaluation.exact else "coarse so far"
        by_tensor = ", coefficients by tensor (the sliders show their mean)" if recipe.by_tensor else ""
        members = sum(1 for value in recipe.values() if value)
        self.say(f"soup of {members}{by_tensor}: {words}, {seen:,} of {total:,} images", seen, total)
        self.draw()

    def show_nothing(self) -> None:
        """There is no soup: every coefficient is zero."""
        self.evaluation = self.ensemble = None
        self.advice.value = ""
        self.say("the soup is empty: give an ingredient a coefficient", 1, 1)

    def show_ensemble(self, ensemble: Evaluation) -> None:
        """Show the ensemble of the members."""
        self.ensemble = ensemble
        self.draw()

    def show_advice(self, found: Sequence[str]) -> None:
        """Say what is odd about the soup."""
        self.advice.value = notes(found)

    def show_trace(self, soup: GreedySoup, step: int, new: bool) -> None:
        """Show a step of a greedy soup; ``new`` when the trace itself changed."""
        self.trace.layout.display = ""
        if new:
            self.trace.show(figures.greedy_trace(soup, step))
        else:
            self.trace.move(figures.greedy_trace_patch(soup, step))
        self.verdict.value = progress(figures.greedy_sentence(soup, step), 1, 1)

    def show_fill(self, done: int, total: int) -> None:
        """Say how many ingredients are measured."""
        words = "every ingredient is measured" if done == total else f"measuring {done} of {total} ingredients alone"
        self.fill_status.value = progress(words, done, total)

    def say(self, words: str, done: int, total: int) -> None:
        """Say what is going on."""
        self.status.value = progress(words, done, total)

    def draw(self) -> None:
        """Draw the soup among the ingredients; only what moved, where that is all."""
        shown = self.evaluation
        if shown is None:
            return
        alone = self.alone or {"this soup": shown}
        references = self._references()
        drawn = (*((n, e.exact) for n, e in alone.items()), tuple(references), self.shift)
        if drawn == self._drawn:
            self.frontier.move(figures.frontier_patch(alone, shown, self.ensemble, self.zero_shot, self.shift))
            self.splits.move(figures.splits_patch(shown, self.ensemble, references))
            return
        self._drawn = drawn
        self.frontier.show(figures.frontier(alone, shown, self.ensemble, self.zero_shot, self.shift))
        self.splits.show(figures.splits(shown, self.ensemble, references))

    def best_alone(self, names: Sequence[str]) -> str:
        """The ingredient with the highest validation accuracy; all must be measured."""
        return max(names, key=lambda name: self.alone[name].accuracy[self._validation])

    def _references(self) -> dict[str, Evaluation]:
        measured = [name for name in self.tuned if name in self.alone and self.alone[name].exact]
        found = {}
        if measured:
            best = self.best_alone(measured)
            found[f"best single by validation ({best})"] = self.alone[best]
        if self.zero_shot is not None and self.zero_shot in self.alone and self.alone[self.zero_shot].exact:
            found["zero-shot"] = self.alone[self.zero_shot]
        return found
