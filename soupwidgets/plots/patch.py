"""Patches: the small part of a figure that moves with a slider.

A patch names traces by their ``uid`` and gives the entries that change, and
likewise for the layout. The front end applies patches the same way, so a
figure with its patch is the figure on screen.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

Patch = dict[str, Any]


def make_patch(text: str, traces: dict[str, dict[str, Any]], **layout: Any) -> Patch:
    """A patch with the figure's new text alternative."""
    return {"traces": traces, "layout": {**layout, "meta": {"text": text}}}


def apply_patch(figure: go.Figure, patch: Patch) -> go.Figure:
    """Apply a patch to a figure in place, and return it.

    Raises
    ------
    KeyError
        When the figure has no trace of a uid that the patch names.
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


def text_alternative(figure: go.Figure) -> str:
    """What the figure says, in words, for those who do not see it."""
    return str(figure.layout.meta["text"])
