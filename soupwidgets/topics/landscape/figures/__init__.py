"""Figures of landscapes: pure functions that turn results into plotly figures."""

from soupwidgets.topics.landscape.figures.alignment import alignment
from soupwidgets.topics.landscape.figures.barrier_matrix import barrier_matrix
from soupwidgets.topics.landscape.figures.block_profile import block_profile
from soupwidgets.topics.landscape.figures.contour import contour
from soupwidgets.topics.landscape.figures.line import line
from soupwidgets.topics.landscape.figures.point import point
from soupwidgets.topics.landscape.figures.sharpness import sharpness
from soupwidgets.topics.landscape.figures.splits import splits
from soupwidgets.topics.landscape.figures.surface import surface
from soupwidgets.topics.landscape.figures.weight_geometry import weight_geometry
from soupwidgets.topics.landscape.height import Quantity

__all__ = [
    "Quantity",
    "alignment",
    "barrier_matrix",
    "block_profile",
    "contour",
    "line",
    "point",
    "sharpness",
    "splits",
    "surface",
    "weight_geometry",
]
