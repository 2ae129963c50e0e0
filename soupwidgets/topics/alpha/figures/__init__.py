"""Figures of alpha: pure functions that turn results into plotly figures."""

from soupwidgets.topics.alpha.figures.along import along
from soupwidgets.topics.alpha.figures.classes import classes
from soupwidgets.topics.alpha.figures.confusion import confusion
from soupwidgets.topics.alpha.figures.curves import curves
from soupwidgets.topics.alpha.figures.frontier import frontier
from soupwidgets.topics.alpha.figures.image_path import image_path
from soupwidgets.topics.alpha.figures.kinds import kinds
from soupwidgets.topics.alpha.figures.splits import splits

__all__ = [
    "along",
    "classes",
    "confusion",
    "image_path",
    "kinds",
    "curves",
    "frontier",
    "splits",
]
