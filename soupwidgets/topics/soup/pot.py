"""What a mixer remembers: its ingredients alone, the soups that methods made, and what was measured last."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from soupwidgets import methods
from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.evaluation.tasks import KEEPS_OUTPUTS
from soupwidgets.methods import GreedySoup, LearnedSoup
from soupwidgets.recipe import Recipe
from soupwidgets.topics.soup.making import Making, file_methods, mixer_methods
from soupwidgets.topics.soup.written import Written, new_file, with_file


@dataclass(frozen=True)
class Measured:
    """What is known of a soup: its evaluation, the ensemble of its members, what is odd about it; perhaps not all."""

    evaluation: Evaluation
    ensemble: Evaluation | None = None
    advice: tuple[str, ...] = ()
    complete: bool = False


class Pot:
    """Soups of a few ingredients, measured in steps.

    Parameters
    ----------
    ev
        The evaluator.
    names
        The ingredients, at least one.

    Attributes
    ----------
    tuned, zero_shot
        Those that methods mix unless others are chosen, and the zero-shot model, if it is among them.
    alone
        Ingredient to its own evaluation, coarse or exact, as far as they are known.
    methods, files
        What soups are made by, by the names of the buttons; and what writes a file, which becomes one more ingredient.
    written
        Ingredient to the file that a method wrote here.
    saved
        Soup to what is said of the files that it was written to.
    """

    def __init__(self, ev: Evaluator, names: Sequence[str]) -> None:
        roles = {name: ev.pool.checkpoints[name].card.role for name in names}
        self.ev, self.names = ev, list(names)
        self.methods, self.files = mixer_methods(), file_methods()
        self.zero_shot = next((name for name in names if roles[name] == "zero_shot"), None)
        self.tuned = [name for name in names if roles[name] == "fine_tuned"] or list(names)
        # All of these are replaced as wholes, because one thread may read while another adds.
        self.alone: dict[str, Evaluation] = {}
        self.saved: dict[Recipe, tuple[str, ...]] = {}
        self.written: dict[str, Written] = {}
        self._written_by: dict[tuple[str, tuple[str, ...]], Recipe] = {}
        self._made: dict[tuple[str, tuple[str, ...]], Making] = {}
        self._known: tuple[Measured, ...] = ()

    def contents(self, state: Mapping[str, Any]) -> tuple[Recipe, GreedySoup | None]:
        """Say what is in the pot in a mixer's state, and the verdicts behind it where it is a greedy soup."""
        if state["coefficients"]:
            return Recipe(state["coefficients"]), None
        if not state["method"]:
            return Recipe.from_json(state["given"]) if state["given"] else Recipe({}), None
        for _ in self.make(state["method"], state["of"]):
            pass
        made = self._made[state["method"], tuple(state["of"])]
        if made.trace:
            return made.trace.after(step_of(state, made.trace)), made.trace
        assert made.recipe is not None
        return made.recipe, None

    def learned(self, state: Mapping[str, Any]) -> LearnedSoup | None:
        """How the learned soup of a mixer's state came about; None of any other, and while it is not made."""
        made = None if state["coefficients"] else self._made.get((state["method"], tuple(state["of"])))
        return made.learned if made else None

    def make(self, method: str, of: Sequence[str]) -> Generator[Making | None, None, Making]:
        """Make a soup, or remember it: methods give the same every time."""
        key = (method, tuple(of))
        if key not in self._made:
            made = None
            for step in self.methods[method].make(self.ev, of):
                made = step or made
                yield step
            assert made is not None
            self._made = {**self._made, key: made}
        return self._made[key]

    def write(self, method: str, of: Sequence[str], folder: Path) -> Generator[Making | None, None, Making]:
        """Let a method write a file to a folder, under a new name, and take it in; or remember that it did so.

        What was begun is finished even if nobody waits for it any more: the file is then an ingredient all the same.
        """
        key, makes = (method, tuple(of)), self.files[method]
        if key not in self._written_by:
            path = new_file(folder, makes.name, self.ev.pool)
            words = f"{makes.label} of {len(of)} ingredients goes to {path}"
            yield Making(words, 0, 1)
            ev = self.ev if makes.uses_images else None
            for done, total, made in makes.stream(self.ev.pool, list(of), ev=ev, path=path):
                if isinstance(made.result, Path):
                    self._take_in(key, Written(path.stem, path, makes.label, len(of)))
                yield Making(words, done, total)
        recipe = self._written_by[key]
        written = Making(self.written[recipe.leader].words, 1, 1, recipe)
        yield written
        return written

    def _take_in(self, key: tuple[str, tuple[str, ...]], file: Written) -> None:
        self.ev = with_file(self.ev, file.path)
        self.written = {**self.written, file.name: file}
        self.names = [*self.names, file.name]
        recipe = Recipe({file.name: 1})
        self._written_by = {**self._written_by, key: recipe}
        self.saved = {**self.saved, recipe: (file.words,)}

    def measure(self, recipe: Recipe) -> Iterator[Measured | None]:
        """Measure a soup, coarse first; then the ensemble of its members, and then look for what is odd about it.

        None is a step with nothing new.
        """
        known = self.known(recipe)
        if known is None or not known.complete:
            for evaluation in self.ev.stream(recipe):
                known = self._keep(Measured(evaluation))
                yield known
            assert known is not None
            # Logits have no layers to mix by, and of pixels there are none to keep.
            if not recipe.by_tensor and self.ev.suite.task in KEEPS_OUTPUTS:
                for name in recipe:
                    yield from self.measure_alone(name)
                known = self._keep(replace(known, ensemble=methods.logit_ensemble(self.ev, recipe)))
                yield known
            for advice in methods.check_soup(self.ev, recipe):
                known = self._keep(replace(known, advice=(*known.advice, advice)))
                yield known
        yield self._keep(replace(known, complete=True))

    def measure_alone(self, name: str) -> Iterator[None]:
        """Measure one ingredient, if it was not."""
        if name in self.alone and self.alone[name].exact:
            return
        for evaluation in self.ev.stream(name):
            if evaluation.exact:
                self.alone = {**self.alone, name: evaluation}
            yield None

    def look_at(self, name: str) -> Iterator[None]:
        """Take a first look at an ingredient."""
        if name not in self.alone:
            # The first step has a sample of every split, and each split then adds to it.
            for evaluation in islice(self.ev.stream(name), 1 + len(self.ev.suite.splits)):
                self.alone = {**self.alone, name: evaluation}
                yield None

    def known(self, recipe: Recipe) -> Measured | None:
        """Return what is remembered of a soup."""
        return next((known for known in self._known if known.evaluation.recipe == recipe), None)

    @property
    def latest(self) -> Measured | None:
        """What was measured last."""
        return self._known[0] if self._known else None

    def forget(self) -> None:
        """Forget what was measured last: the pot is empty."""
        self._known = ()

    @property
    def references(self) -> dict[str, Evaluation]:
        """What one would take instead of a soup: the best single model, and the zero-shot one; as far as known."""
        exact = {name: evaluation for name, evaluation in self.alone.items() if evaluation.exact}
        found = {}
        if measured := [name for name in self.tuned if name in exact]:
            best = max(measured, key=lambda name: exact[name].scores[self.ev.suite.validation.name].merit)
            found[f"best single by validation ({best})"] = exact[best]
        if self.zero_shot in exact:
            found["zero-shot"] = exact[self.zero_shot]
        return found

    def _keep(self, known: Measured) -> Measured:
        # The one on screen, and the one that somebody asks for meanwhile: logits of an ensemble take room.
        others = (one for one in self._known if one.evaluation.recipe != known.evaluation.recipe)
        self._known = (known, *others)[:2]
        return known


def step_of(state: Mapping[str, Any], trace: GreedySoup) -> int:
    """Say which step of a greedy soup is meant; of one of fewer candidates the last."""
    return min(max(1, int(state["step"] + 0.5)), len(trace.steps))
