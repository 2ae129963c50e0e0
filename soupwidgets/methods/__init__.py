"""Methods: from a pool and its measurements to recipes.

A soup method is a function of a file in this folder with the decorator `soup_method`; `all_methods` lists them. The
names below are written out for type checkers: a method is found without them.
"""

from typing import TYPE_CHECKING, Any

from soupwidgets.decorators import import_files
from soupwidgets.methods.adamerging import AdaMerged, adamerging, adamerging_steps
from soupwidgets.methods.alignment import Alignment, align
from soupwidgets.methods.breadcrumbs import breadcrumbs
from soupwidgets.methods.check import check_soup
from soupwidgets.methods.comparison import ComparedMethod, Comparison, compare
from soupwidgets.methods.consensus import consensus
from soupwidgets.methods.dawin import DaWin, dawin
from soupwidgets.methods.della import della
from soupwidgets.methods.directions import random_neighbour
from soupwidgets.methods.ensemble import logit_ensemble
from soupwidgets.methods.fisher import fisher_soup
from soupwidgets.methods.greedy import GreedySoup, GreedyStep, greedy_soup, greedy_steps
from soupwidgets.methods.grouped_wise_ft import AlphasByGroup, grouped_wise_ft
from soupwidgets.methods.learned import learned_soup, learned_steps
from soupwidgets.methods.learned_trace import HeldOut, Judged, LearnedEpoch, LearnedSoup
from soupwidgets.methods.merging import dare, ties
from soupwidgets.methods.method import Made, SoupMethod, all_methods, method_named, soup_method
from soupwidgets.methods.method import function_named as _function_named
from soupwidgets.methods.regmean import regmean
from soupwidgets.methods.singular_vectors import iso_c, monosoup, tsv_merge
from soupwidgets.methods.slerp import slerp
from soupwidgets.methods.stock import model_stock
from soupwidgets.methods.sweep import Sweep, alpha_sweep
from soupwidgets.methods.task_vectors import ScaledArithmetic, lines, scaled_arithmetic, task_arithmetic
from soupwidgets.methods.trajectory import ema, lawa, swa, swad
from soupwidgets.methods.uniform import uniform_soup
from soupwidgets.methods.wise_ft import wise_ft

__all__ = [
    "AdaMerged",
    "Alignment",
    "ComparedMethod",
    "Comparison",
    "DaWin",
    "GreedySoup",
    "GreedyStep",
    "AlphasByGroup",
    "HeldOut",
    "Judged",
    "LearnedEpoch",
    "LearnedSoup",
    "Made",
    "ScaledArithmetic",
    "SoupMethod",
    "Sweep",
    "adamerging",
    "adamerging_steps",
    "align",
    "all_methods",
    "alpha_sweep",
    "breadcrumbs",
    "check_soup",
    "compare",
    "consensus",
    "dare",
    "dawin",
    "della",
    "ema",
    "fisher_soup",
    "greedy_soup",
    "greedy_steps",
    "grouped_wise_ft",
    "iso_c",
    "lawa",
    "learned_soup",
    "learned_steps",
    "lines",
    "logit_ensemble",
    "method_named",
    "model_stock",
    "monosoup",
    "random_neighbour",
    "regmean",
    "scaled_arithmetic",
    "slerp",
    "soup_method",
    "swa",
    "swad",
    "task_arithmetic",
    "ties",
    "tsv_merge",
    "uniform_soup",
    "wise_ft",
]

import_files(__name__, __path__)

# Type checkers shall go on to find a name that is misspelt.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        function = _function_named(name)
        if function is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        return function
