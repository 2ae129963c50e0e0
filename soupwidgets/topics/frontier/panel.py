"""The frontier, live: every model measured, to click, to draw around, to mix, and to open elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.figures.units import unit_of
from soupwidgets.panel.choices import choice_of_shift
from soupwidgets.panel.controls import Button, Choice, Events, Selection, Text, Value
from soupwidgets.panel.given import evaluator_for
from soupwidgets.panel.panel import Filled, Panel, State
from soupwidgets.panel.view import View
from soupwidgets.recipe import Recipe
from soupwidgets.stats.scales import Scale
from soupwidgets.suites import Suite
from soupwidgets.topics.frontier import figures
from soupwidgets.topics.frontier.actions import average, line_through, on_a_way, sweeps
from soupwidgets.topics.frontier.details import chosen_table, comparison, every_number, said
from soupwidgets.topics.frontier.models import Frontier, FrontierModel, describe, differing
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.published import PublishedModels
from soupwidgets.topics.frontier.robustness import Baseline
from soupwidgets.topics.frontier.script import frontier_script
from soupwidgets.topics.frontier.shown import Measured, Others
from soupwidgets.topics.frontier.worst import WORST_SLICE, slices_to_compare

if TYPE_CHECKING:
    from soupwidgets.topics.alpha.panel import AlphaExplorer
    from soupwidgets.topics.soup.panel import SoupMixer

_LINES = [
    ("none", "nothing"), ("others", "published models"), ("fine-tuned", "fine-tuned models"),
    ("chosen", "chosen models"),
]  # fmt: skip
_SCORES = [("suite", "all images"), ("class", "the worst class")]
_ASKED = [("pool", "this pool: all measured"), ("session", "this session")]
_BUTTONS = (
    Button(name="soup", label="Soup", title="Average the chosen models, weights with weights"),
    Button(name="sweep", label="Sweep alpha", title="From the zero-shot model to each chosen fine-tuned one"),
    Button(name="to_alpha", label="Alpha explorer", title="Open the chosen model there, below"),
    Button(name="to_mixer", label="Soup mixer", title="Open the chosen models there, below"),
)


@dataclass(frozen=True, kw_only=True)
class _Chosen(Selection):
    """Models by name; which of them there are is known only when the store was looked up."""

    def checked(self, value: Value) -> list[str]:
        return list(dict.fromkeys(str(one) for one in ([value] if isinstance(value, str) else value)))


def _choice_of_shift(suite: Suite) -> Choice:
    """A shift or slice, or the worst of the slices where there are several."""
    shifts = choice_of_shift(suite)
    return replace(shifts, options=[*shifts.options, *([WORST_SLICE] * bool(slices_to_compare(suite)))])


class FrontierExplorer(Panel):
    """Accuracy against robustness of every recipe that the evaluator's store knows.

    Checkpoints that were not measured yet are measured in the background. With any other metric it is that in
    distribution and under shift; scales and lines of accuracies, and published accuracies, are then left out where it
    is no share.

    Parameters
    ----------
    context
        Accuracies of others, drawn in grey: what `read_accuracy_table` gave, or such a file.
    ensembles
        What `logit_ensemble` gave.

    Attributes
    ----------
    opened
        The explorer that the last button opened below, or None.

    Raises
    ------
    ValueError
        When the file is no table of accuracies, or the suite has no distribution shift.
    """

    shift: str | None
    scale: Scale
    chosen: list[str]

    def __init__(
        self,
        ev: Evaluator,
        context: PublishedModels | str | Path | None = None,
        *,
        ensembles: Iterable[Evaluation] = (),
    ) -> None:
        self.ev = evaluator_for("FrontierExplorer", ev)
        if not ev.suite.shifts:
            raise ValueError(
                "FrontierExplorer draws models in distribution against under shift, and the suite "
                f"{ev.suite.name!r} has no distribution shift: give it a further split"
            )
        # Straight lines of models, and what others have published, are about accuracies and other shares.
        unit = unit_of(ev.suite.id_test.scoring.metric)
        shares = unit.share and unit.higher_is_better
        scales, lines = (get_args(Scale), _LINES) if shares else (["linear"], _LINES[:1])
        by_class = ev.suite.task == "single-label" and unit.words == "accuracy"
        self.opened: Any = None
        self._on_a_page = False
        self._others = Others(ev, context)
        self._measured = Measured(ev, ensembles)
        self._numbers: tuple[Frontier | None, Any] = (None, None)
        self._read = 0
        colours = differing(ev.pool.hyperparameters(name) for name in ev.pool.names)
        controls = [
            _choice_of_shift(ev.suite),
            Choice(name="score", label="Score of", value="suite", options=_SCORES, hidden=not by_class),
            Choice(name="scale", label="Scale", value="linear", options=scales, hidden=len(scales) == 1),
            Choice(name="colour", label="Colour", options=[(None, "kind of model"), *((n, n) for n in colours)]),
            Choice(name="line", label="Line through", value="none", options=lines, hidden=len(lines) == 1),
            Choice(name="asked_for", label="Models of", value="pool", options=_ASKED),
            Text(name="search", label="Name contains", placeholder="all"),
            _Chosen(name="chosen", label="Chosen", options=ev.pool.names),
            *_BUTTONS,
            Events(name="upload", label="Others (CSV)", script="upload", hidden=not shares),
            Events(name="below", script="opened"),
        ]
        super().__init__(f"{ev.suite.name}: {unit.plane}", controls)
        self.observe(self._on_open, ["to_alpha", "to_mixer"])

    @property
    def frontier(self) -> Frontier:
        """What is shown."""
        self._measured.look(self.state["score"] == "class")
        return self._shown(self.state)

    @property
    def baseline(self) -> Baseline | None:
        """The line that effective robustness is measured from.

        Raises
        ------
        ValueError
            When no line can be fitted to the models that were asked for.
        """
        return self._line(self.state, self.frontier)

    def context_points(self) -> dict[str, FrontierPoint]:
        """Models of others that were measured on what the axes show, matched by the data sets' names."""
        return self._others.points(self.shift)

    def add_context(self, context: PublishedModels | str | Path) -> None:
        """Draw published models in grey; a note says why where none of them can be drawn.

        Raises
        ------
        ValueError
            When the file is no table of accuracies.
        """
        self._others = Others(self.ev, context)
        self._ask()

    def open_alpha(self) -> AlphaExplorer:
        """Open the first chosen model, or the fine-tuned one that it was mixed of, in an `AlphaExplorer`.

        Raises
        ------
        ValueError
            When nothing that lies on a way from the zero-shot model was chosen.
        """
        from soupwidgets.topics.alpha.panel import AlphaExplorer

        model = on_a_way(self._models(self.state, self.frontier))
        return AlphaExplorer(self.ev, model.fine_tuned or model.name, alpha=1.0 if model.alpha is None else model.alpha)

    def open_mixer(self) -> SoupMixer:
        """Open the chosen models in a `SoupMixer`: a soup as it is, several models in equal parts.

        Raises
        ------
        ValueError
            When nothing that has weights was chosen.
        """
        from soupwidgets.topics.soup.panel import SoupMixer

        recipe = average(self._models(self.state, self.frontier))
        mixer = SoupMixer(self.ev)
        mixer.recipe = recipe
        return mixer

    def answer(self, state: State) -> Iterator[View]:
        """Show what is measured; of two chosen models the comparison comes after."""
        if not self._measured.looked_up:
            yield View(words="looking up what is measured", done=0, total=1)
        self._read_upload()
        if self._measured.look(state["score"] == "class") is None:
            yield View(words="nothing is measured on all splits yet")
            return
        if state["score"] == "class" and state["shift"] == WORST_SLICE:
            yield View(words="The worst slice is told by accuracy: choose the score of all images, or another shift.")
            return
        yield self._view(state)
        if len(pair := self._models(state, self._shown(state))) == 2:
            yield self._view(state, comparison(self.ev, *pair))

    def fill(self, state: State) -> Iterator[Filled | None]:
        """Measure the checkpoints that were not measured yet."""
        total = len(self.ev.pool.names)
        recipes = {name: Recipe({name: 1}) for name in self.ev.pool.names}
        with self.ev.ahead(recipes.values()):
            for done, (name, recipe) in enumerate(recipes.items()):
                if self.ev.stored(recipe) is None:
                    yield Filled(f"measuring {name}: {done} of {total} checkpoints", done, total)
                    for _ in self.ev.stream(recipe):
                        yield None
                    yield Filled(f"{name} is measured: {done + 1} of {total} checkpoints", done + 1, total, fresh=True)
        yield Filled("every checkpoint is measured", total, total)

    def act(self, name: str, state: State) -> Iterator[View | State]:
        """Measure the average of the chosen models and choose it, or sweep alpha of each chosen fine-tuned one."""
        models = self._models(state, self._shown(state))
        if name in ("to_alpha", "to_mixer"):
            # What is wrong with them is said here; `_on_open` opens what is right.
            on_a_way(models) if name == "to_alpha" else average(models)
            return
        recipes = [average(models)] if name == "soup" else sweeps(self.ev.pool, models)
        what = f"average of {len(models)} models" if name == "soup" else "alpha sweep"
        with self.ev.ahead(recipes):
            for i, recipe in enumerate(recipes):
                words = f"{what}: {i} of {len(recipes)} measured"
                view = replace(self._view(state), words=words, done=i, total=len(recipes))
                for _ in self.ev.stream(recipe):
                    yield view
                self._measured.look(state["score"] == "class")
        if name == "soup":
            yield {"chosen": [describe(self.ev.pool, self.ev.evaluate(recipes[0])).name]}

    def recorded(self, grids: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Record every shift on every scale."""
        return {name: grid for name, grid in grids.items() if name in ("shift", "scale")}

    def code(self, state: State) -> str:
        """Write how to get the same points, line and figure."""
        if not len(self._measured):
            return ""
        on = self._others.wanted(state["shift"])
        # An ensemble is not in the store, and so in no other frontier.
        names = [m.name for m in self._models(state, self._shown(state)) if m.kind != "ensemble"]
        return frontier_script(self.ev, names, state=state, source=self._others.source, on=on)

    def to_html(self, path: str | Path, **fixed: Any) -> Path:
        """Write the page, as every panel does, when every checkpoint is measured."""
        self.wait(background=True)
        self._on_a_page = True
        try:
            return super().to_html(path, **fixed)
        finally:
            self._on_a_page = False

    def close(self) -> None:
        """Stop the work, and close what was opened below as well."""
        if (opened := getattr(self, "opened", None)) is not None:
            opened.close()
            self.opened = None
        super().close()

    def _shown(self, state: State) -> Frontier:
        return self._measured.part(state["asked_for"], state["search"], state["score"] == "class")

    def _models(self, state: State, result: Frontier) -> list[FrontierModel]:
        """The chosen models that are shown."""
        shown = {m.name: m for m in result.models}
        return [shown[name] for name in state["chosen"] if name in shown]

    def _line(self, state: State, result: Frontier) -> Baseline | None:
        shift, others = state["shift"], self._others.points(state["shift"])
        return line_through(
            state["line"], result, shift=shift, scale=state["scale"], others=others, chosen=state["chosen"]
        )

    def _view(self, state: State, compared: str = "") -> View:
        result, shift = self._shown(state), state["shift"]
        total = len(self._measured)
        if not len(result):
            return View(words=f"none of {total} models: change what is asked for, or the name")
        chosen, others = [m.name for m in self._models(state, result)], self._others.points(shift)
        notes = [s.caution for s in self.ev.suite.slices if s.name == shift and s.caution]
        notes += self._others.why_none(shift)
        if hidden := [name for name in state["chosen"] if name not in chosen]:
            notes.append(f"Chosen, and not shown here: {', '.join(hidden[:8])}.")
        try:
            line = self._line(state, result)
        except ValueError as error:
            line = None
            notes.append(f"No line: {error}.")
        if self._numbers[0] is not result:
            self._numbers = result, every_number(result)
        figure = figures.models(result, shift, state["scale"], state["colour"], line, others, chosen, lasso=True)
        return View(
            figures={"frontier": figure},
            tables=[
                *([chosen_table(result, chosen, shift=shift, baseline=line, note=compared)] if chosen else []),
                self._numbers[1],
            ],
            words=said(result, total, chosen=chosen, shift=shift, live=not self._on_a_page),
            notes=notes,
            lassos={"frontier": "chosen"},
            controls={"chosen": {"options": [m.name for m in result.models]}},
        )

    def _read_upload(self) -> None:
        for event in self.upload:
            if event["number"] > self._read:
                self._read = event["number"]
                self._others = Others.uploaded(self.ev, str(event["name"]), str(event["text"]))

    def _on_open(self, change: Any) -> None:
        try:
            made = self.open_alpha() if change["name"] == "to_alpha" else self.open_mixer()
        except ValueError:
            # The worker, which does the same, says why.
            return
        if self.opened is not None:
            self.opened.close()
        self.opened = made
        self.below = [{"number": change["new"], "model": made.model_id}]
