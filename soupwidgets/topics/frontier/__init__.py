"""The frontier: accuracy against robustness of every measured model, and of published ones."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.frontier.models import Frontier, FrontierModel, describe, models
from soupwidgets.topics.frontier.point import FrontierPoint, point
from soupwidgets.topics.frontier.published import (
    PublishedModels,
    canonical,
    matching_points,
    read_accuracy_table,
    read_individual_results,
    read_results_jsonl,
    why_unmatched,
)
from soupwidgets.topics.frontier.robustness import Baseline, EffectiveRobustness, effective_robustness, fit_baseline
from soupwidgets.topics.frontier.worst import WORST_SLICE, by_worst_class, with_worst_slice

__all__ = [
    "Baseline",
    "EffectiveRobustness",
    "Frontier",
    "FrontierModel",
    "FrontierPoint",
    "PublishedModels",
    "WORST_SLICE",
    "by_worst_class",
    "canonical",
    "describe",
    "effective_robustness",
    "fit_baseline",
    "matching_points",
    "models",
    "point",
    "read_accuracy_table",
    "read_individual_results",
    "read_results_jsonl",
    "why_unmatched",
    "with_worst_slice",
]

__getattr__ = on_demand(__name__)
