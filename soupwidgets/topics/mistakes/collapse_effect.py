"""How many mistakes are none once classes that mean the same are collapsed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from soupwidgets.stats.paired import PairedTest, mcnemar
from soupwidgets.suites import CollapsedClasses
from soupwidgets.topics.mistakes.multi_labels import MultiLabels


@dataclass(frozen=True)
class CollapseEffect:
    """What collapsing classes does to one model's mistakes.

    Parameters
    ----------
    before, after
        Numbers of mistakes.
    images
        Number of scored images.
    test
        The accuracy after minus that before, on the same images.
    pairs
        Label, prediction, and how many mistakes it removes; the most frequent first.
    perhaps_before, perhaps_after
        How many predictions are no mistakes only because reviewers are not sure that they are wrong: counted as right,
        as the authors do, and told apart here. 0 without reviewed labels.
    """

    before: int
    after: int
    images: int
    test: PairedTest
    pairs: tuple[tuple[str, str, int], ...]
    perhaps_before: int = 0
    perhaps_after: int = 0

    @property
    def removed(self) -> int:
        """How many mistakes are none."""
        return self.before - self.after


def collapse_effect(
    predictions: NDArray[np.int64],
    labels: NDArray[np.int64],
    given: CollapsedClasses,
    classes: Sequence[str],
    *,
    multi: MultiLabels | None = None,
) -> CollapseEffect:
    """Count the mistakes that collapsing classes removes.

    Parameters
    ----------
    predictions, labels
        Classes ``[n]``; a prediction of -1 means no class.
    given
        Which classes are collapsed. Its notes say why the prediction is the largest logit's, and no sum.
    classes
        Names of the classes.
    multi
        Reviewed labels: only images that they score count, and a mistake is a prediction that they do not accept.

    Raises
    ------
    SuiteError
        When a class is not among ``classes``.

    Examples
    --------
    >>> tub = CollapsedClasses({"bathtub": ["tub"]})
    >>> collapse_effect(np.array([1, 0, 0]), np.array([0, 1, 0]), tub, ["bathtub", "tub"]).pairs
    (('bathtub', 'tub', 1),)
    """
    perhaps = 0, 0
    if multi is None:
        rows = np.arange(len(labels))
        before, after = predictions == labels, given.right(predictions, labels, classes)
    else:
        rows = np.array(multi.scored, dtype=np.int64)
        merged = collapsed_labels(multi, given, classes)
        before, after = (one.right(predictions, multi.scored) for one in (multi, merged))
        perhaps = multi.perhaps(predictions, multi.scored), merged.perhaps(predictions, multi.scored)
    gained = rows[after & ~before].tolist()
    counted = Counter((classes[labels[row]], classes[predictions[row]]) for row in gained)
    pairs = tuple((label, said, times) for (label, said), times in counted.most_common())
    return CollapseEffect(int((~before).sum()), int((~after).sum()), len(rows), mcnemar(before, after), pairs, *perhaps)


def collapsed_labels(multi: MultiLabels, given: CollapsedClasses, classes: Sequence[str]) -> MultiLabels:
    """Reviewed labels in which what means the same as a correct or unclear class is correct or unclear too.

    Raises
    ------
    SuiteError
        When a class is not among ``classes``.
    """
    rows = list(multi.images)
    correct, unclear = (
        given.accepted([getattr(multi.images[row], kind) for row in rows], classes) for kind in ("correct", "unclear")
    )
    images = {
        row: replace(multi.images[row], correct=right, unclear=perhaps, wrong=multi.images[row].wrong - right - perhaps)
        for row, right, perhaps in zip(rows, correct, unclear, strict=True)
    }
    return MultiLabels(multi.split, images, multi.major)
