"""Screening: is a recipe good enough? Answered with as few images as possible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation.evaluator import Evaluator
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Split

# Large batches are fast, small ones stop early: the last images before a verdict go in small steps.
_LARGEST, _SMALLEST = 192, 32


@dataclass(frozen=True)
class Screening:
    """What is known about a recipe when the verdict is certain.

    Parameters
    ----------
    needed
        How many images had to be correct.
    looked_at
        How many images the verdict took, hardest first.
    correct
        How many of these were correct.
    total
        Number of images of the split.
    """

    needed: int
    looked_at: int
    correct: int
    total: int

    @property
    def exact(self) -> bool:
        """Whether every image was looked at."""
        return self.looked_at == self.total

    @property
    def at_most(self) -> int:
        """Upper bound on the number of correct images; the exact number when all were looked at."""
        return self.correct + self.total - self.looked_at


def screen(ev: Evaluator, recipe: Recipe, split: Split, order: NDArray[np.int64], needed: int) -> Screening:
    """Find out whether a recipe gets ``needed`` images right, and stop as soon as it no longer can.

    A recipe that passes has been measured in full and is in the store.

    Parameters
    ----------
    ev
        The evaluator.
    recipe
        The coefficients.
    split
        The images.
    order
        All positions of the split, with the images that are most likely wrong first.
    needed
        How many images must be correct.

    Returns
    -------
    Screening
        The verdict is the same as from counting all images.

    Raises
    ------
    PoolError
        When the recipe names a checkpoint that the pool lacks.
    """
    known = ev.stored(recipe, [split.name])
    if known is not None:
        return _replay(known.split_logits(split.name), split.labels, order, needed)
    total, seen, correct = len(split), 0, 0
    logits = np.empty((total, ev.suite.outputs), dtype=np.float32)
    while seen < total and correct + total - seen >= needed:
        # The search cannot end with fewer wrong images than this.
        missing = correct + total - seen - needed + 1
        rows = order[seen : seen + min(max(missing, _SMALLEST), _LARGEST)]
        images, labels = ev.batch(split, rows)
        found = ev.computation.outputs(recipe, images)
        logits[rows] = found.float().cpu().numpy()
        right = (found.argmax(dim=1) == labels) & found.isfinite().all(dim=1)
        correct += int(right.sum())
        seen += len(rows)
    if seen == total:
        ev.record(recipe, split, logits)
    return Screening(needed, seen, correct, total)


def _replay(logits: NDArray[np.float32], labels: NDArray[np.int64], order: NDArray[np.int64], needed: int) -> Screening:
    """The verdict from stored logits, with the number of images that would have been enough for it."""
    right = ((logits.argmax(axis=1) == labels) & np.isfinite(logits).all(axis=1))[order]
    wrong_so_far = np.cumsum(~right)
    hopeless = np.flatnonzero(wrong_so_far > len(right) - needed)
    seen = int(hopeless[0]) + 1 if len(hopeless) else len(right)
    return Screening(needed, seen, int(right[:seen].sum()), len(right))
