"""The frontier, live: every model measured, to click, to draw around, to mix, and to open elsewhere."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import ipywidgets

from soupwidgets.evaluation import Evaluation, Evaluator, coarse_to_fine
from soupwidgets.methods import wise_ft
from soupwidgets.methods.sweep import alpha_grid
from soupwidgets.panel.explorer import Explorer
from soupwidgets.panel.given import evaluator_for
from soupwidgets.panel.html import progress
from soupwidgets.panel.live_figure import LiveFigure
from soupwidgets.panel.newest_wins import Steps
from soupwidgets.recipe import Recipe
from soupwidgets.stats.scales import Scale
from soupwidgets.text import safe_csv
from soupwidgets.topics.frontier import figures
from soupwidgets.topics.frontier.details import comparison, details
from soupwidgets.topics.frontier.models import Frontier, FrontierModel, describe
from soupwidgets.topics.frontier.models import models as frontier
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.published import PublishedModels, matching_points, read_accuracy_table, why_unmatched
from soupwidgets.topics.frontier.robustness import Baseline, fit_baseline

_MEAN = "mean of all shifts"
_KIND = "kind of model"
_NO_LINE, _OTHERS, _TUNED, _CHOSEN = "no line", "models of others", "fine-tuned models", "chosen models"
_SCALES: tuple[Scale, ...] = ("linear", "logit", "probit")
_SWEEP_ALPHAS = 11


class FrontierExplorer(Explorer):
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
    frontier
        What is shown, a `Frontier`.
    chosen
        Names of the models that were clicked or drawn around.
    opened
        The explorer that the last button opened, or None.
    """

    def __init__(
        self,
        ev: Evaluator,
        context: PublishedModels | str | Path | None = None,
        ensembles: Iterable[Evaluation] = (),
    ) -> None:
        evaluator_for("FrontierExplorer", ev)
        super().__init__()
        self.ev = ev
        self.frontier: Frontier | None = None
        self.chosen: list[str] = []
        self.opened: Explorer | None = None
        self._ensembles = list(ensembles)
        self._context: PublishedModels | None = None

        def choice(label: str, options: Sequence[str]) -> Any:
            made = ipywidgets.Dropdown(options=list(options), description=label)
            made.observe(lambda _: self._draw(), "value")
            return made

        self.shift_choice = choice("Shift", [_MEAN, *ev.suite.axes])
        self.scale_choice = choice("Scale", _SCALES)
        self.colour_choice = choice("Colour", [_KIND])
        self.line_choice = choice("Line", [_NO_LINE, _OTHERS, _TUNED, _CHOSEN])
        self.upload = ipywidgets.FileUpload(accept=".csv,.jsonl", description="Others (CSV)")
        self.upload.observe(self._on_upload, "value")
        self.status = ipywidgets.HTML()
        self.figure = LiveFigure()
        self.figure.observe(self._on_selected, "selected")
        self.figure.observe(self._on_click, "clicked")
        self.details = ipywidgets.HTML()
        self.comparison = ipywidgets.HTML()
        self.buttons = {
            name: ipywidgets.Button(description=name, tooltip=why, disabled=True)
            for name, why in (
                ("Soup", "Average the chosen models, weights with weights"),
                ("Sweep alpha", "From the zero-shot model to each chosen fine-tuned one"),
                ("Alpha explorer", "Open the chosen model there"),
                ("Soup mixer", "Open the chosen models there"),
            )
        }
        for name, act in (
            ("Soup", self.soup),
            ("Sweep alpha", self.sweep),
            ("Alpha explorer", self.open_alpha_explorer),
            ("Soup mixer", self.open_soup_mixer),
        ):
            self.buttons[name].on_click(lambda _, act=act: self._try(act))
        exports = []
        for kind in ("svg", "png", "csv"):
            button = ipywidgets.Button(description=kind.upper(), tooltip=f"Download as {kind.upper()}")
            button.layout.width = "64px"
            button.on_click(lambda _, kind=kind: self.export(kind))
            exports.append(button)
        controls = ipywidgets.HBox(
            [self.shift_choice, self.scale_choice, self.colour_choice, self.line_choice, self.upload]
        )
        controls.layout.flex_flow = "row wrap"
        actions = ipywidgets.HBox([*self.buttons.values(), *exports])
        actions.layout.flex_flow = "row wrap"
        self.below = ipywidgets.VBox()
        self.children = [
            controls, self.status, self.alert, self.figure, actions, self.details, self.comparison, self.below,
        ]  # fmt: skip
        if context is not None:
            self.add_context(context)
        self._say("looking up what is measured", 0, 1)
        self._work.request(self._refresh())
        self._work.in_background(self._fill())

    def __repr__(self) -> str:
        # What a notebook shows in the widget's place where no kernel runs.
        return f"<FrontierExplorer of {self.ev.suite.name}: {self._how_to_use}>"

    @property
    def shift(self) -> str | None:
        """The shift on the vertical axis; None for the mean of all."""
        return None if self.shift_choice.value == _MEAN else str(self.shift_choice.value)

    @property
    def scale(self) -> Scale:
        """Of both axes."""
        found: Scale = self.scale_choice.value
        return found

    @property
    def baseline(self) -> Baseline | None:
        """The line that effective robustness is measured from.

        Raises
        ------
        ValueError
            When no line can be fitted to the models that were asked for.
        """
        if self.frontier is None or self.line_choice.value == _NO_LINE:
            return None
        points = self.frontier.points(self.shift)
        if self.line_choice.value == _OTHERS:
            points = self.context_points()
            if len(points) < 2:
                raise ValueError(
                    "there are no models of others on this shift to fit a line to: upload a CSV file with the columns "
                    "model, dataset, accuracy"
                )
        elif self.line_choice.value == _TUNED:
            points = {m.name: points[m.name] for m in self.frontier.models if m.kind == "fine-tuned"}
        else:
            points = {name: points[name] for name in self.chosen}
        return fit_baseline(points, self.scale)

    def context_points(self) -> dict[str, FrontierPoint]:
        """Models of others that were measured on what the axes show, matched by the data sets' names."""
        if self._context is None:
            return {}
        return matching_points(self._context, self._wanted, self.shift)

    @property
    def _wanted(self) -> list[str]:
        return [s.name for s in self.ev.suite.shifts] if self.shift is None else [self.shift]

    def add_context(self, context: PublishedModels | str | Path) -> None:
        """Draw models of others in grey; the alert says why where none of them can be drawn.

        Raises
        ------
        ValueError
            When the file is no table of accuracies.
        """
        if not isinstance(context, PublishedModels):
            context = read_accuracy_table(context)
        self._context = context
        self._draw()
        if not self.context_points():
            why = why_unmatched(context, self._wanted)
            others = [name for name in self.ev.suite.axes if matching_points(context, [name], name)]
            hint = f". Choose a shift that it has: {', '.join(others)}" if others else ""
            self._show_error(ValueError(f"no model of others is drawn: {why}{hint}"))

    def choose(self, names: Sequence[str]) -> None:
        """Choose models, as a click or a lasso does; names that are not shown are left out."""
        known = {m.name for m in self.frontier.models} if self.frontier else set()
        self.chosen = [name for name in dict.fromkeys(names) if name in known]
        self._show_chosen()

    def soup(self) -> None:
        """Average the chosen models, measure the average, and choose it."""
        average = self._average()
        self.alert.value = ""
        self._work.request(self._measure([average], f"average of {len(self.chosen)} models"))

    def sweep(self) -> None:
        """Measure WiSE-FT of each chosen fine-tuned model."""
        names = [name for name in self.chosen if self._model(name).kind in ("fine-tuned", "bad ingredient")]
        if not names:
            raise ValueError("choose fine-tuned models first: alpha goes from the zero-shot model to one of them")
        grid = alpha_grid(_SWEEP_ALPHAS)
        alphas = [grid[i] for i in coarse_to_fine(len(grid))]
        self.alert.value = ""
        recipes = [wise_ft(self.ev.pool, name, alpha) for alpha in alphas for name in names]
        self._work.request(self._measure(recipes, "alpha sweep"))

    def open_alpha_explorer(self) -> None:
        """Open the first chosen model, or the fine-tuned one that it was mixed of, in an `AlphaExplorer` below."""
        from soupwidgets.topics.alpha.panel import AlphaExplorer

        model = next((m for m in map(self._model, self.chosen) if m.kind in ("WiSE-FT", "fine-tuned")), None)
        if model is None:
            raise ValueError("choose a fine-tuned model, or WiSE-FT of one")
        alpha = 1.0 if model.alpha is None else model.alpha
        self._open(AlphaExplorer(self.ev, model.fine_tuned or model.name, alpha=alpha))

    def open_soup_mixer(self) -> None:
        """Open the chosen models in a `SoupMixer` below: a soup as it is, several models in equal parts."""
        from soupwidgets.topics.soup.panel import SoupMixer

        average = self._average()
        mixer = SoupMixer(self.ev)
        mixer.recipe = average
        self._open(mixer)

    def export(self, kind: Literal["svg", "png", "csv"]) -> None:
        """Hand the reader the figure, or its numbers, as a file."""
        text = safe_csv(self.frontier.to_frame()) if kind == "csv" and self.frontier else ""
        self.figure.download(kind, "frontier", text)

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained page with a slider over the shifts: no kernel, no network.

        Parameters
        ----------
        path
            The file to write.

        Returns
        -------
        Path
            The same path.
        """
        from soupwidgets.topics.frontier.page import write_frontier_page

        self.wait(background=True)
        assert self.frontier is not None
        context = {}
        at = self.shift_choice.value
        for option in self.shift_choice.options:
            self.shift_choice.value = option
            context[self.shift] = (self.context_points(), self._line_or_none())
        self.shift_choice.value = at
        colour = None if self.colour_choice.value == _KIND else str(self.colour_choice.value)
        return write_frontier_page(path, self.ev.suite.name, self.frontier, context, self.scale, colour)

    def close(self) -> None:
        """Stop the work, and close what was opened below as well."""
        if getattr(self, "opened", None) is not None:
            self._close_opened()
        super().close()

    # What the user does.

    def _try(self, act: Any) -> None:
        try:
            act()
        except (ValueError, KeyError) as error:
            self._show_error(error)

    def _on_selected(self, change: Any) -> None:
        points = change["new"].get("points", [])
        self.choose([str(point[0]) for point in points if isinstance(point, list) and point])

    def _on_click(self, change: Any) -> None:
        point = change["new"].get("customdata")
        self.choose([str(point[0])] if isinstance(point, list) and point else [])

    def _on_upload(self, change: Any) -> None:
        self.alert.value = ""
        for file in change["new"]:
            ending = ".jsonl" if str(file["name"]).endswith(".jsonl") else ".csv"
            # Under a name of our own: the one it came with is somebody else's.
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"uploaded{ending}"
                path.write_bytes(bytes(file["content"]))
                self._try(partial(self.add_context, path))

    # What the worker does.

    def _refresh(self, chosen: Sequence[str] | None = None) -> Steps:
        found = self.ev.measured()
        if found:
            result = frontier(self.ev, self._ensembles, found)
            yield "frontier", partial(self._show, result, chosen)

    def _measure(self, recipes: Sequence[Recipe], what: str) -> Steps:
        done: list[Evaluation] = []
        for i, recipe in enumerate(recipes):
            for evaluation in self.ev.stream(recipe):
                last = evaluation
                yield "status", partial(self._say, f"{what}: {i} of {len(recipes)} measured", i, len(recipes))
            done.append(last)
            yield from self._refresh()
        names = [describe(self.ev.pool, evaluation).name for evaluation in done]
        yield from self._refresh(names if len(names) == 1 else None)
        yield "status", partial(self._say, f"{what}: measured", 1, 1)

    def _fill(self) -> Steps:
        names = self.ev.pool.names
        for i, name in enumerate(names):
            recipe = Recipe({name: 1})
            if self.ev.stored(recipe) is None:
                for _ in self.ev.stream(recipe):
                    yield (
                        "status",
                        partial(self._say, f"measuring {name}: {i} of {len(names)} checkpoints", i, len(names)),
                    )
                yield from self._refresh()
        yield "status", partial(self._say, "every checkpoint is measured", 1, 1)

    # What is shown, on the kernel's loop.

    def _say(self, words: str, done: int, total: int) -> None:
        self.status.value = progress(words, done, total)

    def _show(self, result: Frontier, chosen: Sequence[str] | None) -> None:
        self.frontier = result
        options = [_KIND, *result.hyperparameter_names()]
        if tuple(options) != tuple(self.colour_choice.options):
            at = self.colour_choice.value
            self.colour_choice.options = options
            self.colour_choice.value = at if at in options else _KIND
        if chosen is not None:
            self.chosen = [name for name in chosen if any(m.name == name for m in result.models)]
        self._draw()

    def _draw(self) -> None:
        if self.frontier is None:
            return
        colour = None if self.colour_choice.value == _KIND else str(self.colour_choice.value)
        baseline = self._line_or_none()
        self.figure.show(
            figures.models(
                self.frontier, self.shift, self.scale, colour, baseline, self.context_points(), self.chosen, lasso=True
            )
        )
        self._show_words(baseline)

    def _line_or_none(self) -> Baseline | None:
        try:
            return self.baseline
        except ValueError as error:
            self._show_error(error)
            return None

    def _show_chosen(self) -> None:
        if self.frontier is None:
            return
        if self.line_choice.value == _CHOSEN:
            self._draw()
            return
        baseline = self._line_or_none()
        context = self.context_points()
        self.figure.move(figures.models_patch(self.frontier, self.shift, self.scale, baseline, context, self.chosen))
        self._show_words(baseline)

    def _show_words(self, baseline: Baseline | None) -> None:
        assert self.frontier is not None
        caution = next((s.caution for s in self.ev.suite.slices if s.name == self.shift), "")
        self.details.value = details(self.frontier, self.chosen, self.shift, baseline, caution)
        pair = [self.frontier[name] for name in self.chosen]
        self.comparison.value = comparison(self.ev, *pair) if len(pair) == 2 else ""
        for button in self.buttons.values():
            button.disabled = not self.chosen

    def _model(self, name: str) -> FrontierModel:
        assert self.frontier is not None
        return self.frontier[name]

    def _average(self) -> Recipe:
        """Equal parts of the chosen models; an ensemble has answers, and no weights to mix."""
        models = [m for m in map(self._model, self.chosen) if m.kind not in ("ensemble", "published")]
        if not models:
            raise ValueError("choose models to mix first: click one, or draw around several")
        return sum((m.evaluation.recipe for m in models), Recipe({})) / len(models)

    def _open(self, explorer: Explorer) -> None:
        self._close_opened()
        self.alert.value = ""
        self.opened = explorer
        self.below.children = [explorer]

    def _close_opened(self) -> None:
        self.below.children = []
        if self.opened is not None:
            self.opened.close()
        self.opened = None
