"""The images whose prediction changes between two models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Flip:
    """One image on which two models disagree.

    Parameters
    ----------
    index
        Position of the image in its split.
    label
        Its class according to the data set.
    before, after
        What the two models predict.
    crossing
        Where between the two models (0..1) the decision would change if logits changed
        linearly; used to order flips, not a measurement.
    """

    index: int
    label: int
    before: int
    after: int
    crossing: float

    @property
    def fixed(self) -> bool:
        """The first model was wrong and the second is right."""
        return self.after == self.label

    @property
    def broken(self) -> bool:
        """The first model was right and the second is wrong."""
        return self.before == self.label


def find_flips(before: NDArray[np.float32], after: NDArray[np.float32], labels: NDArray[np.int64]) -> list[Flip]:
    """All images whose predicted class changes, ordered by where the change happens.

    Parameters
    ----------
    before, after
        Logits ``[images, classes]`` of two models on one split.
    labels
        Classes ``[images]``.

    Raises
    ------
    ValueError
        When the shapes do not match.

    Examples
    --------
    >>> one = np.array([[2.0, 0.0]], dtype=np.float32)
    >>> two = np.array([[0.0, 2.0]], dtype=np.float32)
    >>> find_flips(one, two, np.array([1]))
    [Flip(index=0, label=1, before=0, after=1, crossing=0.5)]
    """
    if before.shape != after.shape or len(labels) != len(before):
        raise ValueError(
            f"logits of shapes {before.shape} and {after.shape} with {len(labels)} labels do not belong together"
        )
    old, new = before.argmax(axis=1), after.argmax(axis=1)
    rows = np.flatnonzero(old != new)
    lead_before = before[rows, old[rows]] - before[rows, new[rows]]
    lead_after = after[rows, new[rows]] - after[rows, old[rows]]
    total = lead_before + lead_after
    crossing = np.divide(lead_before, total, out=np.full(len(rows), 0.5, np.float32), where=total > 0)
    flips = [
        Flip(int(row), int(labels[row]), int(old[row]), int(new[row]), float(place))
        for row, place in zip(rows, crossing, strict=True)
    ]
    return sorted(flips, key=lambda flip: (flip.crossing, flip.index))
