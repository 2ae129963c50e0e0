"""The frontier, live: every model measured, to click, to draw around, to mix, and to open elsewhere."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from soupwidgets.evaluation import Evaluation, Evaluator, coarse_to_fine
from soupwidgets.methods import wise_ft
from soupwidgets.methods.sweep import alpha_grid
from soupwidgets.panel.controls import Button, Choice, Events, Selection, Text, Value
from soupwidgets.panel.given import evaluator_for
from soupwidgets.panel.panel import Filled, Panel, State
from soupwidgets.panel.view import Table, View
from soupwidgets.recipe import Recipe
from soupwidgets.stats.scales import Scale
from soupwidgets.topics.frontier import figures
from soupwidgets.topics.frontier.details import chosen_table, comparison, every_number, said
from soupwidgets.topics.frontier.models import Frontier, FrontierModel, describe, differing
from soupwidgets.topics.frontier.models import models as frontier
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.published import PublishedModels, matching_points, read_accuracy_table, why_unmatched
from soupwidgets.topics.frontier.robustness import Baseline
from soupwidgets.topics.frontier.script import frontier_script
from soupwidgets.topics.frontier.shown import line_through, shown_models

if TYPE_CHECKING:
    from soupwidgets.topics.alpha.panel import AlphaExplorer
    from soupwidgets.topics.soup.panel import SoupMixer

_LINES = [
    ("none", "nothing"), ("others", "models of others"), ("fine-tuned", "fine-tuned models"),
    ("chosen", "chosen models"),
]  # fmt: skip
_ASKED = [("pool", "this pool: all measured"), ("session", "this session")]
_BUTTONS = (
    Button(name="soup", label="Soup", title="Average the chosen models, weights with weights"),
    Button(name="sweep", label="Sweep alpha", title="From the zero-shot model to each chosen fine-tuned one"),
    Button(name="to_alpha", label="Alpha explorer", title="Open the chosen model there, below"),
    Button(name="to_mixer", label="Soup mixer", title="Open the chosen models there, below"),
)
_SWEEP_ALPHAS = 11


@dataclass(frozen=True, kw_only=True)
class _Chosen(Selection):
    """Models by name; which of them there are is known only when the store was looked up."""

    def checked(self, value: Value) -> list[str]:
        return list(dict.fromkeys(str(one) for one in ([value] if isinstance(value, str) else value)))


class FrontierExplorer(Panel):
    """Accuracy against robustness of every recipe that the evaluator's store knows.

    Checkpoints that were not measured yet are measured in the background.

    Parameters
    ----------
    ev
        Evaluator of the pool. Measurements go to its store.
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
        When the file is no table of accuracies.
    """

    shift: str | None
    scale: Scale
    chosen: list[str]

    def __init__(
        self,
        ev: Evaluator,
        context: PublishedModels | str | Path | None = None,
        ensembles: Iterable[Evaluation] = (),
    ) -> None:
        self.ev = evaluator_for("FrontierExplorer", ev)
        self.opened: Any = None
        self._on_a_page = False
        self._context: PublishedModels | None = None
        self._source = context if isinstance(context, str | Path) else None
        if context is not None:
            self._context = context if isinstance(context, PublishedModels) else read_accuracy_table(context)
        self._ensembles = list(ensembles)
        self._known: Frontier | None = None
        self._rows = -1
        self._part: tuple[Any, Frontier, Table] | None = None
        self._read = 0
        colours = differing(ev.pool.hyperparameters(name) for name in ev.pool.names)
        controls = [
            Choice(name="shift", label="Shift", options=[(None, "mean of all"), *((n, n) for n in ev.suite.axes)]),
            Choice(name="scale", label="Scale", value="linear", options=get_args(Scale)),
            Choice(name="colour", label="Colour", options=[(None, "kind of model"), *((n, n) for n in colours)]),
            Choice(name="line", label="Line through", value="none", options=_LINES),
            Choice(name="asked_for", label="Models of", value="pool", options=_ASKED),
            Text(name="search", label="Name contains", placeholder="all"),
            _Chosen(name="chosen", label="Chosen", options=ev.pool.names),
            *_BUTTONS,
            Events(name="upload", label="Others (CSV)", script="upload"),
            Events(name="below", script="opened"),
        ]
        super().__init__(f"{ev.suite.name}: accuracy against robustness", controls)
        self.observe(self._on_open, ["to_alpha", "to_mixer"])

    @property
    def frontier(self) -> Frontier:
        """What is shown."""
        return self._shown(self.state)[0]

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
        return self._others(self.shift)

    def add_context(self, context: PublishedModels | str | Path) -> None:
        """Draw models of others in grey; a note says why where none of them can be drawn.

        Raises
        ------
        ValueError
            When the file is no table of accuracies.
        """
        self._context = context if isinstance(context, PublishedModels) else read_accuracy_table(context)
        self._source = context if isinstance(context, str | Path) else None
        self._ask()

    def open_alpha(self) -> AlphaExplorer:
        """Open the first chosen model, or the fine-tuned one that it was mixed of, in an `AlphaExplorer`.

        Raises
        ------
        ValueError
            When nothing that lies on a way from the zero-shot model was chosen.
        """
        from soupwidgets.topics.alpha.panel import AlphaExplorer

        model = _on_a_way(self._models(self.state))
        return AlphaExplorer(self.ev, model.fine_tuned or model.name, alpha=1.0 if model.alpha is None else model.alpha)

    def open_mixer(self) -> SoupMixer:
        """Open the chosen models in a `SoupMixer`: a soup as it is, several models in equal parts.

        Raises
        ------
        ValueError
            When nothing that has weights was chosen.
        """
        from soupwidgets.topics.soup.panel import SoupMixer

        average = _average(self._models(self.state))
        mixer = SoupMixer(self.ev)
        mixer.recipe = average
        return mixer

    def answer(self, state: State) -> Iterator[View]:
        """Show what is measured; of two chosen models the comparison comes after."""
        if self._known is None:
            yield View(words="looking up what is measured", done=0, total=1)
        self._read_upload()
        self._look()
        if self._known is None:
            yield View(words="nothing is measured on all splits yet")
            return
        yield self._view(state)
        if len(pair := self._models(state)) == 2:
            yield self._view(state, comparison(self.ev, *pair))

    def fill(self, state: State) -> Iterator[Filled | None]:
        """Measure the checkpoints that were not measured yet."""
        names = self.ev.pool.names
        for i, name in enumerate(names):
            recipe = Recipe({name: 1})
            if self.ev.stored(recipe) is None:
                yield Filled(f"measuring {name}: {i} of {len(names)} checkpoints", i, len(names))
                for _ in self.ev.stream(recipe):
                    yield None
                yield Filled(f"{name} is measured: {i + 1} of {len(names)} checkpoints", i + 1, len(names), fresh=True)
        yield Filled("every checkpoint is measured", len(names), len(names))

    def act(self, name: str, state: State) -> Iterator[View | State]:
        """Measure the average of the chosen models and choose it, or sweep alpha of each chosen fine-tuned one."""
        models = self._models(state)
        if name == "to_alpha":
            _on_a_way(models)
            return
        average = _average(models)
        if name == "to_mixer":
            return
        recipes, what = [average], f"average of {len(models)} models"
        if name == "sweep":
            recipes, what = self._sweeps(models), "alpha sweep"
        for i, recipe in enumerate(recipes):
            view = replace(
                self._view(state), words=f"{what}: {i} of {len(recipes)} measured", done=i, total=len(recipes)
            )
            for _ in self.ev.stream(recipe):
                yield view
            self._look()
        if name == "soup":
            yield {"chosen": [describe(self.ev.pool, self.ev.evaluate(average)).name]}

    def recorded(self, grids: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Record every shift on every scale."""
        return {name: grid for name, grid in grids.items() if name in ("shift", "scale")}

    def code(self, state: State) -> str:
        """Write how to get the same points, line and figure."""
        return frontier_script(self.ev, self._models(state), state, self._source, self._wanted(state["shift"]))

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

    def _look(self) -> None:
        """Ask the store what is measured, if anything was filed since."""
        if (rows := len(self.ev.store)) == self._rows:
            return
        if found := self.ev.measured():
            self._known = frontier(self.ev, self._ensembles, found)
        self._rows = rows

    def _shown(self, state: State) -> tuple[Frontier, Table]:
        """The models that the state asks for, with a table of all their numbers."""
        self._look()
        if self._known is None:
            raise ValueError("nothing was measured on all splits yet")
        asked, search = state["asked_for"], state["search"]
        key = (id(self._known), asked, search, len(self.ev.asked) if asked == "session" else 0)
        if self._part is None or self._part[0] != key:
            part = shown_models(self._known, self.ev, asked, search)
            self._part = key, part, every_number(part)
        return self._part[1:]

    def _models(self, state: State) -> list[FrontierModel]:
        """The chosen models that are shown."""
        self._look()
        if self._known is None:
            return []
        shown = {m.name: m for m in self._shown(state)[0].models}
        return [shown[name] for name in state["chosen"] if name in shown]

    def _wanted(self, shift: str | None) -> list[str]:
        return [s.name for s in self.ev.suite.shifts] if shift is None else [shift]

    def _others(self, shift: str | None) -> dict[str, FrontierPoint]:
        return matching_points(self._context, self._wanted(shift), shift) if self._context else {}

    def _line(self, state: State, result: Frontier) -> Baseline | None:
        shift = state["shift"]
        points = result.points(shift)
        return line_through(state["line"], points, result, state["scale"], self._others(shift), state["chosen"])

    def _sweeps(self, models: Sequence[FrontierModel]) -> list[Recipe]:
        names = [m.name for m in models if m.kind in ("fine-tuned", "bad ingredient")]
        if not names:
            raise ValueError("choose fine-tuned models first: alpha goes from the zero-shot model to one of them")
        grid = alpha_grid(_SWEEP_ALPHAS)
        return [wise_ft(self.ev.pool, name, grid[i]) for i in coarse_to_fine(len(grid)) for name in names]

    def _view(self, state: State, compared: str = "") -> View:
        assert self._known is not None
        shift, colour, total = state["shift"], state["colour"], len(self._known)
        result, numbers = self._shown(state)
        if not len(result):
            return View(words=f"none of {total} models: change what is asked for, or the name")
        chosen, others, notes = [m.name for m in self._models(state)], self._others(shift), self._notes(state)
        try:
            line = self._line(state, result)
        except ValueError as error:
            line = None
            notes.append(f"No line: {error}.")
        figure = figures.models(result, shift, state["scale"], colour, line, others, chosen, lasso=True)
        return View(
            figures={"frontier": figure},
            tables=[*([chosen_table(result, chosen, shift, line, compared)] if chosen else []), numbers],
            words=said(result, total, chosen, shift, live=not self._on_a_page),
            notes=notes,
            lassos={"frontier": "chosen"},
            controls={"chosen": {"options": [m.name for m in result.models]}},
        )

    def _notes(self, state: State) -> list[str]:
        shift = state["shift"]
        notes = [s.caution for s in self.ev.suite.slices if s.name == shift and s.caution]
        if self._context and not self._others(shift):
            there = [name for name in self.ev.suite.axes if self._others(name)]
            hint = f". Choose a shift that it has: {', '.join(there)}" if there else ""
            notes.append(f"No model of others is drawn: {why_unmatched(self._context, self._wanted(shift))}{hint}.")
        shown = {m.name for m in self._models(state)}
        if hidden := [name for name in state["chosen"] if name not in shown]:
            notes.append(f"Chosen, and not shown here: {', '.join(hidden[:8])}.")
        return notes

    def _read_upload(self) -> None:
        for event in self.upload:
            if event["number"] <= self._read:
                continue
            self._read = event["number"]
            ending = ".jsonl" if str(event["name"]).endswith(".jsonl") else ".csv"
            # Under a name of our own: the one it came with is somebody else's.
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"uploaded{ending}"
                path.write_text(str(event["text"]), "utf-8")
                self._context, self._source = read_accuracy_table(path), None

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


def _average(models: Sequence[FrontierModel]) -> Recipe:
    """Equal parts of models; an ensemble has answers, and no weights to mix."""
    mixable = [m for m in models if m.kind not in ("ensemble", "published")]
    if not mixable:
        raise ValueError("choose models to mix first: click one, or draw around several")
    return sum((m.evaluation.recipe for m in mixable), Recipe({})) / len(mixable)


def _on_a_way(models: Sequence[FrontierModel]) -> FrontierModel:
    """The first of them that the zero-shot model is interpolated to."""
    found = next((m for m in models if m.kind in ("WiSE-FT", "fine-tuned")), None)
    if found is None:
        raise ValueError("choose a fine-tuned model, or WiSE-FT of one")
    return found
