"""Soups: what averaging weights gains, and why."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.soup.by_hyperparameter import (
    SoupGroup,
    by_hyperparameter,
    numeric_hyperparameters,
    stream_by_hyperparameter,
)
from soupwidgets.topics.soup.pairs import PairGain, pair_gains
from soupwidgets.topics.soup.predictors import PREDICTORS, GainPredictor, gain_predictors
from soupwidgets.topics.soup.versus_ensemble import SoupVersusEnsemble, versus_ensemble

__all__ = [
    "PREDICTORS",
    "GainPredictor",
    "PairGain",
    "SoupGroup",
    "SoupVersusEnsemble",
    "by_hyperparameter",
    "gain_predictors",
    "numeric_hyperparameters",
    "pair_gains",
    "stream_by_hyperparameter",
    "versus_ensemble",
]

__getattr__ = on_demand(__name__)
