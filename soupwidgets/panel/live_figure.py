"""Any figure in a cell, as the panels show theirs."""

from __future__ import annotations

from collections.abc import Iterator

import plotly.graph_objects as go

from soupwidgets.figures.shown import plain_text
from soupwidgets.panel.panel import Panel, State
from soupwidgets.panel.view import View
from soupwidgets.translation import gettext as _


class LiveFigure(Panel):
    """A panel without controls: one figure, with its text alternative, in the page's colours.

    Parameters
    ----------
    figure
        What to show.
    """

    def __init__(self, figure: go.Figure) -> None:
        self._figure = go.Figure(figure)
        for place, trace in enumerate(self._figure.data):
            trace.uid = trace.uid or f"trace-{place}"
        super().__init__(plain_text(self._figure.layout.title.text or _("figure")), ())

    def answer(self, state: State) -> Iterator[View]:
        """Show it."""
        yield View(figures={"figure": self._figure})

    def __repr__(self) -> str:
        # What a notebook shows in the widget's place where no kernel runs.
        return f"<{self.title}: run this cell to see it>"
