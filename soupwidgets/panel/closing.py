"""Closing a widget with everything that it brought along."""

from __future__ import annotations

from typing import Any

import ipywidgets


def close_tree(widget: ipywidgets.Widget) -> None:
    """Close a widget, its children, and the layout and style models that each of them owns.

    ipywidgets' own ``close`` frees the widget alone; its parts would stay in the
    kernel and in the page.
    """
    for child in getattr(widget, "children", ()):
        close_tree(child)
    for part in ("layout", "style"):
        model: Any = getattr(widget, part, None)
        if isinstance(model, ipywidgets.Widget):
            model.close()
    widget.unobserve_all()
    if isinstance(widget, ipywidgets.VBox | ipywidgets.HBox):
        ipywidgets.Widget.close(widget)
    else:
        widget.close()
