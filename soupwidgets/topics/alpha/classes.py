"""Accuracy of each class along alpha, and which classes lose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluation, right_answers
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.stats.multiple import adjusted_p_values
from soupwidgets.stats.paired import mcnemar
from soupwidgets.suites import Split, Suite


@dataclass(frozen=True, eq=False)
class ClassCurve:
    """Accuracy of one class along alpha.

    Parameters
    ----------
    name
        The class.
    images
        How many images of it the split has.
    alphas
        Rising, ``[alphas]``.
    accuracy
        0..1, ``[alphas]``.
    interval
        95% limits (Clopper-Pearson), ``[alphas, 2]``.
    """

    name: str
    images: int
    alphas: tuple[float, ...]
    accuracy: NDArray[np.float64]
    interval: NDArray[np.float64]


@dataclass(frozen=True)
class ClassChange:
    """How much better or worse one class is at one alpha than at another.

    Parameters
    ----------
    name, images
        The class, and how many images of it there are.
    before, after
        Accuracies (0..1) at the two alphas.
    interval
        95% limits of after minus before.
    p_value
        Of McNemar's exact test, adjusted for all classes at once (Benjamini and Hochberg).
    """

    name: str
    images: int
    before: float
    after: float
    interval: tuple[float, float]
    p_value: float

    @property
    def difference(self) -> float:
        """After minus before."""
        return self.after - self.before


def _with_one_label(split: Split) -> Split:
    if split.scoring.task != "single-label":
        raise ValueError(
            f"classes are compared where each example has one label; {split.name!r} has {split.scoring.task} labels"
        )
    return split


def class_curves(measured: Mapping[float, Evaluation], suite: Suite, split: Split | None = None) -> list[ClassCurve]:
    """Follow every class of a split along alpha.

    There is a curve for each class that the split has images of, in the order of the classes.

    Parameters
    ----------
    measured
        Alpha to an exact evaluation, at least one.
    split
        Where; the ID test when None.
    """
    where = _with_one_label(split or suite.id_test)
    alphas = sorted(measured)
    right = np.array([right_answers(measured[alpha], where) for alpha in alphas])
    found = []
    for label, name in enumerate(suite.class_names(where.name)):
        own = where.labels == label
        if own.any():
            correct, images = right[:, own].sum(axis=1), int(own.sum())
            interval = clopper_pearson(correct, images)
            found.append(ClassCurve(name, images, tuple(alphas), correct / images, interval))
    return found


def class_changes(before: Evaluation, after: Evaluation, suite: Suite, split: Split | None = None) -> list[ClassChange]:
    """Compare two models class by class, on the same images.

    There is a change for each class that the split has images of, the largest loss first.

    Parameters
    ----------
    before, after
        Exact evaluations.
    split
        Where; the ID test when None.

    Notes
    -----
    McNemar's exact test for each class; p-values are adjusted for the number of classes, since of many classes
    some lose by chance.
    """
    where = _with_one_label(split or suite.id_test)
    named = [(name, where.labels == label) for label, name in enumerate(suite.class_names(where.name))]
    return changes_of(before, after, where, [(name, own) for name, own in named if own.any()])


def changes_of(
    before: Evaluation, after: Evaluation, split: Split, groups: Iterable[tuple[str, NDArray[np.bool_]]]
) -> list[ClassChange]:
    """Compare two models on each of some groups of a split's images, ``[images]`` each; the largest loss first."""
    first, second = right_answers(before, split), right_answers(after, split)
    named = list(groups)
    tests = [mcnemar(first[own], second[own]) for _, own in named]
    adjusted = adjusted_p_values([test.p_value for test in tests])
    found = []
    for (name, own), test, p_value in zip(named, tests, adjusted, strict=True):
        share = float(first[own].mean())
        found.append(ClassChange(name, test.images, share, share + test.difference, test.interval, float(p_value)))
    return sorted(found, key=lambda change: change.difference)
