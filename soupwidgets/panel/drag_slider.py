"""A slider that tells a moving thumb from one that was let go."""

from __future__ import annotations

import anywidget
import traitlets

from soupwidgets.panel.live_figure import STATIC, with_keys


class DragSlider(anywidget.AnyWidget):
    """A native range input with a number box, for mouse, touch, keyboard and typed values.

    Attributes
    ----------
    value
        The number; always between ``min`` and ``max``.
    dragging
        True while the thumb moves, False once it was let go or a value was typed.
    step
        Distance of two thumb positions; a typed value may lie between them.
    label, low_label, high_label
        What the slider sets, and what its two ends mean.
    """

    _esm = with_keys("drag_slider.js")
    _css = STATIC / "drag_slider.css"
    value = traitlets.Float(0.0).tag(sync=True)
    dragging = traitlets.Bool(False).tag(sync=True)
    min = traitlets.Float(0.0).tag(sync=True)
    max = traitlets.Float(1.0).tag(sync=True)
    step = traitlets.Float(0.05).tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    low_label = traitlets.Unicode("").tag(sync=True)
    high_label = traitlets.Unicode("").tag(sync=True)

    @traitlets.validate("value")
    def _inside(self, proposal: dict[str, float]) -> float:
        return max(self.min, min(self.max, proposal["value"]))
