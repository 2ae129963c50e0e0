"""A first guess why a model made a mistake, for a reviewer to confirm or reject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soupwidgets.topics.mistakes.embeddings import Embeddings, nearness, typicality
from soupwidgets.topics.mistakes.multi_labels import MultiLabels
from soupwidgets.topics.mistakes.taxonomy import CATEGORIES

_FINE, _VOCABULARY, _SPURIOUS, _UNUSUAL = CATEGORIES
# Similar classes are nearer than three quarters of all pairs; unusual images are farther than nine tenths.
_SIMILAR, _RARE = 0.75, 0.1
_OFTEN = 2


@dataclass(frozen=True)
class Guess:
    """The likely kind of a mistake; an automatic guess that no reviewer has checked.

    Parameters
    ----------
    category
        One of `CATEGORIES`.
    reasons
        Reasons for the guess, as sentences.
    """

    category: str
    reasons: tuple[str, ...]


class MistakeGuesser:
    """Guesses the category of mistakes from similar classes, neighbouring images, and co-occurring labels.

    The rule is our own, based on the definitions of arXiv 2205.04596, section 4. Two classes are *similar* if their
    embeddings are nearer than three quarters of all pairs. An image is *unusual* if it is farther from its class's
    training images than nine tenths of them are from each other.

    - Similar classes: fine-grained; with out-of-vocabulary if the image is unusual for both classes.
    - Otherwise: spurious correlation if reviewed labels have the two together at least twice and more often than
      chance would; non-prototypical if the image is unusual for its class; else spurious correlation.

    Parameters
    ----------
    embedded
        Embeddings of the split.
    labels
        Labels of the split, ``[n]``.
    multi
        Reviewed labels, which show what occurs together.
    """

    def __init__(
        self,
        embedded: Embeddings,
        labels: NDArray[np.int64],
        classes: Sequence[str],
        *,
        multi: MultiLabels | None = None,
    ) -> None:
        self.embedded, self.labels, self.classes = embedded, labels, tuple(classes)
        similarity = embedded.classes @ embedded.classes.T
        self._similarity = similarity
        self._pairs = np.sort(similarity[np.triu_indices(len(similarity), 1)])
        self._typical = typicality(embedded)
        self._together = _co_occurrence(multi, len(self.classes))

    def __repr__(self) -> str:
        return f"MistakeGuesser({len(self.labels):,} images of {self.embedded.split!r}, {len(self.classes)} classes)"

    def similar(self, first: int, second: int) -> float:
        """Share of all pairs of classes that are farther apart than these two (0..1)."""
        return float(np.searchsorted(self._pairs, self._similarity[first, second], side="left") / len(self._pairs))

    def usual(self, row: int, label: int) -> float:
        """Share of a class's training images that are not nearer to the others than this image is (0..1)."""
        own = np.sort(self._typical[self.embedded.labels == label])
        if not len(own):
            return 1.0
        return float(np.searchsorted(own, nearness(self.embedded, row, label), side="right") / len(own))

    def guess(self, row: int, prediction: int) -> Guess:
        """Guess the category of one mistake.

        Raises
        ------
        ValueError
            When the prediction is correct: there is no mistake to explain.
        """
        label = int(self.labels[row])
        if prediction == label:
            raise ValueError(f"image {row} is {self.classes[label]!r}, and so was the prediction: no mistake")
        mine, other = self.classes[label], self.classes[prediction]
        near = self.similar(label, prediction)
        usual, other_usual = self.usual(row, label), self.usual(row, prediction)
        alike = f"{mine} and {other} are nearer to each other than {near:.0%} of all pairs of classes are"
        rare = f"nearer to the training images of {mine} than {usual:.0%} of them are to each other"
        if near >= _SIMILAR:
            if usual < _RARE and other_usual < _RARE:
                return Guess(_VOCABULARY, (alike, rare, f"and as unusual for {other} ({other_usual:.0%})"))
            return Guess(_FINE, (alike, rare))
        count, expected = self._together[0][label, prediction], self._together[1][label, prediction]
        if count >= _OFTEN and count > expected:
            together = f"reviewed labels have {mine} and {other} together {int(count)} times, {expected:.1f} by chance"
            return Guess(_SPURIOUS, (alike, together))
        return Guess(_UNUSUAL if usual < _RARE else _SPURIOUS, (alike, rare))


def _co_occurrence(multi: MultiLabels | None, classes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often two labels are both correct for one image, and how often that is expected by chance."""
    if multi is None or not multi.images:
        return np.zeros((classes, classes)), np.zeros((classes, classes))
    marks = np.zeros((len(multi.images), classes))
    for i, image in enumerate(multi.images.values()):
        marks[i, sorted(image.correct)] = 1
    often = marks.sum(axis=0)
    return marks.T @ marks, np.outer(often, often) / len(marks)
