"""Methods: from a pool and its measurements to recipes."""

from soupwidgets.methods.batch_norm import recalibrate_batch_norm
from soupwidgets.methods.check import check_soup
from soupwidgets.methods.directions import random_neighbour
from soupwidgets.methods.ensemble import logit_ensemble
from soupwidgets.methods.fisher import fisher_soup
from soupwidgets.methods.greedy import GreedySoup, GreedyStep, greedy_soup, greedy_steps
from soupwidgets.methods.learned import LearnedEpoch, LearnedSoup, learned_soup, learned_steps
from soupwidgets.methods.merging import dare, ties
from soupwidgets.methods.slerp import slerp
from soupwidgets.methods.stock import model_stock
from soupwidgets.methods.sweep import Sweep, alpha_sweep
from soupwidgets.methods.task_vectors import ScaledArithmetic, lines, scaled_arithmetic, task_arithmetic
from soupwidgets.methods.trajectory import ema, lawa, swa
from soupwidgets.methods.uniform import uniform_soup
from soupwidgets.methods.wise_ft import wise_ft

__all__ = [
    "GreedySoup",
    "GreedyStep",
    "LearnedEpoch",
    "LearnedSoup",
    "ScaledArithmetic",
    "Sweep",
    "alpha_sweep",
    "check_soup",
    "dare",
    "ema",
    "fisher_soup",
    "greedy_soup",
    "greedy_steps",
    "lawa",
    "learned_soup",
    "learned_steps",
    "lines",
    "logit_ensemble",
    "model_stock",
    "random_neighbour",
    "recalibrate_batch_norm",
    "scaled_arithmetic",
    "slerp",
    "swa",
    "task_arithmetic",
    "ties",
    "uniform_soup",
    "wise_ft",
]
