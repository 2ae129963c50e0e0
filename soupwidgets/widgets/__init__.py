"""Widgets: figures made live. The only room that imports ipywidgets."""

from soupwidgets.widgets.alpha_explorer import AlphaExplorer
from soupwidgets.widgets.drag_slider import DragSlider
from soupwidgets.widgets.live_figure import LiveFigure

__all__ = ["AlphaExplorer", "DragSlider", "LiveFigure"]
