"""Figures of diversity: pure functions that turn results into plotly figures."""

from soupwidgets.topics.diversity.figures.helpers import helpers
from soupwidgets.topics.diversity.figures.pairs import PAIR_NUMBERS, PairNumber, divergence_strip, matrix
from soupwidgets.topics.diversity.figures.two_models import confidences, specialists

__all__ = ["PAIR_NUMBERS", "PairNumber", "confidences", "divergence_strip", "helpers", "matrix", "specialists"]
