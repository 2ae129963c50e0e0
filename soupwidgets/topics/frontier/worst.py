"""Scores of the worst class and of the worst slice, from outputs that were measured for the mean."""

from __future__ import annotations

from dataclasses import replace

from soupwidgets.evaluation import Evaluation, SplitScore, score_logits
from soupwidgets.stats.figure import Figure
from soupwidgets.stats.label_metrics import worst_share
from soupwidgets.suites import Suite

# The vertical axis of a suite's slices.
WORST_SLICE = "worst slice"


def by_worst_class(evaluation: Evaluation, suite: Suite) -> Evaluation:
    """The same model, scored on every split by the class that it gets right least often; nothing is computed again.

    Parameters
    ----------
    evaluation
        Exact, with outputs.
    suite
        On which it was measured.

    Returns
    -------
    Evaluation
        By the metric ``"worst_class"``, with the interval of a class that was not chosen beforehand.

    Raises
    ------
    SuiteError
        When examples have not one label.
    ValueError
        When there are no outputs, as of published accuracies.
    """
    scored, scores = suite.scored_by("worst_class"), {}
    for name, own in evaluation.scores.items():
        if own.load_logits is None:
            raise ValueError(f"there are no outputs on {name!r} to score by class: its accuracy alone is known")
        scores[name] = replace(score_logits(scored.splits[name], own.load_logits()), load_logits=own.load_logits)
    return Evaluation(evaluation.recipe, scores)


def slices_to_compare(suite: Suite) -> list[str]:
    """Names of the slices of which one is the worst: those with one label an image, if there are two at least.

    Slices of validation images are left out, as models are chosen by these.
    """
    if WORST_SLICE in suite.splits:
        return []
    found = [
        one.name
        for one in suite.slices
        if one.scoring.metric == "accuracy" and one.scoring.task == "single-label" and one.parent.role != "validation"
    ]
    return found if len(found) > 1 else []


def with_worst_slice(evaluation: Evaluation, suite: Suite) -> Evaluation:
    """The same model with one more score, that on its worst slice; as it was where there are no two slices.

    Parameters
    ----------
    evaluation
        Of the slices too.
    suite
        Which has them.

    Returns
    -------
    Evaluation
        With `WORST_SLICE`: the lowest of the slices' accuracies, with limits that contain that of the truly worst one.
    """
    names = [name for name in slices_to_compare(suite) if name in evaluation.scores]
    if len(names) < 2:
        return evaluation
    scores = [evaluation.scores[name] for name in names]
    found = Figure("accuracy", *worst_share([one.correct for one in scores], [one.seen for one in scores]))
    worst = min(scores, key=lambda one: one.correct / one.seen)
    added = SplitScore("slice", worst.total, worst.seen, worst.correct, worst.loss, figure=found)
    return Evaluation(evaluation.recipe, {**evaluation.scores, WORST_SLICE: added})
