"""Which models err together, which apart, and what an ensemble makes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar, get_args

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.panel.controls import Button, Choice, Selection
from soupwidgets.panel.panel import Panel, State
from soupwidgets.panel.python import script
from soupwidgets.panel.view import View
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity import figures
from soupwidgets.topics.diversity.details import ensemble_table, every_pair, pair_strip, pair_table, said
from soupwidgets.topics.diversity.helpers import HelperStep, ensemble_of, greedy_ensemble
from soupwidgets.topics.diversity.members import Member, checked_suite
from soupwidgets.topics.diversity.ordering import Ordering, ordered
from soupwidgets.topics.diversity.pairs import DivergenceTrend, DiversityMatrix, PairDiversity, divergence_trend
from soupwidgets.topics.diversity.pairs import pair as pair_diversity
from soupwidgets.topics.diversity.pairs import stream_matrix as stream_diversity
from soupwidgets.topics.diversity.specialists import class_specialists, specialisation

_SECONDS_PER_VIEW = 0.3
_ALONE = 6
T = TypeVar("T")


class DiversityExplorer(Panel):
    """A matrix of all pairs of models; one pair in full, with its images; and an ensemble to build.

    Everything comes from logits that are there already: no model runs, except where the soup of a pair is asked for.

    Parameters
    ----------
    models
        At least two, with logits on validation: `members` of a pool, `open_members` of any
        checkpoints, `import_member` of files.
    suite
        Has the images and their labels.
    split
        Where; the in-distribution test when None.
    ev
        Evaluator of the pool that some of the models belong to; it measures soups of two.

    Raises
    ------
    TypeError
        When it was given no models, or no suite; it says what to write.
    ValueError, KeyError
        When there are fewer than two models, two of one name, or no such split.
    """

    split: str
    number: figures.PairNumber
    first: str
    second: str
    members: list[str]

    def __init__(
        self,
        models: Sequence[Member],
        suite: Suite | None = None,
        split: str | None = None,
        ev: Evaluator | None = None,
    ) -> None:
        suite = checked_suite("DiversityExplorer", models, suite)
        names = [one.name for one in models]
        common = [name for name in suite.splits if all(name in one.splits for one in models)]
        where = suite.id_test.name if split is None else split
        if len(models) < 2 or len(set(names)) < len(names):
            # Says which of the two it is.
            next(stream_diversity(models, suite, where))
        if where not in common:
            raise KeyError(f"not all models have logits on {where!r}; they have those of {', '.join(common)}")
        self.models = {one.name: one for one in models}
        self.suite, self.ev = suite, ev
        self._streams: dict[str, Iterator[DiversityMatrix]] = {}
        self._matrices: dict[str, DiversityMatrix] = {}
        self._comparing = threading.Lock()
        self._last_of: dict[str, tuple[Any, Any]] = {}
        numbers = [(number, title) for number, (title, _, _) in figures.PAIR_NUMBERS.items()]
        controls = [
            Choice(name="number", label="Show", value=numbers[0][0], options=numbers),
            Choice(name="order", label="Order", value="as given", options=get_args(Ordering)),
            Choice(name="split", label="Split", value=where, options=common),
            Choice(name="first", label="First", value=names[0], options=names),
            Choice(name="second", label="Second", value=names[1], options=names),
            Button(name="soup", label="Measure their soup", title="Average the weights of the two, and measure that"),
            Selection(name="members", label="Ensemble", value=names[:2], options=names),
            Button(
                name="grow", label="Grow from its first",
                title="Begin with the first model of the ensemble, and add whoever raises the score on validation most",
            ),
            Choice(name="grown", options=[None, *names], hidden=True),
        ]  # fmt: skip
        super().__init__(f"{suite.name}: how differently {len(names)} models err", controls)

    @property
    def matrix(self) -> DiversityMatrix | None:
        """All pairs on the split, as far as they are compared."""
        return self._matrices.get(self.split)

    @property
    def pair(self) -> PairDiversity | None:
        """The chosen pair; None where both are the same model."""
        return self._pair(self.state)

    @property
    def steps(self) -> list[HelperStep]:
        """Of the ensemble that was grown."""
        return self._steps(self.state)

    def answer(self, state: State) -> Iterator[View]:
        """Show the pair, and the matrix as it fills."""
        matrix = self._compare(state["split"])
        yield self._view(state, matrix)
        since = time.monotonic()
        while not matrix.exact:
            matrix = self._compare(state["split"])
            if matrix.exact or time.monotonic() - since > _SECONDS_PER_VIEW:
                yield self._view(state, matrix)
                since = time.monotonic()

    def act(self, name: str, state: State) -> Iterator[View | State]:
        """Measure the average of the pair's weights, or grow an ensemble by what the validation split reports."""
        if name == "grow":
            if not state["members"]:
                raise ValueError("choose the model to begin with in the list of the ensemble")
            yield {"grown": state["members"][0]}
            return
        soup = self._soup(state)
        if soup is None or self.ev is None:
            raise ValueError("these two are not of one pool: their weights cannot be averaged")
        split = state["split"]
        view = self._view(state, self._compare(split))
        for evaluation in self.ev.stream(soup, [split]):
            score = evaluation.scores[split]
            words = f"their soup: {score.accuracy:.1%} of {score.seen:,} of {score.total:,} images"
            yield replace(view, words=words, done=score.seen, total=score.total)

    def recorded(self, grids: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Record every number in every order, of the chosen pair."""
        return {name: grid for name, grid in grids.items() if name in ("number", "order")}

    def code(self, state: State) -> str:
        """Write how to compare the same models, where they are checkpoints of one pool."""
        if self.ev is None or any(one.recipe != Recipe({name: 1}) for name, one in self.models.items()):
            return ""
        split, number, first, second = (state[name] for name in ("split", "number", "first", "second"))
        return script(
            self.ev,
            f"models = sw.diversity.members(ev, {list(self.models)!r}, [{split!r}])",
            f"matrix = sw.diversity.matrix(models, suite, {split!r})",
            f"print(matrix.table({number!r}))",
            "by_name = {one.name: one for one in models}",
            f"print(sw.diversity.pair(by_name[{first!r}], by_name[{second!r}], suite, {split!r}))",
        )

    def _compare(self, split: str) -> DiversityMatrix:
        """One more pair, in whatever thread it is asked for."""
        with self._comparing:
            known = self._matrices.get(split)
            if known is None or not known.exact:
                if split not in self._streams:
                    self._streams[split] = stream_diversity(list(self.models.values()), self.suite, split)
                known = self._matrices[split] = next(self._streams[split])
            return known

    def _kept(self, what: str, key: Any, make: Callable[[], T]) -> T:
        """What is worked out for a state, kept until another one asks for something else of the kind."""
        known = self._last_of.get(what)
        if known is None or known[0] != key:
            known = self._last_of[what] = key, make()
        found: T = known[1]
        return found

    def _pair(self, state: State) -> PairDiversity | None:
        first, second, split = state["first"], state["second"], state["split"]
        if first == second:
            return None
        a, b = self.models[first], self.models[second]
        return self._kept("pair", (first, second, split), lambda: pair_diversity(a, b, self.suite, split))

    def _steps(self, state: State) -> list[HelperStep]:
        base = state["grown"]
        if base is None:
            return []
        others = [one for name, one in self.models.items() if name != base]
        return self._kept("steps", base, lambda: greedy_ensemble(self.models[base], others, self.suite))

    def _mixed(self, names: Sequence[str]) -> dict[str, Evaluation]:
        """The ensemble of some models, and the first of these alone."""
        chosen = [self.models[name] for name in names]
        splits = [split for split in self.suite.splits if all(split in one.splits for one in chosen)]
        alone = {one.name: ensemble_of([one], self.suite, splits) for one in chosen[:_ALONE]}
        return {"ensemble": ensemble_of(chosen, self.suite, splits), **alone}

    def _soup(self, state: State) -> Recipe | None:
        """The average of the pair's weights; None where these are not of one pool."""
        recipes = [self.models[state[name]].recipe for name in ("first", "second")]
        pool = self.ev.pool if self.ev is not None else ()
        known = [one for one in recipes if one is not None and all(name in pool for name in one)]
        return sum(known, Recipe({})) / 2 if len(known) == 2 else None

    def _soup_accuracy(self, state: State) -> float | None:
        """Of the average of the pair's weights, where the store has it."""
        soup, split = self._soup(state), state["split"]
        if soup is None or self.ev is None or split not in self.ev.suite.splits:
            return None
        known = self.ev.stored(soup, [split])
        return known.accuracy[split] if known is not None else None

    def _view(self, state: State, matrix: DiversityMatrix) -> View:
        split, number, pair = state["split"], state["number"], self._pair(state)
        drawn = {
            "matrix": figures.matrix(matrix, number, ordered(matrix, state["order"])),
            "divergence": figures.divergence_strip(matrix, number, self._trend(matrix)),
        }
        tables, strips = [], []
        if pair is not None:
            a, b = self.models[pair.first], self.models[pair.second]
            sure, classes, strip = self._kept(
                "images", (pair.first, pair.second, split),
                lambda: (
                    specialisation(a, b, self.suite, split), class_specialists(a, b, self.suite, split),
                    pair_strip(a, b, self.suite, split),
                ),
            )  # fmt: skip
            drawn["confidences"] = figures.confidences(sure)
            drawn["classes"] = figures.specialists(classes, pair.first, pair.second)
            strips.append(strip)
            tables.append(pair_table(pair, self._soup_accuracy(state)))
        if state["members"]:
            mixed = self._kept("mixed", tuple(state["members"]), lambda: self._mixed(state["members"]))
            tables.append(ensemble_table(mixed, list(mixed["ensemble"].scores)))
        if steps := self._steps(state):
            drawn["growth"] = figures.helpers(steps, self.suite.validation.name, self.suite.id_test.name)
        return View(
            figures=drawn,
            tables=[*tables, every_pair(matrix)],
            strips=strips,
            words=said(matrix, pair),
            done=len(matrix.pairs),
            total=matrix.total,
            clicks={"matrix": ("first", "second"), "divergence": ("first", "second")},
        )

    def _trend(self, matrix: DiversityMatrix) -> DivergenceTrend | None:
        if not matrix.exact or len({pair.divergence for pair in matrix.pairs}) < 2:
            return None
        return self._kept("trend", matrix.split, lambda: divergence_trend(matrix))
