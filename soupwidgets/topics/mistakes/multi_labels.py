"""Labels that are acceptable besides an image's original one: multi-label accuracy, and slices of major mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from soupwidgets.stats.intervals import class_mean_interval, clopper_pearson
from soupwidgets.suites import Split

# Two accuracies that differ on the same slice: wherever one is shown, it is labelled with its name.
SINGLE_LABEL = "single-label accuracy"
MULTI_LABEL = "multi-label accuracy"


@dataclass(frozen=True)
class ImageLabels:
    """Labels that reviewers gave to one image.

    Parameters
    ----------
    correct
        Classes that are correct.
    unclear
        Classes for which reviewers could not say whether they are correct.
    wrong
        Classes that are wrong.
    problematic
        Whether the image should be left out of scores.
    """

    correct: frozenset[int] = frozenset()
    unclear: frozenset[int] = frozenset()
    wrong: frozenset[int] = frozenset()
    problematic: bool = False

    @property
    def accepted(self) -> frozenset[int]:
        """Predictions that count as correct."""
        return self.correct | self.unclear


@dataclass(frozen=True)
class MultiLabels:
    """Reviewed labels of one split.

    Parameters
    ----------
    split
        Its name.
    images
        Row of an image to its labels; images that were not reviewed are left out.
    major
        Rows of the 'major' slice: images on which a mistake matters.
    """

    split: str
    images: Mapping[int, ImageLabels]
    major: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def scored(self) -> tuple[int, ...]:
        """Rows that count, in order: reviewed, and not problematic."""
        return tuple(sorted(row for row, image in self.images.items() if not image.problematic))

    @property
    def label_sets(self) -> dict[int, frozenset[int]]:
        """Accepted classes of every image that counts, for `Suite.with_label_sets`."""
        return {row: self.images[row].accepted for row in self.scored}

    def right(self, predictions: NDArray[np.int64], rows: Iterable[int]) -> NDArray[np.bool_]:
        """Whether each row's prediction is among the accepted labels."""
        return np.array([int(predictions[row]) in self.images[row].accepted for row in rows], dtype=bool)

    def perhaps(self, predictions: NDArray[np.int64], rows: Iterable[int]) -> int:
        """How many predictions on these images count as right only because nobody is sure that they are wrong."""
        known = [(self.images[row], int(predictions[row])) for row in rows]
        return sum(said in image.unclear and said not in image.correct for image, said in known)

    def completed(self, split: Split) -> MultiLabels:
        """The same, with each image's original label accepted too, unless reviewers have judged that label.

        This completes a review of mistakes only: labels that nobody questioned stay correct.
        """
        known = {row: ImageLabels(frozenset({int(label)})) for row, label in enumerate(split.labels)}
        for row, image in self.images.items():
            (label,) = known[row].correct
            said = label in image.correct | image.unclear | image.wrong
            known[row] = image if said else replace(image, correct=image.correct | {label})
        return MultiLabels(self.split, known, self.major)


@dataclass(frozen=True)
class MultiLabelScore:
    """Multi-label accuracy of one model.

    Parameters
    ----------
    accuracy, low, high
        `MULTI_LABEL`: mean over the original classes (0..1), with its 95% interval (`class_mean_interval`), which
        is valid however few images a class has.
    right, images
        Number of correct images, and of scored images.
    problematic
        Number of images skipped as problematic.
    classes, missing
        Number of original classes with an image to score, and of those without, which are not in the mean.
    single_label
        `SINGLE_LABEL`: by the original label, on the same images and as the same mean over classes.
    perhaps
        How many of those that are right are right only by labels of which reviewers said 'perhaps'.
    """

    accuracy: float
    low: float
    high: float
    right: int
    images: int
    problematic: int
    classes: int
    missing: int
    single_label: float
    perhaps: int = 0


