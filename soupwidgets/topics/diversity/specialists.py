"""Specialists: classes and images on which one of two models is better or more confident."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
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
        Name of the class.
    images
        Number of its images.
    accuracies
        Accuracy of each model (0..1).
    test
        McNemar's test, with the difference (second minus first) and its interval.
    q_value
        The p-value adjusted for testing all classes (Benjamini and Hochberg): among classes with a q-value
        below .05 about 5% are expected to be due to chance.
    """

    name: str
    images: int
    accuracies: tuple[float, float]
    test: PairedTest
    q_value: float


def class_specialists(first: Member, second: Member, suite: Suite, split: str) -> list[ClassSpecialist]:
    """Compare two models class by class.

    They are the classes that have images, from the first model's best to the second model's best.

    Parameters
    ----------
    first, second
        Models with predictions on the split.

    Notes
    -----
    False discovery rate: Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57.
    """
    from scipy import stats

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
        Names of the models.
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
        """atan2(c1, c2) - pi/4 for each image, in radians; this definition of the angle is our own.

        It lies within -pi/4..pi/4: 0 if both are equally confident, positive if the first is more confident.
        """
        return np.asarray(np.arctan2(self.confidences[:, 0], self.confidences[:, 1]) - np.pi / 4)

    @property
    def spread(self) -> float:
        """Root mean square of the angles (radians): 0 for two models with the same confidence in every image."""
        return float(np.sqrt(np.mean(self.angles**2)))


def specialisation(first: Member, second: Member, suite: Suite, split: str) -> Specialisation:
    """Compare the confidence of two models on the same images.

    Parameters
    ----------
    first, second
        Models with logits on the split and on validation.

    Notes
    -----
    After arXiv 2110.12899, section 4 (specialisation).
    """
    where = suite.splits[split]
    sure = [softmax(one.scaled(split, suite), axis=1).max(axis=1) for one in (first, second)]
    right = [one.right(where) for one in (first, second)]
    return Specialisation(first.name, second.name, split, np.stack(sure, axis=1), np.stack(right, axis=1))
