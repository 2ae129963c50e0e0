"""Patches: the small part of a figure that moves with a slider.

A patch names traces by their ``uid`` and gives the entries that change, and
likewise for the layout. The front end applies patches the same way, so a
figure with its patch is the figure on screen.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from soupwidgets.figures.drawing import Drawing
from soupwidgets.figures.shown import ShownFigure, shown_layout, shown_trace

Patch = dict[str, Any]


def make_patch(text: str, traces: dict[str, dict[str, Any]], **layout: Any) -> Patch:
    """A patch with the figure's new text alternative; pass plain texts, they are escaped here."""
    shown = {uid: entries | shown_trace({"uid": uid, **entries}) for uid, entries in traces.items()}
    return {"traces": shown, "layout": {**layout, **shown_layout(layout), "meta": {"text": text}}}


def finished(figure: ShownFigure, patch: Patch) -> go.Figure:
    """Apply the first patch to a figure drawn with plain texts; every figure function ends with this.

    Raises
    ------
    TypeError
        When it is one of plotly's own figures, which would show more buttons.
    """
    if not isinstance(figure, ShownFigure):
        raise TypeError("a figure must be made with base_figure or ShownFigure")
    for trace in figure.data:
        trace.update(shown_trace(trace.to_plotly_json()), overwrite=True)
    figure.update_layout(shown_layout(figure.layout.to_plotly_json()), overwrite=True)
    return apply_patch(figure, patch)


def apply_patch(figure: go.Figure, patch: Patch) -> go.Figure:
    """Apply a patch to a figure in place, and return it.

    Raises
    ------
    KeyError
        When the patch names a uid that no trace of the figure has.
    """
    traces = {trace.uid: trace for trace in figure.data}
    for uid, entries in patch["traces"].items():
        if uid not in traces:
            raise KeyError(f"the figure has no trace {uid!r}")
        traces[uid].update(entries, overwrite=True)
    figure.update_layout(patch["layout"], overwrite=True)
    return figure


def as_patch(figure: go.Figure) -> Patch:
    """A whole figure as a patch for another one with the same traces and axes."""
    plain = figure.to_plotly_json()
    traces = {t["uid"]: {k: v for k, v in t.items() if k not in ("uid", "type")} for t in plain["data"]}
    moving = {k: v for k, v in plain["layout"].items() if k in ("title", "meta", "xaxis", "yaxis", "shapes")}
    return {"traces": traces, "layout": moving}


def text_alternative(figure: go.Figure | Drawing) -> str:
    """What the figure says, in words, for those who do not see it."""
    return figure.text if isinstance(figure, Drawing) else str(figure.layout.meta["text"])