def multi_label_accuracy(
    predictions: NDArray[np.int64], labels: NDArray[np.int64], multi: MultiLabels, classes: int
) -> MultiLabelScore:
    """Accuracy when an image may have several correct labels.

    A prediction is correct if it is among the correct or unclear labels; problematic images are skipped; accuracy
    is computed for each original class and then averaged over classes. If some classes have no image
    to score, the mean is over the classes that have one, and ``missing`` counts the others.

    Parameters
    ----------
    predictions, labels
        Predicted and original class of every image of the split, ``[n]``; a prediction of -1 means no class.
    classes
        Number of classes.

    Raises
    ------
    ValueError
        When a row is not in the split, or no image can be scored.

    Notes
    -----
    Shankar et al., 'Evaluating machine accuracy on ImageNet' (2020), section 3; Vasudevan et al., arXiv 2205.04596,
    section 2. The rule for missing classes is our own.

    Examples
    --------
    >>> reviewed = MultiLabels("test", {0: ImageLabels(frozenset({0, 1})), 1: ImageLabels(frozenset({1}))})
    >>> score = multi_label_accuracy(np.array([1, 0]), np.array([0, 1]), reviewed, 10)
    >>> score.accuracy, score.single_label, score.missing
    (0.5, 0.0, 8)
    """
    if len(predictions) != len(labels):
        raise ValueError(f"{len(predictions):,} predictions for {len(labels):,} labels")
    outside = [row for row in (*multi.images, *multi.major) if not 0 <= row < len(labels)]
    if outside:
        raise ValueError(f"the split has images 0..{len(labels) - 1}, not {outside[:5]}")
    if not multi.scored:
        raise ValueError("no image to score: either all reviewed images are problematic, or none was reviewed")
    rows = np.array(multi.scored)
    right = multi.right(predictions, multi.scored)
    single = predictions[rows] == labels[rows]
    present, place, counts = np.unique(labels[rows], return_inverse=True, return_counts=True)
    correct = np.bincount(place, weights=right)
    low, high = class_mean_interval(correct, counts)
    return MultiLabelScore(
        float(np.mean(correct / counts)),
        low,
        high,
        int(right.sum()),
        len(rows),
        len(multi.images) - len(rows),
        len(present),
        classes - len(present),
        float(np.mean(np.bincount(place, weights=single) / counts)),
        multi.perhaps(predictions, multi.scored),
    )


@dataclass(frozen=True)
class SliceScore:
    """How many images of a slice a model classifies correctly, by all labels that reviewers accept: `MULTI_LABEL`.

    As an axis or a table row, a slice has one label per image: that is `SINGLE_LABEL`, a different number.

    Parameters
    ----------
    right, images
        The counts, as published for ImageNet-M (68 images).
    interval
        95% Clopper-Pearson interval of the share of correct images.
    perhaps
        How many of those that are right are right only by labels of which reviewers said 'perhaps'.
    metric
        The name under which to show it.
    """

    right: int
    images: int
    interval: tuple[float, float]
    perhaps: int = 0
    metric: str = MULTI_LABEL

    @property
    def accuracy(self) -> float:
        """The share of correct images, 0..1."""
        return self.right / self.images

    @property
    def words(self) -> str:
        """The counts, with those that are perhaps right told apart."""
        return f"{self.right} of {self.images}{self._apart}"

    def __str__(self) -> str:
        return f"{self.metric} {self.accuracy:.1%}: {self.right} of {self.images} images{self._apart}"

    @property
    def _apart(self) -> str:
        return f", {self.perhaps} of them perhaps" if self.perhaps else ""


def slice_score(predictions: NDArray[np.int64], multi: MultiLabels, *, rows: Sequence[int] | None = None) -> SliceScore:
    """Count the correct images of a slice, by all labels that reviewers accept (`MULTI_LABEL`).

    Parameters
    ----------
    predictions
        Predicted class of every image of the split, ``[n]``.
    rows
        The slice; the 'major' one when None.

    Raises
    ------
    ValueError
        When the slice is empty, or an image of it has no reviewed labels.

    Notes
    -----
    arXiv 2205.04596, section 5 (ImageNet-M): standard top-1 against correct or unclear labels.
    """
    chosen = multi.major if rows is None else rows
    if not chosen:
        raise ValueError("the slice has no images")
    unknown = [row for row in chosen if row not in multi.images]
    if unknown:
        raise ValueError(f"no reviewed labels for images {unknown[:5]} of the slice")
    right = int(multi.right(predictions, chosen).sum())
    low, high = clopper_pearson(right, len(chosen))
    return SliceScore(right, len(chosen), (float(low), float(high)), multi.perhaps(predictions, chosen))
