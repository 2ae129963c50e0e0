"""What a mixture gets right that neither of its ends does, and the reverse; and which classes it takes for which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluation, right_answers
from soupwidgets.suites import Split


@dataclass(frozen=True)
class Between:
    """Examples by whether the first end, the last end and the mixture are right.

    Parameters
    ----------
    counts
        ``(first, last, mixture)`` to the number of examples, for all eight cases.
    gained
        Places of the examples that both ends miss and the mixture gets (false, false, true).
    lost
        Places of those that both ends get and the mixture misses (true, true, false).
    """

    counts: dict[tuple[bool, bool, bool], int]
    gained: NDArray[np.int64]
    lost: NDArray[np.int64]

    @property
    def examples(self) -> int:
        """How many there are."""
        return sum(self.counts.values())


def between(first: Evaluation, last: Evaluation, mixture: Evaluation, split: Split) -> Between:
    """Compare a mixture with both of its ends, example by example.

    Parameters
    ----------
    first, last, mixture
        Exact evaluations.
    split
        Where.

    Raises
    ------
    ValueError
        When answers are not right or wrong.

    Notes
    -----
    Lin et al., arXiv 2309.17230, count the former as 'FalseFalseTrue', and explain with them why a mixture may be
    better than both ends under distribution shift.
    """
    right = np.stack([right_answers(one, split) for one in (first, last, mixture)])
    code = 4 * right[0] + 2 * right[1] + right[2]
    sizes = np.bincount(code, minlength=8)
    counts = {(bool(i & 4), bool(i & 2), bool(i & 1)): int(sizes[i]) for i in range(8)}
    return Between(counts, np.flatnonzero(code == 1), np.flatnonzero(code == 6))


def confusion(evaluation: Evaluation, split: Split, classes: int) -> NDArray[np.int64]:
    """How often each class is taken for each class.

    Parameters
    ----------
    evaluation
        Exact.
    split
        With one label an example.
    classes
        How many there are.

    Returns
    -------
    NDArray[int64]
        ``[labels, predictions]``; examples with a logit that is not finite are left out.

    Raises
    ------
    ValueError
        When an example has not one label.
    """
    if split.scoring.task != "single-label":
        raise ValueError(f"{split.name!r} has {split.scoring.task} labels, and no class is taken for another")
    logits = evaluation.split_logits(split.name)
    finite = np.isfinite(logits).all(axis=1)
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (split.labels[finite], logits[finite].argmax(axis=1)), 1)
    return table
