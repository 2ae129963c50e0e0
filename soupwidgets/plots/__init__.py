"""Plots: results into plotly figures; pure functions."""

from soupwidgets.plots.alpha_curves import alpha_curves, alpha_curves_patch
from soupwidgets.plots.alpha_frontier import alpha_frontier, alpha_frontier_patch
from soupwidgets.plots.patch import Patch, apply_patch, text_alternative
from soupwidgets.plots.split_accuracies import split_accuracies, split_accuracies_patch

__all__ = [
    "Patch",
    "alpha_curves",
    "alpha_curves_patch",
    "alpha_frontier",
    "alpha_frontier_patch",
    "apply_patch",
    "split_accuracies",
    "split_accuracies_patch",
    "text_alternative",
]
