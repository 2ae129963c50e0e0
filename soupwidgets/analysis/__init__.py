"""Analysis: measurements into results. No model runs here and nothing is drawn."""

from soupwidgets.analysis.flips import Flip, find_flips
from soupwidgets.analysis.frontier import FrontierPoint, frontier_point
from soupwidgets.analysis.inspection import Inspection, inspect_checkpoint
from soupwidgets.analysis.kinship import Kinship, kinship

__all__ = [
    "Flip",
    "FrontierPoint",
    "Inspection",
    "Kinship",
    "find_flips",
    "frontier_point",
    "inspect_checkpoint",
    "kinship",
]
