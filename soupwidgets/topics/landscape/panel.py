"""A loss landscape to walk on: a handle on the plane through three models."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.figures.units import unit_of
from soupwidgets.methods import uniform_soup
from soupwidgets.panel.controls import Button, Choice, Handle, Text
from soupwidgets.panel.examples import examples_word
from soupwidgets.panel.given import evaluator_for
from soupwidgets.panel.measured import how_far, spaced
from soupwidgets.panel.panel import Filled, Panel, State
from soupwidgets.panel.python import script
from soupwidgets.panel.recording import MOST
from soupwidgets.panel.view import View
from soupwidgets.recipe import Recipe
from soupwidgets.suites.named import split_named
from soupwidgets.topics.landscape import details, figures
from soupwidgets.topics.landscape.height import is_error
from soupwidgets.topics.landscape.line import LandscapeLine
from soupwidgets.topics.landscape.marks import Mark
from soupwidgets.topics.landscape.pictures import Pictures
from soupwidgets.topics.landscape.plane import Landscape
from soupwidgets.topics.landscape.span import Plane
from soupwidgets.topics.landscape.walk import Point, Walk, Where, coordinate

_SCOPES = (("all", "every split"), ("split", "the split that is drawn"))
_GRIDS = (9, 15, 25)
# So often the picture follows the grid that fills: more would only keep the browser busy.
_SECONDS_PER_PICTURE = {"contours": 0.3, "surface": 1.0, "all splits": 1.5}
_HOW = (
    "Every point of the plane is a model: a mixture of the three. Drag the ring, or move it with the arrow keys; "
    "the model under it is measured itself (arXiv 1802.10026)."
)


class LandscapeExplorer(Panel):
    """Loss or error on the plane through three models, and a handle that is any model on it.

    The grid fills in the background, coarse first, and what is hatched meanwhile is predicted. What the handle
    is on is measured itself, on every split: nothing is read off the picture.

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
    """

    point: Any
    quantity: str
    look: str
    split: str
    grid: int

    def __init__(
        self,
        ev: Evaluator,
        models: Sequence[str] | None = None,
        *,
        grid: int = 15,
        split: str | None = None,
        soups: Mapping[str, Recipe] | None = None,
    ) -> None:
        self.ev = evaluator_for("LandscapeExplorer", ev)
        names = [n for n in ev.pool.names if ev.pool.checkpoints[n].card.role != "landmark"]
        chosen = list(models) if models is not None else _three(ev, names)
        if len(chosen) != 3:
            given = "given" if models is not None else f"in the pool ({', '.join(names) or 'nothing'})"
            raise ValueError(f"a plane goes through three models, got {len(chosen)} {given}")
        ev.pool.require(chosen)
        self._walk = Walk(ev, dict(soups) if soups is not None else _uniform(ev))
        self._saved: dict[str, Recipe] = {}
        self._pictures = Pictures(self._walk, list(ev.suite.splits))
        self._page: State | None = None
        options = [*dict.fromkeys([*names, *chosen])]
        where = ev.suite.validation.name if split is None else split_named(ev.suite, split).name
        training = [] if ev.suite.training is None else [ev.suite.training.name]
        metric = ev.suite.validation.scoring.metric
        called = f"1 - {unit_of(metric).words}" if is_error(metric) else unit_of(metric).words
        quantities = ["loss", ("error", "error" if metric == "accuracy" else called)]
        corners = zip(("origin", "along", "up"), ("At (0, 0)", "Along", "Up"), chosen, strict=True)
        controls = [
            *(Choice(name=name, label=label, value=value, options=options) for name, label, value in corners),
            Choice(name="split", label="Split", value=where, options=[*ev.suite.splits, *training]),
            Choice(name="quantity", label="Show", value="loss", options=quantities),
            Choice(name="look", label="View", value="contours", options=list(_SECONDS_PER_PICTURE)),
            Choice(name="grid", label="Grid", value=grid, options=sorted({*_GRIDS, grid})),
            Choice(name="scope", label="Measure the ring on", value="all", options=_SCOPES),
            Handle(name="point", label="model on the plane", figure="plane"),
            Button(name="onwards", label="Next model", title="Put the ring on the next model of the plane"),
            Choice(name="source", label="From", value=0, options=list(enumerate(chosen))),
            Button(name="segment", label="Measure the segment", title="What is shown, from that model to the ring"),
            Handle(name="target", hidden=True),
            Button(name="clear", label="Remove the segment", title="Draw the plane alone", hidden=True),
            Text(name="file", label="File", value="soup.safetensors", writes=True),
            Button(
                name="save", label="Save this soup", title="Write the model under the ring to that file", writes=True
            ),
        ]
        super().__init__(f"{ev.suite.name}: a plane through three models", controls)

    # What a user has.

    @property
    def corners(self) -> list[str]:
        """The three models that span the plane."""
        return list(_corners(self.state))

    @property
    def plane(self) -> Plane:
        """The plane on which the handle moves; raises `ValueError` when the three models span none."""
        return self._plane(self.state)

    @property
    def place(self) -> Point:
        """Where the handle stands: in the middle of the three until it is moved."""
        return self._place(self.state)

    @property
    def landscape(self) -> Landscape | None:
        """What is drawn, as far as it is measured; None before the first value."""
        return self._walk.landscapes.get(_where(self.state))

    @property
    def marks(self) -> dict[str, Mark]:
        """Every checkpoint and soup, with its own score and that of the plane under it once measured."""
        return self._walk.marks(_where(self.state))

    @property
    def recipe(self) -> Recipe:
        """The model under the handle.

        Raises
        ------
        ValueError
            When the three models span no plane.
        """
        return self._plane(self.state).at(*self._place(self.state))

    @property
    def evaluation(self) -> Evaluation | None:
        """Of the model under the handle, coarse or exact."""
        return self._walk.known(*self._under(self.state))

    @property
    def line(self) -> LandscapeLine | None:
        """The segment that was measured, or None."""
        return self._walk.lines.get(_segment(self.state))

    def ask(self, **state: Any) -> View:
        """Return the exact view of a state without a screen; its landscape is finished first."""
        asked = {**self.state, **self._checked(state)}
        for _ in self.fill(asked):
            pass
        return super().ask(**asked)

    def to_html(self, path: str | Path, **fixed: Any) -> Path:
        """Write a page, as every panel does, on which the handle moves over the models of the grid.

        They are measured on the split that is drawn; on every split with ``scope="all"``, which takes a while.
        """
        fixed = {"scope": "split", **fixed}
        state = {**self.state, **self._checked(fixed)}
        if "point" not in fixed:
            (x, y), self._page = self._place(state), state
            places = self._walk.places(_where(state), MOST)
            fixed["point"] = min(places, key=lambda place: (place[0] - x) ** 2 + (place[1] - y) ** 2)
        try:
            return super().to_html(path, **fixed)
        finally:
            self._page = None

    # What a panel says.

    def answer(self, state: State) -> Iterator[View | None]:
        """Measure the model under the handle, coarse first, then the segment."""
        where = _where(state)
        if where.corners not in self._walk.planes:
            yield View(words=f"finding the plane through {', '.join(where.corners)}", done=0)
        try:
            self._plane(state)
        except ValueError:
            yield View(words="these three models span no plane")
            raise
        self._walk.landscape(where)
        for evaluation in spaced(self._walk.stream(*self._under(state)), lambda one: one.exact):
            yield self._view(state, evaluation) if evaluation else None
        assert evaluation is not None
        if state["target"] is not None:
            for line in self._walk.segment(*_segment(state)):
                yield self._view(state, evaluation, line)

    def fill(self, state: State) -> Iterator[Filled | None]:
        """Measure the grid, coarse first, then the models that are marked, and perhaps the other splits."""
        try:
            plane = self._plane(state)
        except ValueError:
            # The answer says so.
            return
        splits = list(self.ev.suite.splits) if state["look"] == "all splits" else []
        yield from self._walk.fill(_where(state), splits, _SECONDS_PER_PICTURE[state["look"]])
        yield Filled("the landscape is complete", 1, 1)
        self.ev.warm_up(plane.at(0, 0))

    def fill_key(self, state: State) -> Any:
        """A plane, a grid and a split have a landscape; all splits together have several."""
        return _where(state), state["look"] == "all splits"

    def act(self, name: str, state: State) -> Iterator[View | State]:
        """Move the handle on, begin or remove a segment, or save the model."""
        here = self._place(state)
        recipe, start = self._plane(state).at(*here), _corners(state)[state["source"]]
        if name == "onwards":
            marks = self._walk.marks(_where(state)).values()
            places = [(mark.place.x, mark.place.y) for mark in marks if mark.place.off == 0]
            near = min(range(len(places)), key=lambda i: abs(places[i][0] - here[0]) + abs(places[i][1] - here[1]))
            yield {"point": places[(near + 1) % len(places)]}
        elif name == "clear":
            yield {"target": None}
        elif name == "segment":
            if recipe == Recipe({start: 1}):
                raise ValueError(f"the ring is on {start}: move it to where the segment shall end")
            yield {"target": here}
        elif name == "save":
            path = Path(state["file"])
            if path.exists():
                raise ValueError(f"{path} is there already: choose another name")
            self.ev.save(recipe, path, progress=False)
            self._saved[state["file"]] = recipe

    def recorded(self, grids: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Record loss and error, contours and surface, with the handle on every model of the grid, if they are few."""
        kept = {name: grid for name, grid in grids.items() if name in ("quantity", "look")}
        if "look" in kept:
            kept["look"] = ["contours", "surface"]
        if self._page is None:
            return kept
        room = MOST // math.prod(len(values) for values in kept.values())
        # The last one changes fastest, and the picture does not depend on it.
        return {**kept, "point": self._walk.places(_where(self._page), room)}

    def code(self, state: State) -> str:
        """Write how to measure the same plane, and the same model on it."""
        x, y = self._place(state)
        return script(
            self.ev,
            f"plane = sw.landscape.plane_through(pool, {_corners(state)!r})",
            f"landscape = sw.landscape.plane(ev, plane, grid={state['grid']}, split={state['split']!r})",
            f"evaluation = ev.evaluate(plane.at({x!r}, {y!r}))",
            "print(evaluation.to_frame())",
        )

    # How it is found out, and shown.

    def _plane(self, state: State) -> Plane:
        return self._walk.plane(_corners(state))

    def _place(self, state: State) -> Point:
        """Where the handle stands: in the middle of the three until it is moved, and never outside of the plane."""
        plane = self._plane(state)
        if state["point"] is None:
            middle = plane.place(sum(plane.corners.values(), Recipe({})) / 3)
            return middle.x, middle.y
        x, y = (max(low, min(high, v)) for v, (low, high) in zip(state["point"], plane.extent(), strict=True))
        return x, y

    def _under(self, state: State) -> tuple[tuple[str, ...], Point, str | None]:
        return _corners(state), self._place(state), None if state["scope"] == "all" else state["split"]

    def _view(self, state: State, evaluation: Evaluation, line: LandscapeLine | None = None) -> View:
        (x, y), plane, landscape = self._place(state), self._plane(state), self._walk.landscape(_where(state))
        far, seen, total = how_far(evaluation, examples_word(self.ev.suite))
        words = f"Model at ({coordinate(x)}, {coordinate(y)}): {far}"
        if line is not None:
            seen, total = sum(score.exact for score in line.scores.values()), len(line.recipes)
            words = f"{words}; the segment: {seen} of {total} models"
        where, corner, target = _segment(state)
        drawn = self._pictures.of(where, state["look"], state["quantity"], corner, target or None)
        recipe = plane.at(x, y)
        if "plane" in drawn:
            drawn = {
                "plane": drawn["plane"],
                "point": figures.point(evaluation, state["quantity"], self.ev.suite.task),
                **drawn,
            }
        tables = [details.scores(evaluation, self.ev.suite), details.mixture(recipe)]
        notes = [_HOW, *details.notes(landscape)]
        if state["file"] in self._saved:
            other = "" if self._saved[state["file"]] == recipe else " is another point of the plane"
            notes.append(f"saved as {state['file']}{other}")
        (left, right), (low, high) = plane.extent()
        middle = self._place({**state, "point": None})
        return View(
            figures=drawn,
            tables=[*tables, details.grid(landscape, examples_word(self.ev.suite))] if seen == total else tables,
            words=words,
            done=seen,
            total=total,
            notes=notes,
            clicks={"plane": "point"} if state["look"] == "contours" else {},
            controls={
                "point": {"limits": [left, right, low, high], "start": middle},
                "source": {"options": list(enumerate(plane.corners))},
                "clear": {"hidden": state["target"] is None},
            },
        )


def _corners(state: State) -> tuple[str, ...]:
    return state["origin"], state["along"], state["up"]


def _where(state: State) -> Where:
    return Where(_corners(state), state["grid"], state["split"])


def _segment(state: State) -> tuple[Where, int, Point]:
    """What a segment is filed under; there is none to no place."""
    return _where(state), state["source"], tuple(state["target"] or ())


def _three(ev: Evaluator, names: Sequence[str]) -> list[str]:
    start = [n for n in names if ev.pool.checkpoints[n].card.role == "zero_shot"]
    found = [*start, *ev.pool.fine_tuned, *names]
    return list(dict.fromkeys(found))[:3]


def _uniform(ev: Evaluator) -> dict[str, Recipe]:
    return {"uniform soup": uniform_soup(ev.pool)} if len(ev.pool.fine_tuned) > 1 else {}
