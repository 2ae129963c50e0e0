"""Methods: from a pool and its measurements to recipes."""

from soupwidgets.methods.soups import GreedySoup, GreedyStep, greedy_soup, uniform_soup
from soupwidgets.methods.sweep import Sweep, alpha_sweep
from soupwidgets.methods.wise_ft import wise_ft

__all__ = ["GreedySoup", "GreedyStep", "Sweep", "alpha_sweep", "greedy_soup", "uniform_soup", "wise_ft"]
