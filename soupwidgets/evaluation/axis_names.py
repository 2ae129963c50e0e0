"""Names for the accuracy on a split: in figures, in tables, and on the command line."""

from __future__ import annotations

from soupwidgets.evaluation.evaluation import Evaluation
from soupwidgets.stats.label_metrics import LABEL_SET_METRICS
from soupwidgets.translation import gettext as _


def split_label(evaluation: Evaluation, name: str) -> str:
    """What a split is called in a figure; a slice says which of its two accuracies this is."""
    names = {"validation": _("validation"), "id_test": _("ID test")}
    return names.get(evaluation.scores[name].role) or column_label(evaluation, name)


def column_label(evaluation: Evaluation, name: str) -> str:
    """A split's own name, for a column of a table; a slice says which of its two accuracies this is."""
    score = evaluation.scores[name]
    if score.role != "slice":
        return name
    several = score.metric in LABEL_SET_METRICS
    return (_("{split} (multi-label)") if several else _("{split} (single-label)")).format(split=name)


def ood_name(shift: str | None, evaluation: Evaluation) -> str:
    """The label of an axis of out-of-distribution accuracy; None means the mean over shifts."""
    if shift is None:
        return _("Mean OOD")
    score = evaluation.scores.get(shift)
    if score is not None and score.role == "slice":
        return split_label(evaluation, shift)
    return _("OOD ({split})").format(split=shift)
