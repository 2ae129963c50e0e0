"""A figure of a plane with a handle that is dragged over it."""

from __future__ import annotations

import traitlets

from soupwidgets.panel.live_figure import LiveFigure, with_keys


class PlaneFigure(LiveFigure):
    """A `LiveFigure` whose reader moves a point, with the mouse, a finger or the arrow keys.

    Attributes
    ----------
    handle
        Where the point is: ``x``, ``y``, and ``dragging`` while it moves. Empty when there is none.
    limits
        Where it may go: lowest and highest x, lowest and highest y.
    label
        What the point is.
    """

    _esm = with_keys("live_figure.js", "plane_handle.js", "plane_figure.js")
    handle = traitlets.Dict().tag(sync=True)
    limits = traitlets.List([0.0, 1.0, 0.0, 1.0]).tag(sync=True)
    label = traitlets.Unicode("point on the plane").tag(sync=True)
