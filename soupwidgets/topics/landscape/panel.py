"""A loss landscape to walk on: a handle on the plane through three models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import ipywidgets
import pandas as pd

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.methods import uniform_soup
from soupwidgets.panel.explorer import Explorer
from soupwidgets.panel.given import evaluator_for
from soupwidgets.panel.html import progress
from soupwidgets.panel.live_figure import LiveFigure
from soupwidgets.panel.newest_wins import Step, Steps
from soupwidgets.panel.plane_figure import PlaneFigure
from soupwidgets.recipe import Recipe
from soupwidgets.suites.named import split_named
from soupwidgets.text import safe_csv
from soupwidgets.topics.landscape import figures
from soupwidgets.topics.landscape.details import point_details
from soupwidgets.topics.landscape.line import LandscapeLine, stream_path
from soupwidgets.topics.landscape.marks import Mark, stream_marks
from soupwidgets.topics.landscape.plane import Landscape, stream_plane
from soupwidgets.topics.landscape.span import Place, Plane, plane_through

_VIEWS = ("contours", "surface", "all splits")
_GRIDS = (9, 15, 25)
_SEGMENT_STEPS = 11
# So often the picture follows the grid that fills: more would only keep the browser busy.
_SECONDS_PER_PICTURE = {"contours": 0.3, "surface": 1.0, "all splits": 1.5}


class LandscapeExplorer(Explorer):
    """Loss or error on the plane through three models, and a handle that is any model on it.

    The grid fills in the background, coarse first; meanwhile the handle can be moved. What it is
    on is measured itself, on every split: nothing is read off the picture.

    Parameters
    ----------
    ev
        Evaluator of a pool with at least three models. Measurements go to its store.
    models
        Names of the three that span the plane; the zero-shot model and the first two fine-tuned ones when None.
    grid
        How many points the longer side has.
    split
        Whose landscape is drawn; the validation split when None.
    soups
        Further models to mark, by name; the uniform soup of the fine-tuned models when None.

    Raises
    ------
    PoolError, ValueError
        When the pool has no three such models.

    Attributes
    ----------
    landscape
        What is drawn, a `Landscape` as far as it is measured.
    marks
        Name to `Mark`: every checkpoint and soup, with its own score and that of the plane under it once measured.
    evaluation
        Of the point under the handle, coarse or exact.
    line
        The last segment that was measured, or None.
    """

    def __init__(
        self,
        ev: Evaluator,
        models: Sequence[str] | None = None,
        grid: int = 15,
        split: str | None = None,
        soups: Mapping[str, Recipe] | None = None,
    ) -> None:
        evaluator_for("LandscapeExplorer", ev)
        names = [n for n in ev.pool.names if ev.pool.checkpoints[n].card.role != "landmark"]
        chosen = list(models) if models is not None else _three(ev, names)
        if len(chosen) != 3:
            given = "given" if models is not None else f"in the pool ({', '.join(names) or 'nothing'})"
            raise ValueError(f"a plane goes through three models, {len(chosen)} {given}")
        ev.pool.require(chosen)
        super().__init__()
        self.ev = ev
        self.landscape: Landscape | None = None
        self.evaluation: Evaluation | None = None
        self.line: LandscapeLine | None = None
        self._plane: Plane | None = None
        self.marks: dict[str, Mark] = {}
        self._splits: dict[str, Landscape] = {}
        self._soups = dict(soups) if soups is not None else _uniform(ev)
        self._drawn: tuple[Any, ...] = ()
        self._drawn_at = 0.0

        options = [*dict.fromkeys([*names, *chosen])]
        self.corner_choices = [
            ipywidgets.Dropdown(options=options, value=name, description=label)
            for name, label in zip(chosen, ("At (0, 0)", "Along", "Up"), strict=True)
        ]
        where = ev.suite.validation.name if split is None else split_named(ev.suite, split).name
        training = [] if ev.suite.training is None else [ev.suite.training.name]
        self.split_choice = ipywidgets.Dropdown(options=[*ev.suite.splits, *training], value=where, description="Split")
        self.quantity_choice = ipywidgets.Dropdown(options=["loss", "error"], description="Show")
        self.view_choice = ipywidgets.Dropdown(options=_VIEWS, description="View")
        self.grid_choice = ipywidgets.Dropdown(options=sorted({*_GRIDS, grid}), value=grid, description="Grid")
        controls = ipywidgets.HBox(
            [*self.corner_choices, self.split_choice, self.quantity_choice, self.view_choice, self.grid_choice]
        )
        controls.layout.flex_flow = "row wrap"
        self.status = ipywidgets.HTML()
        self.figure = PlaneFigure()
        self.figure.label = "model on the plane"
        self.details = ipywidgets.HTML()
        self.details.layout.min_width = "330px"
        self.figure.layout.min_width = "min(480px, 100%)"
        self.figure.layout.flex = "2 1 480px"
        self.figure.layout.width = "auto"
        self.details.layout.flex = "1 1 330px"
        side = ipywidgets.HBox([self.figure, self.details])
        side.layout.flex_flow = "row wrap"
        self.from_choice = ipywidgets.Dropdown(options=chosen, description="From")
        self.segment_button = _button("Measure the segment", "Loss and error from that model to the handle")
        self.segment_button.on_click(lambda _: self._try(self.measure_segment))
        self.file_name = ipywidgets.Text(value="soup.safetensors", description="File")
        self.save_button = _button("Save this soup", "Write the model under the handle to that file")
        self.save_button.on_click(lambda _: self._try(self.save))
        self.saved = ipywidgets.HTML()
        exports = []
        for kind in ("svg", "png", "csv"):
            button = _button(kind.upper(), f"Download as {kind.upper()}")
            button.layout.width = "64px"
            button.on_click(lambda _, kind=kind: self.export(kind))
            exports.append(button)
        below = ipywidgets.HBox(
            [self.from_choice, self.segment_button, self.file_name, self.save_button, *exports, self.saved]
        )
        below.layout.flex_flow = "row wrap"
        self.segment = LiveFigure()
        self.segment.layout.display = "none"
        self.children = [controls, self.status, self.alert, side, below, self.segment]

        for choice in self.corner_choices:
            choice.observe(self._on_plane, "value")
        for choice in (self.split_choice, self.grid_choice):
            choice.observe(self._on_grid, "value")
        self.quantity_choice.observe(lambda _: self._draw(), "value")
        self.view_choice.observe(self._on_view, "value")
        self.figure.observe(self._on_handle, "handle")
        self.figure.observe(self._on_click, "clicked")
        self._on_plane(None)

    def __repr__(self) -> str:
        # What a notebook shows in the widget's place where no kernel runs.
        return f"<LandscapeExplorer of {', '.join(self.corners)}: {self._how_to_use}>"

    @property
    def corners(self) -> list[str]:
        """The three models that span the plane."""
        return [str(choice.value) for choice in self.corner_choices]

    @property
    def quantity(self) -> figures.Quantity:
        """What is drawn."""
        found: figures.Quantity = self.quantity_choice.value
        return found

    @property
    def point(self) -> tuple[float, float]:
        """Where the handle is; assign to move it."""
        handle = self.figure.handle
        return float(handle["x"]), float(handle["y"])

    @point.setter
    def point(self, place: tuple[float, float]) -> None:
        self.figure.handle = {"x": float(place[0]), "y": float(place[1]), "dragging": False}

    @property
    def recipe(self) -> Recipe:
        """The model under the handle.

        Raises
        ------
        ValueError
            When there is no plane (yet).
        """
        if self._plane is None or not self.figure.handle:
            raise ValueError("there is no plane yet: wait until it is drawn, or choose three models that span one")
        return self._plane.at(*self.point)

    def measure_segment(self) -> None:
        """Measure the straight line from the chosen model to the handle, and draw it below."""
        self.alert.value = ""
        start, end = str(self.from_choice.value), self.recipe
        if end == Recipe({start: 1}):
            raise ValueError(f"the handle is on {start}: move it to where the segment shall end")
        x, y = self.point
        self._work.request(self._segment(start, end, f"the model at ({x:.3g}, {y:.3g})"))

    def save(self) -> None:
        """Write the model under the handle to the file that is named."""
        self.alert.value = ""
        path = Path(self.file_name.value)
        recipe = self.recipe
        self.saved.value = progress(f"writing {path}", 0, 1)
        self._work.request(self._save(recipe, path))

    def export(self, kind: Literal["svg", "png", "csv"]) -> None:
        """Hand the reader the figure, or its numbers, as a file."""
        table = safe_csv(_frame(self.landscape)) if kind == "csv" and self.landscape else ""
        self.figure.download(kind, "landscape", table)

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained page on which the handle moves over the measured points: no kernel, no network.

        The grid is finished first.

        Parameters
        ----------
        path
            The file to write.

        Returns
        -------
        Path
            The same path.
        """
        from soupwidgets.topics.landscape.page import write_landscape_page

        self.wait(background=True)
        assert self.landscape is not None
        return write_landscape_page(path, self.ev.suite.name, self.landscape, self.marks, self.point)

    # What the user does.

    def _on_plane(self, _change: Any) -> None:
        self._plane, self.landscape, self.evaluation, self.line = None, None, None, None
        self.marks, self._splits = {}, {}
        self.segment.layout.display = "none"
        self.figure.handle = {}
        self.from_choice.options = self.corners
        self._on_grid(None)

    def _on_grid(self, _change: Any) -> None:
        self.alert.value = ""
        self.landscape = None
        self._say(f"finding the plane through {', '.join(self.corners)}", 0, 1)
        self._work.in_background(self._fill(self.corners, str(self.split_choice.value), int(self.grid_choice.value)))

    def _on_view(self, _change: Any) -> None:
        self._draw()
        if self.view_choice.value == "all splits":
            self._on_grid(None)

    def _on_handle(self, change: Any) -> None:
        if self._plane is not None and change["new"]:
            self._work.request(self._answer(self._plane, *self.point))

    def _on_click(self, change: Any) -> None:
        chosen = change["new"].get("customdata")
        mark = self.marks.get(str(chosen[0])) if isinstance(chosen, list) and chosen else None
        if mark is not None and self._plane is not None:
            self.point = (mark.place.x, mark.place.y)

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except (ValueError, OSError) as error:
            self._show_error(error)

    # What the worker does. Each step computes, then hands over a function that shows.

    def _answer(self, plane: Plane, x: float, y: float) -> Steps:
        recipe = plane.at(x, y)
        for evaluation in self.ev.stream(recipe):
            yield "answer", partial(self._show, plane, recipe, x, y, evaluation)

    def _fill(self, corners: list[str], split: str, grid: int) -> Steps:
        plane = self._plane
        if plane is None:
            plane = plane_through(self.ev.pool, corners, others=[])
            yield "plane", partial(self._show_plane, plane)
        yield from self._states(stream_plane(self.ev, plane, grid, split), partial(self._show_landscape, plane))
        near = self._with_others(plane, corners)
        models = {name: Recipe({name: 1}) for name in near.geometry.names} | self._soups
        for marks in stream_marks(self.ev, near, models, split):
            yield "marks", partial(self._show_marks, plane, marks)
        if self.view_choice.value == "all splits":
            streams = [stream_plane(self.ev, plane, grid, name) for name in self.ev.suite.splits]
            # A rough picture of every split before the exact one of any.
            for part in (*map(_rough, streams), *streams):
                yield from self._states(part, partial(self._show_split, plane))
        yield "status", partial(self._say, "the landscape is complete", 1, 1)
        self.ev.warm_up(plane.at(0, 0))

    def _with_others(self, plane: Plane, corners: list[str]) -> Plane:
        """The same plane, on which every checkpoint and soup of the pool has its place."""
        others = [n for n in self.ev.pool.names if self.ev.pool.checkpoints[n].card.role != "landmark"]
        needed = {name for recipe in self._soups.values() for name in recipe}
        return plane_through(self.ev.pool, corners, [*others, *needed])

    def _states(self, states: Iterable[Landscape], show: Callable[[Landscape], None]) -> Iterator[Step]:
        rough = True
        for state in states:
            now = time.monotonic()
            # The first picture without gaps, and the last one, are always shown.
            due = state.exact or (rough and state.seen.all())
            rough = rough and not state.seen.all()
            done, total = int((state.seen == state.total).sum()), state.seen.size
            pace = _SECONDS_PER_PICTURE[self.view_choice.value]
            if due or (state.seen.any() and now - self._drawn_at > pace):
                self._drawn_at = now
                yield f"landscape {state.split}", partial(show, state)
            words = f"{state.split}: {done} of {total} models measured on all {state.total:,} images"
            yield "status", partial(self._say, words, done, total)

    def _segment(self, start: str, end: Recipe, name: str) -> Steps:
        split = str(self.split_choice.value)
        ts = [i / (_SEGMENT_STEPS - 1) for i in range(_SEGMENT_STEPS)]
        recipes = {t: (1 - t) * Recipe({start: 1}) + t * end for t in ts}
        for line in stream_path(self.ev, recipes, (start, name), split):
            yield "segment", partial(self._show_segment, line)

    def _save(self, recipe: Recipe, path: Path) -> Steps:
        if path.exists():
            words = f"{path} is there already: choose another name"
        else:
            words = f"saved as {self.ev.save(recipe, path, progress=False)}"
        yield "saved", partial(self._show_saved, words)

    # What is shown, on the kernel's loop.

    def _say(self, words: str, done: int, total: int) -> None:
        self.status.value = progress(words, done, total)

    def _show_saved(self, words: str) -> None:
        self.saved.value = progress(words, 1, 1)

    def _show_plane(self, plane: Plane) -> None:
        self._plane = plane
        (left, right), (low, high) = plane.extent()
        self.figure.limits = [left, right, low, high]
        self.marks = {name: Mark(plane.place(recipe)) for name, recipe in plane.corners.items()}
        middle = sum(plane.corners.values(), Recipe({})) / 3
        place = plane.place(middle)
        self.point = (place.x, place.y)

    def _show_landscape(self, plane: Plane, landscape: Landscape) -> None:
        # What was on its way when the reader chose something else is not shown any more.
        if plane is self._plane and landscape.split == self.split_choice.value:
            self.landscape = landscape
            self._draw()

    def _show_split(self, plane: Plane, landscape: Landscape) -> None:
        if plane is self._plane:
            self._splits[landscape.split] = landscape
            if self.view_choice.value == "all splits":
                self._draw()

    def _show_marks(self, plane: Plane, marks: dict[str, Mark]) -> None:
        if plane is self._plane:
            self.marks = marks
            self._draw()

    def _show(self, plane: Plane, recipe: Recipe, x: float, y: float, evaluation: Evaluation) -> None:
        if plane is self._plane:
            self.evaluation = evaluation
            self.details.value = point_details(recipe, x, y, evaluation)

    def _show_segment(self, line: LandscapeLine) -> None:
        self.line = line
        if not line.scores:
            return
        self.segment.layout.display = None
        self.segment.show(figures.line(line, self.quantity))
        self._draw()

    def _draw(self) -> None:
        landscape = self.landscape
        if landscape is None or not landscape.seen.any():
            return
        view = self.view_choice.value
        drawn = (view, self.quantity, landscape.split, landscape.plane)
        if view == "contours" and drawn == self._drawn:
            self.figure.move(figures.contour_patch(landscape, self.quantity, self.marks, self._ends()))
            return
        self._drawn = drawn
        if view == "contours":
            self.figure.show(figures.contour(landscape, self.quantity, self.marks, self._ends()))
        elif view == "surface":
            self.figure.show(figures.surface(landscape, self.quantity, self.marks))
        else:
            shown = [*self._splits.values()] or [landscape]
            self.figure.show(figures.splits(shown, self.quantity, self.marks))

    def _ends(self) -> list[Place]:
        if self.line is None or self._plane is None or self.segment.layout.display == "none":
            return []
        return [self._plane.place(self.line.recipes[t]) for t in (0.0, 1.0)]


