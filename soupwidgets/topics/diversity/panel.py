"""Which models err together, which apart, and what an ensemble makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from soupwidgets.evaluation import Evaluator
from soupwidgets.figures.units import unit_of
from soupwidgets.panel.controls import Button, Choice, Selection
from soupwidgets.panel.examples import examples_word
from soupwidgets.panel.given import check_kind
from soupwidgets.panel.measured import Pace
from soupwidgets.panel.panel import Panel, State
from soupwidgets.panel.python import script
from soupwidgets.panel.view import View
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity import figures
from soupwidgets.topics.diversity.comparing import Comparisons
from soupwidgets.topics.diversity.details import (
    by_image,
    ensemble_table,
    every_pair,
    features_table,
    pair_table,
    said,
    unprobed,
)
from soupwidgets.topics.diversity.helpers import HelperStep
from soupwidgets.topics.diversity.matrices import DiversityMatrix, stream_matrix
from soupwidgets.topics.diversity.members import Member, checked_suite, mixture
from soupwidgets.topics.diversity.ordering import Ordering, ordered
from soupwidgets.topics.diversity.pairs import PairDiversity
from soupwidgets.topics.diversity.specialists import rows_by_class

_SECONDS_PER_VIEW = 0.3
_PAIR = "The pair"


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
    superclasses
        By name: the classes that each consists of, to compare two models superclass by superclass as well.

    Raises
    ------
    TypeError
        When it was given no models, or no suite; it says what to write.
    ValueError, KeyError
        When there are fewer than two models, two of one name, or no such split or class; when the task has no right
        and wrong answers.
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
        *,
        split: str | None = None,
        ev: Evaluator | None = None,
        superclasses: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        suite = checked_suite("DiversityExplorer", models, suite)
        right_or_wrong = "compares which answers are right and which are wrong, to examples with one or several labels"
        check_kind("DiversityExplorer", suite, right_or_wrong, tasks=("single-label", "multi-label"))
        names = [one.name for one in models]
        common = [name for name in suite.splits if all(name in one.splits for one in models)]
        where = suite.id_test.name if split is None else split
        if len(models) < 2 or len(set(names)) < len(names):
            # Says which of the two it is.
            next(stream_matrix(models, suite, where))
        if where not in common:
            raise KeyError(f"not all models have logits on {where!r}; they have those of {', '.join(common)}")
        self.models = {one.name: one for one in models}
        self._compared = Comparisons(models, suite)
        self.suite, self.ev, self._superclasses = suite, ev, superclasses
        if superclasses is not None:
            rows_by_class(suite, where, superclasses)
        numbers = [(number, title) for number, (title, _, _) in figures.PAIR_NUMBERS.items()]
        controls = [
            Choice(name="number", label="Show", value=numbers[0][0], options=numbers),
            Choice(name="order", label="Order", value="as given", options=get_args(Ordering)),
            Choice(name="split", label="Split", value=where, options=common),
            Choice(name="first", label="First", value=names[0], options=names),
            Choice(name="second", label="Second", value=names[1], options=names),
            Button(name="soup", label="Measure their soup", title="Average the weights of the two, and measure that",
                   group=_PAIR),
            Button(
                name="probe", label="Probe their features", group=_PAIR, lacks=unprobed(models, suite),
                title="Fit one linear probe to features of both on validation images, and probes to each alone",
            ),
            Selection(name="members", label="Ensemble", value=names[:2], options=names),
            Button(
                name="grow", label="Grow from its first", group="The ensemble",
                title="Begin with the first model of the ensemble, and add whoever raises the score on validation most",
            ),
            Choice(name="grown", options=[None, *names], hidden=True),
        ]  # fmt: skip
        super().__init__(f"{suite.name}: how differently {len(names)} models err", controls)

    @property
    def matrix(self) -> DiversityMatrix | None:
        """All pairs on the split, as far as they are compared."""
        return self._compared.matrix(self.split)

    @property
    def pair(self) -> PairDiversity | None:
        """The chosen pair; None where both are the same model."""
        return self._compared.pair(self.first, self.second, self.split)

    @property
    def steps(self) -> list[HelperStep]:
        """Of the ensemble that was grown."""
        return self._compared.grown(self.grown)

    def answer(self, state: State) -> Iterator[View]:
        """Show the pair, and the matrix as it fills."""
        matrix = self._compared.further(state["split"])
        yield self._view(state, matrix)
        pace = Pace()
        while not matrix.exact:
            matrix = self._compared.further(state["split"])
            if pace.due(_SECONDS_PER_VIEW, now=matrix.exact):
                yield self._view(state, matrix)

    def act(self, name: str, state: State) -> Iterator[View | State]:
        """Measure the average of the pair's weights, or grow an ensemble by what the validation split reports."""
        if name == "grow":
            if not state["members"]:
                raise ValueError("choose the model to begin with in the list of the ensemble")
            yield {"grown": state["members"][0]}
            return
        if name == "probe":
            yield from self._probe(state)
            return
        soup = self._soup(state)
        if soup is None or self.ev is None:
            raise ValueError("these two are not of one pool: their weights cannot be averaged")
        split = state["split"]
        view, examples = self._view(state, self._compared.further(split)), examples_word(self.suite)
        for evaluation in self.ev.stream(soup, [split]):
            score = evaluation.scores[split]
            words = f"their soup: {unit_of(score).show(score.accuracy)} of {score.seen:,} of {score.total:,} {examples}"
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
            f"models = sw.diversity.members(ev, {list(self.models)!r}, splits=[{split!r}])",
            f"matrix = sw.diversity.matrix(models, suite, split={split!r})",
            f"print(matrix.table({number!r}))",
            "by_name = {one.name: one for one in models}",
            f"print(sw.diversity.pair(by_name[{first!r}], by_name[{second!r}], suite, {split!r}))",
        )

    def _probe(self, state: State) -> Iterator[View]:
        first, second, split = (state[name] for name in ("first", "second", "split"))
        if first == second:
            raise ValueError("choose two different models")
        recipe, soup = self._soup(state), None
        if recipe is not None and self.ev is not None:
            needed = dict.fromkeys([self.suite.validation.name, split])
            soup = mixture(self.ev, recipe, "their soup", splits=[*needed])
        for found in self._compared.probing(first, second, split, soup):
            words = f"features of both: {len(found.readings)} of {found.total} probes and what they are compared with"
            view = self._view(state, self._compared.further(split))
            yield replace(view, words=words, done=len(found.readings), total=found.total)

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
        first, second, split, number = (state[name] for name in ("first", "second", "split", "number"))
        drawn = {
            "matrix": figures.matrix(matrix, number, ordered(matrix, state["order"])),
            "divergence": figures.divergence_strip(matrix, number, self._compared.trend(matrix)),
        }
        tables, strips = [], []
        if pair := self._compared.pair(first, second, split):
            # Image by image: too much to be worked out again with every view.
            seen, strip = self._compared.kept(
                "images", (first, second, split),
                lambda: by_image(self.models[first], self.models[second], self.suite, split, self._superclasses),
            )  # fmt: skip
            drawn |= seen
            ways = self._compared.ways(first, second, split)
            tables.append(pair_table(pair, self._soup_accuracy(state), self.suite, ways))
            strips.append(strip)
        if probed := self._compared.probed(first, second, split):
            drawn["features"] = figures.combined_features(probed, split)
            tables.append(features_table(probed, split))
        if mixed := self._compared.mixed(state["members"]):
            tables.append(ensemble_table(mixed, list(mixed["ensemble"].scores)))
        if steps := self._compared.grown(state["grown"]):
            drawn["growth"] = figures.helpers(steps, self.suite.validation.name, self.suite.id_test.name)
            base = state["grown"]
            drawn["gains"] = figures.helper_gains(self._compared.gains(base, split), base, split)
        return View(
            figures=drawn,
            tables=[*tables, every_pair(matrix)],
            strips=strips,
            words=said(matrix, pair, examples_word(self.suite)),
            done=len(matrix.pairs),
            total=matrix.total,
            clicks={"matrix": ("first", "second"), "divergence": ("first", "second")},
        )
