"""Accuracy against robustness: in-distribution (ID) accuracy and accuracy under shift (OOD)."""

from __future__ import annotations

from dataclasses import dataclass

from soupwidgets.evaluation import Evaluation


@dataclass(frozen=True)
class FrontierPoint:
    """One evaluation as a point of the frontier; accuracies and limits in 0..1."""

    id: float
    id_interval: tuple[float, float]
    ood: float
    ood_interval: tuple[float, float]


def point(evaluation: Evaluation, shift: str | None = None) -> FrontierPoint:
    """The position of an evaluation in the plane of ID and OOD accuracy, with 95% intervals.

    Parameters
    ----------
    evaluation
        Scores on the ID test and on the shifts.
    shift
        Name of one shift, or None for the mean over all of them, each with the
        same weight (arXiv 2109.01903, section 4).

    Raises
    ------
    KeyError
        When the evaluation lacks the shift or the ID test.
    """
    test = next((score for score in evaluation.scores.values() if score.role == "id_test"), None)
    if test is None:
        raise KeyError("the in-distribution test was not evaluated")
    if shift is None:
        return FrontierPoint(test.accuracy, test.interval, evaluation.shift_accuracy, evaluation.shift_interval)
    if shift not in evaluation.scores:
        raise KeyError(f"the shift {shift!r} was not evaluated")
    score = evaluation.scores[shift]
    return FrontierPoint(test.accuracy, test.interval, score.accuracy, score.interval)
