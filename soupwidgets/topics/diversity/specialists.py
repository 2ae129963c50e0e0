"""Who knows what: classes and images on which one of two models is the better or the surer one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import softmax

from soupwidgets.stats.paired import PairedTest, mcnemar
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member


@dataclass(frozen=True)
class ClassSpecialist:
    """Two models on the images of one class.

    Parameters
    ----------
    name
        Of the class.
    images
        How many it has.
    accuracies
        Of each model (0..1).
    test
        McNemar's, with the difference (second minus first) and its interval.
    q_value
        The p-value adjusted for all classes being tested (Benjamini and Hochberg): among classes with a q-value
        below .05 some 5% are expected to be chance.
    """

    name: str
    images: int
    accuracies: tuple[float, float]
    test: PairedTest
    q_value: float


def class_specialists(first: Member, second: Member, suite: Suite, split: str) -> list[ClassSpecialist]:
    """Compare two models class by class.

    Parameters
    ----------
    first, second
        With predictions on the split.
    suite, split
        Where.

    Returns
    -------
    list[ClassSpecialist]
        Of the classes that have images, from where the first is best to where the second is.

    Notes
    -----
    False discovery rate: Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57.
    """
    where = suite.splits[split]
    right = first.right(where), second.right(where)
    found = []
    for label, name in enumerate(suite.class_names(split)):
        rows = where.labels == label
        if rows.any():
            found.append((name, rows, mcnemar(right[0][rows], right[1][rows])))
    adjusted = stats.false_discovery_control([test.p_value for _, _, test in found])
    specialists = [
        ClassSpecialist(
            name, int(rows.sum()), (float(right[0][rows].mean()), float(right[1][rows].mean())), test, float(q)
        )
        for (name, rows, test), q in zip(found, adjusted, strict=True)
    ]
    return sorted(specialists, key=lambda one: one.test.difference)


@dataclass(frozen=True, eq=False)
class Specialisation:
    """Two models' confidences, image by image.

    Parameters
    ----------
    first, second
        Names.
    split
        Where.
    confidences
        ``[images, 2]``: each model's highest probability, at its own temperature.
    right
        ``[images, 2]``: whether each is right.
    """

    first: str
    second: str
    split: str
    confidences: NDArray[np.float64]
    right: NDArray[np.bool_]

    @property
    def angles(self) -> NDArray[np.float64]:
        """atan2(c1, c2) - pi/4 of each image, in radians; this form of the angle is ours.

        It lies within -pi/4..pi/4: 0 where both are equally sure, above 0 where the first is surer.
        """
        return np.asarray(np.arctan2(self.confidences[:, 0], self.confidences[:, 1]) - np.pi / 4)

    @property
    def spread(self) -> float:
        """Root mean square of the angles (radians): 0 for two models that are sure of the same images."""
        return float(np.sqrt(np.mean(self.angles**2)))


def specialisation(first: Member, second: Member, suite: Suite, split: str) -> Specialisation:
    """How sure two models are of the same images.

    Parameters
    ----------
    first, second
        With logits on the split and on validation.
    suite, split
        Where.

    Notes
    -----
    After arXiv 2110.12899, section 4 (specialisation).
    """
    where = suite.splits[split]
    sure = [softmax(one.scaled(split, suite), axis=1).max(axis=1) for one in (first, second)]
    right = [one.right(where) for one in (first, second)]
    return Specialisation(first.name, second.name, split, np.stack(sure, axis=1), np.stack(right, axis=1))
