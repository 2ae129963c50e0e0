"""Scores of the worst class, slice or group on validation images, by which an alpha may be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from soupwidgets.evaluation import Evaluation, right_answers
from soupwidgets.stats.figure import Figure
from soupwidgets.stats.label_metrics import worst_share
from soupwidgets.suites import Suite
from soupwidgets.topics.alpha.groups import groups_of


def worst_scores(
    measured: Mapping[float, Evaluation], suite: Suite, by: Literal["class", "slice", "group"] = "class"
) -> dict[float, Figure]:
    """The validation accuracy at each alpha of the class, slice or group that has the lowest there.

    Parameters
    ----------
    measured
        Alpha to an exact evaluation.
    by
        As in `groups_of`; slices are those of the validation split, as test images choose nothing.

    Returns
    -------
    dict[float, Figure]
        For `soupwidgets.Sweep.best_alpha` and `soupwidgets.Sweep.most_robust_alpha`. The limits contain the accuracy of
        the truly worst one.

    Raises
    ------
    ValueError
        When the validation split has none of the kind.

    Examples
    --------
    >>> import soupwidgets as sw
    >>> ev = getfixture("small_evaluator")
    >>> sweep = sw.alpha_sweep(ev, "ft-03", alphas=3, progress=False)
    >>> sweep.most_robust_alpha(worst_scores(sweep.evaluations, ev.suite)) <= sweep.best_alpha()
    True
    """
    where = suite.validation
    groups = groups_of(suite, where, by)
    found = {}
    for alpha, evaluation in sorted(measured.items()):
        right = right_answers(evaluation, where)
        correct, images = (
            [int(right[own].sum()) for own in groups.values()],
            [int(own.sum()) for own in groups.values()],
        )
        found[alpha] = Figure("accuracy", *worst_share(correct, images))
    return found
