"""Alpha: what changes on the straight line from a zero-shot to a fine-tuned model."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.alpha.along_alpha import AlongAlpha, Concavity, Diversity, along_alpha, concavity, diversity
from soupwidgets.topics.alpha.between import Between, between, confusion
from soupwidgets.topics.alpha.classes import ClassChange, ClassCurve, class_changes, class_curves
from soupwidgets.topics.alpha.flips import Flip, find_flips
from soupwidgets.topics.alpha.groups import group_changes, group_curves, groups_of, regressions

__all__ = [
    "ClassChange",
    "ClassCurve",
    "class_changes",
    "class_curves",
    "AlongAlpha",
    "Between",
    "Concavity",
    "Diversity",
    "Flip",
    "along_alpha",
    "between",
    "confusion",
    "concavity",
    "diversity",
    "find_flips",
    "group_changes",
    "group_curves",
    "groups_of",
    "regressions",
]

__getattr__ = on_demand(__name__)
