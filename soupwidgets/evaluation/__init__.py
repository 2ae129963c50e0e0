"""Evaluation: recipes and splits into measurements."""

from soupwidgets.evaluation.evaluation import Evaluation, SplitScore
from soupwidgets.evaluation.evaluator import Evaluator
from soupwidgets.evaluation.intervals import clopper_pearson, mean_interval

__all__ = ["Evaluation", "Evaluator", "SplitScore", "clopper_pearson", "mean_interval"]
