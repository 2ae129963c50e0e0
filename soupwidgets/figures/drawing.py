"""Figures as data: plotly's own objects take several times as long to make, and some are drawn many times a second."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, ParamSpec

import plotly.graph_objects as go

from soupwidgets.figures.direct import MOST, Label, names_trace, room_beside
from soupwidgets.figures.shown import ShownFigure, shown_layout, shown_trace

P = ParamSpec("P")
# Height of a legend, and of a name in it where there is room for three beside each other, in pixels.
_LEGEND, _LEGEND_ROW = 18, 7
# Letters of a title that fit beside each other on a telephone (360 pixels), and the height of another line of them.
_TITLE, _TITLE_LINE = 44, 20


class Drawing:
    """Traces and layout of a figure as plain dictionaries, with plain texts; ``done`` escapes them.

    Attributes
    ----------
    data, layout
        As plotly has them.
    """

    def __init__(self, layout: dict[str, Any]) -> None:
        self.data: list[dict[str, Any]] = []
        self.layout = layout
        self._labels: list[Label] = []

    def add(self, kind: str = "scatter", *, label: str | None = None, at: int | None = None, **trace: Any) -> None:
        """Add a trace of one of plotly's kinds.

        Parameters
        ----------
        kind, **trace
            As plotly has them.
        label
            What to write at the end of the line, or at its point number ``at``, instead of a legend.
        at
            That number, or None for the end of the line.
        """
        self.data.append({"type": kind, **trace})
        if label is not None:
            self._labels.append(Label(self.data[-1], label, at))

    def add_rule(self, *, x: float | None = None, y: float | None = None, **line: Any) -> None:
        """Add a straight line through the whole figure, upright at ``x`` or level at ``y``."""
        across, along = ("x", "y") if y is None else ("y", "x")
        at = x if y is None else y
        ends = {f"{across}0": at, f"{across}1": at, f"{along}0": 0, f"{along}1": 1, f"{along}ref": "paper"}
        self.layout.setdefault("shapes", []).append({"type": "line", **ends, "line": line})

    def done(self, text: str, **layout: Any) -> Drawing:
        """Escape every text, and add the text alternative and the rest of the layout."""
        for key, value in layout.items():
            old = self.layout.get(key)
            self.layout[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        self._wrap_title()
        if 0 < len(self._labels) <= MOST:
            for label in self._labels:
                label.trace["showlegend"] = False
            self.layout["margin"]["r"] = max(self.layout["margin"]["r"], room_beside(self._labels))
            self.data.append(names_trace(self._labels, self.data, self.layout))
        named = [trace for trace in self.data if trace.get("name") and trace.get("showlegend", True)]
        # One name says nothing that the title does not; more of them need room below the axis.
        self.layout["showlegend"] = len(named) > 1
        self.layout["margin"]["b"] += (_LEGEND + _LEGEND_ROW * len(named)) * (len(named) > 1)
        self.layout = {**self.layout, **shown_layout(self.layout), "meta": {"text": text}}
        self.data = [trace | shown_trace(trace) for trace in self.data]
        return self

    def _wrap_title(self) -> None:
        """Plotly cuts off what is wider than the figure."""
        title = self.layout.get("title", {})
        lines = _lines(title.get("text", ""))
        if len(lines) > 1:
            more = _TITLE_LINE * (len(lines) - 1)
            # Plotly grows it around where a single line would be.
            pad = {**title.get("pad", {}), "t": more / 2}
            self.layout["title"] = {**title, "text": "\n".join(lines), "pad": pad}
            self.layout["margin"]["t"] += more
            self.layout["height"] += more

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
    """Decorate a function that draws: calling it gives a plotly figure, and ``plain`` the drawing itself."""

    def __init__(self, draw: Callable[P, Drawing]) -> None:
        self.plain = draw
        update_wrapper(self, draw)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> go.Figure:
        """Draw, and make a plotly figure of it."""
        return self.plain(*args, **kwargs).to_figure()


def _lines(title: str) -> list[str]:
    """A title in lines that fit; broken at spaces alone, so that reading over the breaks gives the same words.

    Examples
    --------
    >>> _lines("Accuracy against robustness (blue: in the soup)")
    ['Accuracy against robustness (blue: in the', 'soup)']
    """
    lines: list[str] = []
    for word in title.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= _TITLE:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def text_alternative(figure: go.Figure | Drawing) -> str:
    """The figure's content in words, for readers who cannot see it."""
    return figure.text if isinstance(figure, Drawing) else str(figure.layout.meta["text"])
