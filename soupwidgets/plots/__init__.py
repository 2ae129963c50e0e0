"""Plots: results into plotly figures; pure functions."""

from soupwidgets.plots.along_alpha import along_alpha
from soupwidgets.plots.alpha_curves import alpha_curves, alpha_curves_patch
from soupwidgets.plots.alpha_frontier import alpha_frontier, alpha_frontier_patch
from soupwidgets.plots.augmentations import (
    affinity_along_alpha,
    affinity_diversity,
    augmentation_curves,
    soups_by_hyperparameter,
)
from soupwidgets.plots.barrier_matrix import barrier_matrix
from soupwidgets.plots.block_profile import block_profile
from soupwidgets.plots.by_tensor import by_tensor
from soupwidgets.plots.diversity import (
    PAIR_NUMBERS,
    PairNumber,
    confidences,
    divergence_strip,
    diversity_matrix,
    helpers,
    specialists,
)
from soupwidgets.plots.greedy_trace import greedy_sentence, greedy_trace, greedy_trace_patch
from soupwidgets.plots.hyperparameter import hyperparameter
from soupwidgets.plots.image_spectrum import fourier_sensitivity, image_spectra
from soupwidgets.plots.label_noise import noise_fitting, noise_followed
from soupwidgets.plots.landscape_line import landscape_line
from soupwidgets.plots.landscape_plane import (
    Quantity,
    landscape_contour,
    landscape_contour_patch,
    landscape_splits,
    landscape_surface,
)
from soupwidgets.plots.learned_trace import learned_trace
from soupwidgets.plots.model_frontier import frontier, frontier_patch
from soupwidgets.plots.pair_gains import pair_gains
from soupwidgets.plots.patch import Patch, apply_patch, as_patch, text_alternative
from soupwidgets.plots.path_spectrum import (
    frequency_against_accuracy,
    frequency_along_alpha,
    path_predictions,
    path_spectra,
    path_spectra_patch,
)
from soupwidgets.plots.sharpness import sharpness
from soupwidgets.plots.soup_ensemble import soup_ensemble
from soupwidgets.plots.soup_frontier import soup_frontier, soup_frontier_patch
from soupwidgets.plots.soup_splits import soup_splits, soup_splits_patch
from soupwidgets.plots.split_accuracies import split_accuracies, split_accuracies_patch
from soupwidgets.plots.weight_geometry import weight_geometry

__all__ = [
    "PAIR_NUMBERS",
    "PairNumber",
    "Patch",
    "Quantity",
    "affinity_along_alpha",
    "affinity_diversity",
    "along_alpha",
    "alpha_curves",
    "alpha_curves_patch",
    "alpha_frontier",
    "alpha_frontier_patch",
    "apply_patch",
    "as_patch",
    "augmentation_curves",
    "barrier_matrix",
    "block_profile",
    "by_tensor",
    "confidences",
    "divergence_strip",
    "diversity_matrix",
    "fourier_sensitivity",
    "frequency_against_accuracy",
    "frequency_along_alpha",
    "frontier",
    "frontier_patch",
    "greedy_sentence",
    "greedy_trace",
    "greedy_trace_patch",
    "helpers",
    "hyperparameter",
    "image_spectra",
    "landscape_contour",
    "landscape_contour_patch",
    "landscape_line",
    "landscape_splits",
    "landscape_surface",
    "learned_trace",
    "noise_fitting",
    "noise_followed",
    "pair_gains",
    "path_predictions",
    "path_spectra",
    "path_spectra_patch",
    "sharpness",
    "soup_ensemble",
    "soup_frontier",
    "soup_frontier_patch",
    "soup_splits",
    "soup_splits_patch",
    "soups_by_hyperparameter",
    "specialists",
    "split_accuracies",
    "split_accuracies_patch",
    "text_alternative",
    "weight_geometry",
]
