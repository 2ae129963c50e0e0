"""What all figures share: colours, axes, words, and how a figure leaves the package."""

from soupwidgets.figures.drawing import Drawing, figure, text_alternative

__all__ = ["Drawing", "figure", "text_alternative"]
