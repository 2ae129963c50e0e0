"""Analysis: measurements into results. No model runs here and nothing is drawn."""

from soupwidgets.analysis.flips import Flip, find_flips
from soupwidgets.analysis.frontier import FrontierPoint, frontier_point

__all__ = ["Flip", "FrontierPoint", "find_flips", "frontier_point"]
