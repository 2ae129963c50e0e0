"""Figures as data, for what is drawn many times a second: plotly's own objects take several times as long to make."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, ParamSpec

import plotly.graph_objects as go

from soupwidgets.figures.shown import ShownFigure, shown_layout, shown_trace

P = ParamSpec("P")


class Drawing:
    """Traces and layout of a figure as plain dictionaries, with plain texts; `done` escapes them.

    Attributes
    ----------
    data, layout
        As plotly has them.
    """

    def __init__(self, layout: dict[str, Any]) -> None:
        self.data: list[dict[str, Any]] = []
        self.layout = layout

    def add_scatter(self, **trace: Any) -> None:
        """Add a trace of points or lines."""
        self.data.append({"type": "scatter", **trace})

    def add_trace(self, trace: dict[str, Any]) -> None:
        """Add any trace; it says its type itself."""
        self.data.append(trace)

    def done(self, text: str, **layout: Any) -> Drawing:
        """Escape every text, and add the text alternative and the rest of the layout."""
        whole = {**self.layout, **layout}
        self.layout = {**whole, **shown_layout(whole), "meta": {"text": text}}
        self.data = [trace | shown_trace(trace) for trace in self.data]
        return self

    @property
    def text(self) -> str:
        """What the figure says, in words."""
        return str(self.layout["meta"]["text"])

    def trace(self, uid: str) -> dict[str, Any]:
        """Find a trace by its uid.

        Raises
        ------
        KeyError
            When there is none.
        """
        for trace in self.data:
            if trace["uid"] == uid:
                return trace
        raise KeyError(f"the figure has no trace {uid!r}")

    def to_figure(self) -> go.Figure:
        """Make a plotly figure of it."""
        return ShownFigure(data=self.data, layout=self.layout)


class figure(Generic[P]):  # noqa: N801 - a decorator
    """Decorate a function that draws: calling it gives a plotly figure, and `plain` the drawing itself."""

    def __init__(self, draw: Callable[P, Drawing]) -> None:
        self.plain = draw
        update_wrapper(self, draw)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> go.Figure:
        """Draw, and make a plotly figure of it."""
        return self.plain(*args, **kwargs).to_figure()
