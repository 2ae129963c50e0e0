"""Alpha: what changes on the straight line from a zero-shot to a fine-tuned model."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.alpha.along_alpha import AlongAlpha, Concavity, Diversity, along_alpha, concavity, diversity
from soupwidgets.topics.alpha.between import Between, between, confusion
from soupwidgets.topics.alpha.classes import ClassChange, ClassCurve, class_changes, class_curves
from soupwidgets.topics.alpha.flips import Flip, find_flips
from soupwidgets.topics.alpha.groups import group_changes, group_curves, groups_of, regressions
from soupwidgets.topics.alpha.judged_file import JudgedMistake, read_judged
from soupwidgets.topics.alpha.kinds import Judged, KindCurve, mistake_kinds
from soupwidgets.topics.alpha.worst import worst_scores

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
    "Judged",
    "JudgedMistake",
    "KindCurve",
    "along_alpha",
    "between",
    "confusion",
    "concavity",
    "diversity",
    "find_flips",
    "group_changes",
    "group_curves",
    "groups_of",
    "mistake_kinds",
    "read_judged",
    "regressions",
    "worst_scores",
]

__getattr__ = on_demand(__name__)
