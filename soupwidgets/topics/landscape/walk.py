"""What is measured of planes while somebody walks on them, kept for as long as they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.panel.examples import examples_word
from soupwidgets.panel.measured import Pace
from soupwidgets.panel.panel import Filled
from soupwidgets.recipe import Recipe
from soupwidgets.topics.landscape.line import LandscapeLine, stream_path
from soupwidgets.topics.landscape.marks import Mark, stream_marks
from soupwidgets.topics.landscape.plane import Landscape, grid_axes, stream_plane
from soupwidgets.topics.landscape.span import Plane, plane_through

_SEGMENT_STEPS = 11
Point = tuple[float, float]


@dataclass(frozen=True)
class Where:
    """What a landscape is filed under: three models, points along the longer side, and a split."""

    corners: tuple[str, ...]
    grid: int
    split: str


class Walk:
    """Planes, landscapes, marks, segments, and the model that one stands on."""

    def __init__(self, ev: Evaluator, soups: Mapping[str, Recipe]) -> None:
        self.ev, self._soups = ev, soups
        self.planes: dict[tuple[str, ...], Plane] = {}
        self.landscapes: dict[Where, Landscape] = {}
        self._marks: dict[tuple[tuple[str, ...], str], dict[str, Mark]] = {}
        self.lines: dict[Any, LandscapeLine] = {}
        self._last: tuple[Any, Evaluation] | None = None
        # How often something was measured that a picture shows.
        self.version = 0
        self._pace = Pace()

    def plane(self, corners: tuple[str, ...]) -> Plane:
        """The plane through three models.

        Raises
        ------
        ValueError
            When they span none.
        """
        if corners not in self.planes:
            self.planes[corners] = plane_through(self.ev.pool, corners, others=[])
        return self.planes[corners]

    def marks(self, where: Where) -> dict[str, Mark]:
        """Every model with its place; the corners alone, without scores, before `fill` was there."""
        plane = self.plane(where.corners)
        corners = {name: Mark(plane.place(recipe)) for name, recipe in plane.corners.items()}
        return self._marks.get((where.corners, where.split), corners)

    def places(self, where: Where, room: int) -> list[list[float]]:
        """Models of the grid, or every second, third, ... along both axes when there is no room for all."""
        x, y = (axis.tolist() for axis in grid_axes(self.plane(where.corners).extent(), where.grid))
        step = 1
        while len(x[::step]) * len(y[::step]) > room:
            step += 1
        return [[a, b] for b in y[::step] for a in x[::step]]

    def landscape(self, where: Where) -> Landscape:
        """The landscape as far as it is measured, with one value at least."""
        if where not in self.landscapes:
            begun = stream_plane(self.ev, self.plane(where.corners), where.grid, where.split)
            self.landscapes[where] = next(one for one in begun if one.seen.any())
        return self.landscapes[where]

    def known(self, corners: tuple[str, ...], point: Point, split: str | None) -> Evaluation | None:
        """The last evaluation, coarse or exact, if it is of this point."""
        return self._last[1] if self._last is not None and self._last[0] == (corners, point, split) else None

    def stream(self, corners: tuple[str, ...], point: Point, split: str | None) -> Iterator[Evaluation]:
        """Measure a point, coarse first; on every split when None."""
        known = self.known(corners, point, split)
        if known is not None and known.exact:
            yield known
            return
        for evaluation in self.ev.stream(self.plane(corners).at(*point), split):
            self._last = (corners, point, split), evaluation
            yield evaluation

    def segment(self, where: Where, corner: int, target: Point) -> Iterator[LandscapeLine]:
        """Measure the straight line from a corner to a point, unless it was."""
        key = where, corner, target
        if key in self.lines and self.lines[key].exact:
            return
        start, end = where.corners[corner], self.plane(where.corners).at(*target)
        ts = [i / (_SEGMENT_STEPS - 1) for i in range(_SEGMENT_STEPS)]
        recipes = {t: (1 - t) * Recipe({start: 1}) + t * end for t in ts}
        name = f"the model at ({coordinate(target[0])}, {coordinate(target[1])})"
        for line in stream_path(self.ev, recipes, (start, name), where.split):
            self.lines[key] = line
            self.version += 1
            yield line

    def fill(self, where: Where, splits: Sequence[str], pace: float) -> Iterator[Filled]:
        """Measure the grid on a split, then the marks; then the grid on further splits."""
        yield from self._grids(where, [where.split], pace)
        yield from self._all_marks(where)
        yield from self._grids(where, splits, pace)

    def _grids(self, where: Where, splits: Sequence[str], pace: float) -> Iterator[Filled]:
        plane = self.plane(where.corners)
        streams = {name: stream_plane(self.ev, plane, where.grid, name) for name in splits}
        # A rough picture of every split before the exact one of any.
        for rough in (True, False):
            for name, stream in streams.items():
                for landscape in stream:
                    self.landscapes[replace(where, split=name)] = landscape
                    self.version += 1
                    whole = bool(landscape.seen.all())
                    now = landscape.exact or (rough and whole)
                    fresh = bool(landscape.seen.any()) and self._pace.due(pace, now=now)
                    done, total = int((landscape.seen == landscape.total).sum()), landscape.seen.size
                    all_of_them = f"all {landscape.total:,} {examples_word(self.ev.suite)}"
                    words = f"{name}: {done} of {total} models measured on {all_of_them}"
                    yield Filled(words, done, total, fresh)
                    if rough and whole:
                        break

    def _all_marks(self, where: Where) -> Iterator[Filled]:
        pool = self.ev.pool
        others = [n for n in pool.names if pool.checkpoints[n].card.role != "landmark"]
        needed = {name for recipe in self._soups.values() for name in recipe}
        near = plane_through(pool, where.corners, [*others, *needed])
        models = {name: Recipe({name: 1}) for name in near.geometry.names} | dict(self._soups)
        for marks in stream_marks(self.ev, near, models, where.split):
            self._marks[where.corners, where.split] = marks
            self.version += 1
            done = sum(mark.own is not None for mark in marks.values())
            yield Filled(f"{done} of {len(marks)} marked models measured", done, len(marks), fresh=True)


def coordinate(value: float) -> str:
    """A coordinate for people; what rounding leaves of zero is zero.

    Examples
    --------
    >>> coordinate(-1e-18), coordinate(2.3456)
    ('0', '2.35')
    """
    return f"{round(value, 9) + 0.0:.3g}"
