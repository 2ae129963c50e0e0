"""Mix a soup: a coefficient for every ingredient, every method as a button, and why greedy took what it took."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import ipywidgets

from soupwidgets import methods
from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.methods import GreedySoup
from soupwidgets.methods.uniform import average
from soupwidgets.panel.drag_slider import DragSlider
from soupwidgets.panel.explorer import Explorer, side_by_side
from soupwidgets.panel.given import evaluator_for
from soupwidgets.panel.html import progress
from soupwidgets.panel.ingredient_table import IngredientTable
from soupwidgets.panel.newest_wins import Step, Steps
from soupwidgets.recipe import Recipe
from soupwidgets.topics.soup.rows import columns_of, row_of
from soupwidgets.topics.soup.view import SoupView

_MEAN = "mean of all shifts"
_METHODS = {
    "Uniform": "The plain average",
    "Greedy": "From the best to the worst, keep what does not lower validation accuracy",
    "Learned": "Coefficients by gradient descent on the validation loss",
    "Learned by layer": "The same with one coefficient for every tensor",
    "Model Stock": "By tensor, from the angle between the ingredients",
    "LiNeS": "The average, the more of it the deeper the layer; the zero-shot model first",
    "WiSE-FT": "Half way from the zero-shot model to the average",
    "Best single": "The model with the highest validation accuracy",
}
_Job = Generator[Step, None, Recipe]


class SoupMixer(Explorer):
    """A table of ingredients whose coefficients move a soup, with its accuracies following the thumb.

    Parameters
    ----------
    ev
        Evaluator of the pool. Measurements go to its store.
    ingredients
        Names of the rows; all checkpoints of the pool when None. At first the
        pool's fine-tuned ones among them are in, in equal parts.

    Raises
    ------
    PoolError
        When a name is not in the pool.
    ValueError
        When there is no ingredient.

    Attributes
    ----------
    view
        The figures and what they show: ``view.evaluation``, ``view.ensemble``.
    greedy
        The trace of the last greedy soup, as far as it got.
    """

    def __init__(self, ev: Evaluator, ingredients: Sequence[str] | None = None) -> None:
        evaluator_for("SoupMixer", ev)
        names = ev.pool.names if ingredients is None else list(ingredients)
        ev.pool.require(names)
        if not names:
            raise ValueError("a soup needs at least one ingredient")
        super().__init__()
        self.ev = ev
        self.view = view = SoupView(ev, names)
        self.greedy: GreedySoup | None = None
        self._names = names
        self._beyond_table: Recipe | None = None
        self._following = False

        self.table = IngredientTable(columns=columns_of(ev.pool, names), rows=[row_of(ev.pool, n, None) for n in names])
        self.table.coefficients = self._coefficients(methods.uniform_soup(ev.pool, view.tuned))
        self.buttons = {name: ipywidgets.Button(description=name, tooltip=why) for name, why in _METHODS.items()}
        self.shift_choice = ipywidgets.Dropdown(options=[_MEAN, *ev.suite.axes])
        self.shift_choice.description = "Shift"
        self.step = DragSlider(min=1, max=1, value=1, step=1, label="greedy step", low_label="best single model")
        self.step.layout.display = "none"
        self.file_name = ipywidgets.Text(value="soup.safetensors", description="File")
        self.save_button = ipywidgets.Button(description="Save soup", tooltip="Write the weights, with their recipe")
        self.saved = ipywidgets.HTML()
        controls = ipywidgets.HBox([*self.buttons.values(), self.shift_choice])
        controls.layout.flex_flow = "row wrap"
        line = ipywidgets.HBox([view.status, view.fill_status])
        line.layout.justify_content = "space-between"
        figures = side_by_side([view.frontier, view.splits, view.trace])
        export = ipywidgets.HBox([self.file_name, self.save_button, self.saved])
        self.children = [
            controls, self.table, line, self.alert, view.advice, self.step, view.verdict, figures, export,
        ]  # fmt: skip

        self.table.observe(self._on_table, "coefficients")
        self.table.observe(self._on_table, "dragging")
        self.shift_choice.observe(self._on_shift, "value")
        self.step.observe(self._on_step, "value")
        for name, button in self.buttons.items():
            button.on_click(lambda _, name=name: self.make(name))
        self.save_button.on_click(lambda _: self._on_save())
        view.frontier.observe(self._on_selected, "selected")
        view.frontier.observe(self._on_click, "clicked")
        view.trace.observe(self._on_trace_click, "clicked")
        view.say(f"loading {len(names)} ingredients", 0, 1)
        self._work.request(self._answer(self.recipe, dragging=False))
        self._work.in_background(self._fill())

    def __repr__(self) -> str:
        # What a notebook shows in the widget's place where no kernel runs.
        return f"<SoupMixer of {len(self._names)} ingredients: {self._how_to_use}>"

    @property
    def recipe(self) -> Recipe:
        """The soup that the table says; assign to change it."""
        return self._beyond_table or Recipe(self.table.coefficients)

    @recipe.setter
    def recipe(self, recipe: Recipe) -> None:
        unknown = [name for name in recipe if name not in self._names]
        if unknown:
            raise ValueError(f"the mixer has no row for {', '.join(map(repr, unknown))}")
        self._follow(recipe)
        self._work.request(self._answer(recipe, dragging=False))

    @property
    def evaluation(self) -> Evaluation | None:
        """What is shown now of the soup, coarse or exact."""
        return self.view.evaluation

    @property
    def candidates(self) -> list[str]:
        """What the methods mix: the rows that the lasso left, or else the fine-tuned models."""
        return [name for name in self._names if name in self.table.selection] or self.view.tuned

    def make(self, method: str) -> None:
        """Do what a button does.

        Parameters
        ----------
        method
            What stands on it: ``"Uniform"``, ``"Greedy"``, ``"Learned"``, ``"Learned by layer"``,
            ``"Model Stock"``, ``"LiNeS"``, ``"WiSE-FT"`` or ``"Best single"``, of the `candidates`.

        Raises
        ------
        KeyError
            When it is something else.
        """
        jobs: dict[str, Callable[[list[str]], _Job]] = {
            "Uniform": self._uniform,
            "Greedy": self._greedy,
            "Learned": partial(self._learned, by="model"),
            "Learned by layer": partial(self._learned, by="layer"),
            "Model Stock": self._stock,
            "LiNeS": self._lines,
            "WiSE-FT": self._wise_ft,
            "Best single": self._best,
        }
        job = jobs[method]
        self.alert.value = self.view.advice.value = ""
        self._work.request(self._do(job(self.candidates)))

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained page that replays the greedy soup with no kernel and no network.

        A greedy soup of the `candidates` is made first, if there is none.

        Parameters
        ----------
        path
            The file to write.

        Returns
        -------
        Path
            The same path.
        """
        from soupwidgets.topics.soup.page import write_soup_page

        self.wait(background=True)
        soup = self.greedy or methods.greedy_soup(self.ev, self.candidates, progress=False)
        return write_soup_page(path, self.ev, soup, self.view.alone, self.view.zero_shot, self.view.shift)

    # What the user does.

    def _on_table(self, change: Any) -> None:
        if self._following:
            return
        if change["name"] == "coefficients":
            self._beyond_table = None
        self.alert.value = ""
        self._work.request(self._answer(self.recipe, self.table.dragging))

    def _on_shift(self, _change: Any) -> None:
        self.view.shift = None if self.shift_choice.value == _MEAN else str(self.shift_choice.value)
        self.view.draw()

    def _on_step(self, _change: Any) -> None:
        if self.greedy is not None and not self._following:
            step = min(round(self.step.value), len(self.greedy.steps))
            self.view.show_trace(self.greedy, step, new=False)
            self.recipe = self.greedy.after(step)

    def _on_selected(self, change: Any) -> None:
        names = {str(point[0]) for point in change["new"].get("points", []) if isinstance(point, list) and point}
        self.table.selection = [name for name in self._names if name in names]

    def _on_click(self, change: Any) -> None:
        self._on_selected({"new": {"points": [change["new"].get("customdata")]}})

    def _on_trace_click(self, change: Any) -> None:
        place = change["new"].get("customdata")
        if isinstance(place, list) and place and isinstance(place[0], int) and self.greedy is not None:
            self.step.value = float(min(max(place[0], 1), len(self.greedy.steps)))

    def _on_save(self) -> None:
        path = Path(self.file_name.value)
        self.saved.value = progress(f"writing {path}", 0, 1)
        self._work.request(self._save(self.recipe, path))

    # What the worker does. Each step computes, then hands over a function that shows.

    def _answer(self, recipe: Recipe, dragging: bool) -> Steps:
        if not recipe:
            yield "answer", self.view.show_nothing
            return
        for evaluation in self.ev.stream(recipe):
            yield "answer", partial(self.view.show, evaluation)
        if dragging:
            return
        if not recipe.by_tensor:
            for name in recipe:
                yield from self._measure(name)
            yield "ensemble", partial(self.view.show_ensemble, methods.logit_ensemble(self.ev, recipe))
        found: list[str] = []
        for advice in methods.check_soup(self.ev, recipe):
            found = [*found, advice]
            yield "advice", partial(self.view.show_advice, found)

    def _do(self, job: _Job) -> Steps:
        recipe = yield from job
        yield "follow", partial(self._follow, recipe)
        yield from self._answer(recipe, dragging=False)

    def _measure(self, name: str) -> Steps:
        if self._is_measured(name):
            return
        for evaluation in self.ev.stream(Recipe({name: 1})):
            if evaluation.exact:
                self.view.know(name, evaluation)
            # Also where there is nothing new to draw a request may cut in.
            yield ("rows", self._show_rows) if evaluation.exact else ("nothing", _nothing)

    def _is_measured(self, name: str) -> bool:
        return name in self.view.alone and self.view.alone[name].exact

    def _fill(self) -> Steps:
        # First a coarse answer for all, so that there is a frontier soon, however many there are.
        for name in self._names:
            if name not in self.view.alone:
                # The first step has a sample of every split, and each split then adds to it.
                for evaluation in islice(self.ev.stream(Recipe({name: 1})), 1 + len(self.ev.suite.splits)):
                    self.view.know(name, evaluation)
                    yield "nothing", _nothing
                yield "rows", self._show_rows
        total = len(self._names)
        for done, name in enumerate(self._names):
            yield "fill", partial(self.view.show_fill, done, total)
            yield from self._measure(name)
        yield "fill", partial(self.view.show_fill, total, total)
        self.ev.warm_up(self.recipe)

    def _each_alone(self, names: list[str]) -> Steps:
        for done, name in enumerate(names):
            words = f"measuring {name}, {done} of {len(names)} ingredients"
            yield "status", partial(self.view.say, words, done, len(names))
            yield from self._measure(name)

    def _uniform(self, names: list[str]) -> _Job:
        yield "status", partial(self.view.say, f"averaging {len(names)}", 0, 1)
        # `check_soup` says in the page what `uniform_soup` would warn of in a log.
        return average(names)

    def _stock(self, names: list[str]) -> _Job:
        yield "status", partial(self.view.say, f"measuring angles between {len(names)}", 0, 1)
        return methods.model_stock(self.ev.pool, names)

    def _lines(self, names: list[str]) -> _Job:
        yield "status", partial(self.view.say, f"scaling the average of {len(names)} by depth", 0, 1)
        return methods.lines(self.ev.pool, average(names))

    def _wise_ft(self, names: list[str]) -> _Job:
        yield "status", partial(self.view.say, f"averaging {len(names)} and the zero-shot model", 0, 1)
        return methods.wise_ft(self.ev.pool, average(names), 0.5)

    def _best(self, names: list[str]) -> _Job:
        yield from self._each_alone(names)
        return Recipe({self.view.best_alone(names): 1})

    def _greedy(self, names: list[str]) -> _Job:
        yield from self._each_alone(names)
        for soup in methods.greedy_steps(self.ev, names):
            yield "greedy", partial(self._show_greedy, soup, len(names))
        return soup.recipe

    def _learned(self, names: list[str], by: Literal["model", "layer"]) -> _Job:
        for done, total, soup in methods.learned_steps(self.ev, names, by=by):
            yield "learned", partial(self._show_learned, soup.recipe, done, total)
        return soup.recipe

    def _save(self, recipe: Recipe, path: Path) -> Steps:
        if path.exists():
            words = f"{path} is there already: choose another name"
        else:
            words = f"saved as {self.ev.save(recipe, path, progress=False)}"
        yield "saved", partial(self._show_saved, words)
        yield from self._answer(recipe, dragging=False)

    # What is shown, on the kernel's loop.

    def _follow(self, recipe: Recipe) -> None:
        """Let the table say what a method or a caller chose, without taking it for the user's wish."""
        self._following = True
        try:
            beyond = bool(recipe.by_tensor) or any(name not in self._names for name in recipe)
            self._beyond_table = recipe if beyond else None
            self.table.dragging = False
            self.table.coefficients = self._coefficients(recipe)
        finally:
            self._following = False

    def _coefficients(self, recipe: Recipe) -> dict[str, float]:
        return {name: recipe.get(name, 0.0) for name in self._names}

    def _show_rows(self) -> None:
        self.table.rows = [row_of(self.ev.pool, name, self.view.alone.get(name)) for name in self._names]
        self.view.draw()

    def _show_greedy(self, soup: GreedySoup, candidates: int) -> None:
        self.greedy = soup
        done = len(soup.steps)
        self._following = True
        try:
            self.step.layout.display = ""
            self.step.high_label = f"greedy soup of {len(soup.ingredients)}"
            self.step.max = float(max(done, 2))
            self.step.value = float(done)
        finally:
            self._following = False
        self.view.show_trace(soup, done, new=True)
        self._follow(soup.recipe)
        share = f", {soup.share_of_passes:.0%} of the plain algorithm's image passes" if done > 1 else ""
        self.view.say(f"greedy soup: {done} of {candidates} candidates tried{share}", done, candidates)

    def _show_learned(self, recipe: Recipe, done: int, total: int) -> None:
        self._follow(recipe)
        self.view.say(f"learning coefficients: step {done} of {total}", done, total)

    def _show_saved(self, words: str) -> None:
        self.saved.value = progress(words, 1, 1)


def _nothing() -> None:
    """A step with nothing to show yet."""
