"""Specialists: classes and images on which one of two models is better or more confident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.intervals import LEVEL
from soupwidgets.stats.multiple import adjusted_p_values
from soupwidgets.stats.paired import PairedTest, mcnemar
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member


@dataclass(frozen=True)
class ClassSpecialist:
    """Two models on the images of one class, or of one superclass.

    Parameters
    ----------
    name
        Name of the class or superclass.
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


def class_specialists(
    first: Member,
    second: Member,
    suite: Suite,
    split: str,
    *,
    superclasses: Mapping[str, Sequence[str]] | None = None,
) -> list[ClassSpecialist]:
    """Compare two models class by class, or superclass by superclass.

    They are the classes that have images, from the first model's best to the second model's best.

    Parameters
    ----------
    first, second
        Models with predictions on the split.
    superclasses
        By name: the classes that each consists of, such as nature and what people made. Every class for itself when
        None; a class that is in none is left out.

    Raises
    ------
    ValueError
        When a superclass names a class that the split does not have.

    Notes
    -----
    arXiv 2110.12899, section 4.4, which compares confidences by class. False discovery rate: Benjamini and Hochberg
    (1995), Journal of the Royal Statistical Society B 57.
    """
    where = suite.splits[split]
    right = first.right(where), second.right(where)
    found = []
    for name, rows in rows_by_class(suite, split, superclasses).items():
        if rows.any():
            found.append((name, rows, mcnemar(right[0][rows], right[1][rows])))
    adjusted = adjusted_p_values([test.p_value for _, _, test in found])
    specialists = [
        ClassSpecialist(
            name, int(rows.sum()), (float(right[0][rows].mean()), float(right[1][rows].mean())), test, float(q)
        )
        for (name, rows, test), q in zip(found, adjusted, strict=True)
    ]
    return sorted(specialists, key=lambda one: one.test.difference)


def rows_by_class(
    suite: Suite, split: str, superclasses: Mapping[str, Sequence[str]] | None = None
) -> dict[str, NDArray[np.bool_]]:
    """For each class or superclass of a split, which images are of it, ``[images]``; raises as `class_specialists`."""
    names = suite.class_names(split)
    for title, classes in (superclasses or {}).items():
        strange = [name for name in classes if name not in names]
        if strange:
            raise ValueError(
                f"the superclass {title!r:.200} names {strange[0]!r:.200}; {split!r} has the classes {', '.join(names)}"
            )
    labels = suite.splits[split].labels
    groups = {name: [name] for name in names} if superclasses is None else superclasses
    return {title: np.isin(labels, [names.index(name) for name in of]) for title, of in groups.items()}


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

    def mean_angle(self, rows: NDArray[np.bool_]) -> Estimate:
        """Mean angle of some images ``[images]``, in radians, with its normal 95% interval; NaN if there are none.

        Models that specialise are more confident where they are right: above 0 where only the first is, below 0 where
        only the second is.
        """
        from scipy import stats

        angles = self.angles[rows]
        if not len(angles):
            return Estimate(float("nan"), float("nan"), float("nan"))
        mean, margin = float(angles.mean()), float("nan")
        if len(angles) > 1:
            margin = float(stats.norm.ppf(0.5 + LEVEL / 2) * angles.std(ddof=1) / np.sqrt(len(angles)))
        return Estimate(mean, mean - margin, mean + margin)

    @property
    def only_first(self) -> NDArray[np.bool_]:
        """Which images only the first model has right, ``[images]``."""
        return self.right[:, 0] & ~self.right[:, 1]

    @property
    def only_second(self) -> NDArray[np.bool_]:
        """Which images only the second model has right, ``[images]``."""
        return ~self.right[:, 0] & self.right[:, 1]


def specialisation(first: Member, second: Member, suite: Suite, split: str) -> Specialisation:
    """Compare the confidence of two models on the same images.

    Parameters
    ----------
    first, second
        Models with logits on the split and on validation.

    Notes
    -----
    After arXiv 2110.12899, section 4.3 and figure 3.
    """
    where = suite.splits[split]
    sure = [softmax(one.scaled(split, suite), axis=1).max(axis=1) for one in (first, second)]
    right = [one.right(where) for one in (first, second)]
    return Specialisation(first.name, second.name, split, np.stack(sure, axis=1), np.stack(right, axis=1))
