"""The pictures of a walk that do not depend on where one stands, drawn again only when more is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import plotly.graph_objects as go

from soupwidgets.topics.landscape import figures
from soupwidgets.topics.landscape.walk import Point, Walk, Where

Look = Literal["contours", "surface", "all splits"]


class Pictures:
    """Draws what a walk has measured."""

    def __init__(self, walk: Walk, splits: Sequence[str]) -> None:
        self._walk, self._splits = walk, splits
        self._kept: tuple[Any, dict[str, go.Figure]] = (), {}

    def of(
        self, where: Where, look: Look, quantity: figures.Quantity, corner: int, target: Point | None
    ) -> dict[str, go.Figure]:
        """Draw a landscape, and the segment from a corner to a place."""
        moment = where, look, quantity, corner, target, self._walk.version
        if self._kept[0] != moment:
            self._kept = moment, self._draw(where, look, quantity, corner, target)
        return dict(self._kept[1])

    def _draw(
        self, where: Where, look: Look, quantity: figures.Quantity, corner: int, target: Point | None
    ) -> dict[str, go.Figure]:
        plane, marks = self._walk.plane(where.corners), self._walk.marks(where)
        if look == "all splits":
            splits = (self._walk.landscapes.get(replace(where, split=name)) for name in self._splits)
            there = [one for one in splits if one is not None]
            return {"splits": figures.splits(there or [self._walk.landscape(where)], quantity, marks)}
        if look == "surface":
            drawn = {"plane": figures.surface(self._walk.landscape(where), quantity, marks)}
        else:
            ends = [plane.place(where.corners[corner]), plane.place(plane.at(*target))] if target is not None else []
            drawn = {"plane": figures.contour(self._walk.landscape(where), quantity, marks, ends)}
        line = self._walk.lines.get((where, corner, target)) if target is not None else None
        if line is not None and line.scores:
            drawn["segment"] = figures.line(line, quantity)
        return drawn