def _three(ev: Evaluator, names: Sequence[str]) -> list[str]:
    start = [n for n in names if ev.pool.checkpoints[n].card.role == "zero_shot"]
    found = [*start, *ev.pool.fine_tuned, *names]
    return list(dict.fromkeys(found))[:3]


def _rough(states: Iterator[Landscape]) -> Iterator[Landscape]:
    """A landscape up to where every point has a value; the rest can be asked for afterwards."""
    for state in states:
        yield state
        if state.seen.all():
            return


def _uniform(ev: Evaluator) -> dict[str, Recipe]:
    return {"uniform soup": uniform_soup(ev.pool)} if len(ev.pool.fine_tuned) > 1 else {}


def _button(label: str, why: str) -> Any:
    made = ipywidgets.Button(description=label, tooltip=why)
    made.layout.width = "auto"
    return made


def _frame(landscape: Landscape) -> pd.DataFrame:
    """One row for each point that has a value."""
    rows = []
    for row, y in enumerate(landscape.y):
        for column, x in enumerate(landscape.x):
            if landscape.seen[row, column]:
                rows.append(
                    {
                        "x": x, "y": y, "split": landscape.split, "loss": landscape.loss[row, column],
                        "error": landscape.error[row, column], "images": landscape.seen[row, column],
                        "recipe": landscape.recipe(row, column).to_json(),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)
