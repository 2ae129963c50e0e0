"""Figures of diversity: pure functions that turn results into plotly figures."""

from soupwidgets.topics.diversity.figures.downstream import compressed_features, transfer
from soupwidgets.topics.diversity.figures.helpers import helper_gains, helpers
from soupwidgets.topics.diversity.figures.pairs import PAIR_NUMBERS, PairNumber, divergence_strip, matrix
from soupwidgets.topics.diversity.figures.representations import combined_features
from soupwidgets.topics.diversity.figures.two_models import confidences, specialists

__all__ = [
    "PAIR_NUMBERS",
    "PairNumber",
    "combined_features",
    "compressed_features",
    "confidences",
    "divergence_strip",
    "helper_gains",
    "helpers",
    "matrix",
    "specialists",
    "transfer",
]
