"""Figures of soups: pure functions that turn results into plotly figures."""

from soupwidgets.topics.soup.figures.by_hyperparameter import by_hyperparameter
from soupwidgets.topics.soup.figures.by_tensor import by_tensor
from soupwidgets.topics.soup.figures.frontier import frontier
from soupwidgets.topics.soup.figures.greedy_trace import greedy_sentence, greedy_trace
from soupwidgets.topics.soup.figures.hyperparameter import hyperparameter
from soupwidgets.topics.soup.figures.learned_curve import learned_curve
from soupwidgets.topics.soup.figures.learned_trace import learned_trace
from soupwidgets.topics.soup.figures.pair_gains import pair_gains
from soupwidgets.topics.soup.figures.splits import splits
from soupwidgets.topics.soup.figures.versus_ensemble import versus_ensemble

__all__ = [
    "by_hyperparameter",
    "by_tensor",
    "frontier",
    "greedy_sentence",
    "greedy_trace",
    "hyperparameter",
    "learned_curve",
    "learned_trace",
    "pair_gains",
    "splits",
    "versus_ensemble",
]
