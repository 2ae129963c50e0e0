"""How every figure leaves this package: its texts escaped, its content in words."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from soupwidgets.figures.drawing import Drawing
from soupwidgets.figures.shown import ShownFigure, shown_layout, shown_trace


def finished(figure: ShownFigure, text: str, **layout: Any) -> go.Figure:
    """Escape a figure that was drawn with plain texts, and add its text alternative and the rest of the layout.

    Raises
    ------
    TypeError
        When it is a figure of plotly's own, which would show more buttons than ours.
    """
    if not isinstance(figure, ShownFigure):
        raise TypeError("a figure begins with base_figure or ShownFigure")
    figure.update_layout(layout, overwrite=True)
    for trace in figure.data:
        trace.update(shown_trace(trace.to_plotly_json()), overwrite=True)
    figure.update_layout(shown_layout(figure.layout.to_plotly_json()), overwrite=True)
    return figure.update_layout(meta={"text": text}, overwrite=True)


def text_alternative(figure: go.Figure | Drawing) -> str:
    """The figure's content in words, for readers who cannot see it."""
    return figure.text if isinstance(figure, Drawing) else str(figure.layout.meta["text"])
