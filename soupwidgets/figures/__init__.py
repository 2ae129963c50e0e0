"""What all figures share: colours, axes, words, and how a figure leaves the package."""

from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.finishing import finished, text_alternative

__all__ = ["Drawing", "figure", "finished", "text_alternative"]
