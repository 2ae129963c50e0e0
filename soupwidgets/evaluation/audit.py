"""Making sure that every prediction of a pass in bfloat16 is the one that float32 gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation.evaluation import Logits
from soupwidgets.suites import ClassMap

# Before these many examples were compared, nothing is known about the rounding.
_ENOUGH = 128
# Examples that are checked at random: one in so many, and at least so many.
_CHECKED, _FEWEST = 64, 32
# How much larger than any error seen an example's error is allowed to be.
_SAFETY = 2.0


class Rounding:
    """What is known about the errors of one recipe's logits in bfloat16, from examples computed in both precisions.

    The errors of two logits of an example have much in common, the more so the more alike the two classes are:
    what matters for a prediction is their difference. It is counted in its own standard deviation, which is known for
    every pair of classes.

    Attributes
    ----------
    compared
        How many examples were computed in both precisions.
    largest
        The largest difference between the errors of the predicted class and another one, in standard deviations.
    """

    def __init__(self) -> None:
        self.compared = 0
        self.largest = 0.0
        self._moments: NDArray[np.float64] | None = None

    @property
    def allowance(self) -> float:
        """Classes whose logits lie closer than this many standard deviations may change places in float32."""
        return _SAFETY * self.largest

    def add(self, errors: NDArray[np.float32], best: NDArray[np.int64]) -> NDArray[np.float64]:
        """Learn from errors ``[n, logits]``, given the best logit of each example; returns the largest of each."""
        finite = np.isfinite(errors).all(axis=1)
        known = errors[finite].astype(np.float64)
        moments: NDArray[np.float64] = known.T @ known
        self._moments = moments if self._moments is None else self._moments + moments
        self.compared += len(errors)
        found = np.zeros(len(errors))
        found[finite] = self._scaled(np.abs(_beside(known, best[finite])), best[finite]).max(axis=1, initial=0.0)
        self.largest = max(self.largest, float(found.max(initial=0.0)))
        return found

    def margins(self, logits: Logits, best: NDArray[np.int64]) -> NDArray[np.float64]:
        """How far the best logit of each example is above the nearest other one, ``[n]`` in standard deviations."""
        gaps = self._scaled(_beside(logits, best), best)
        np.put_along_axis(gaps, best[:, None], np.inf, axis=1)
        nearest: NDArray[np.float64] = gaps.min(axis=1)
        return nearest

    def _scaled(self, gaps: NDArray[Any], best: NDArray[np.int64]) -> NDArray[np.float64]:
        assert self._moments is not None
        squares = np.diag(self._moments)
        variances = (squares[:, None] + squares - 2 * self._moments) / self.compared
        # Classes whose errors are equal cannot change places: the smallest positive number keeps their order.
        scales: NDArray[np.float64] = np.sqrt(np.maximum(variances, 1e-30))
        scaled: NDArray[np.float64] = gaps / scales[best]
        return scaled


def _beside(values: NDArray[Any], best: NDArray[np.int64]) -> NDArray[Any]:
    """How far the value of the best is above each of the others, ``[n, logits]``."""
    found: NDArray[Any] = np.take_along_axis(values, best[:, None], axis=1) - values
    return found


class Audit:
    """Which examples of one pass in bfloat16 are computed again in float32.

    All are, whose best class is closer to another than twice the largest error that was seen. A random sample of the
    rest is checked each time: if a single one of them changes its class, the whole split is computed in float32; if
    one has an error that was not allowed for, more examples are computed again, and another sample is checked.

    Parameters
    ----------
    logits
        ``[n, logits]`` in bfloat16's precision, in the order of the split. Rows that are computed again are
        overwritten.
    rounding
        What is known so far about this recipe; the audit adds to it.
    class_map
        How logits are mapped to the split's own classes.
    seed
        Decides which examples are checked.
    """

    def __init__(self, logits: Logits, rounding: Rounding, *, class_map: ClassMap | None = None, seed: int = 0) -> None:
        self.logits = logits
        self.failed = False
        self._rounding = rounding
        self._class_map = class_map
        self._finite = np.isfinite(logits).all(axis=1)
        self._best = np.where(self._finite, logits.argmax(axis=1), 0)
        self._again = np.zeros(len(logits), dtype=bool)
        self._order = np.random.default_rng(seed).permutation(len(logits))
        self._surprised = True
        self._due = np.empty(0, dtype=np.int64)
        self._found: list[Logits] = []

    @property
    def again(self) -> int:
        """How many examples were computed again."""
        return int(self._again.sum())

    def due(self, most: int) -> NDArray[np.int64]:
        """Up to ``most`` examples to compute in float32 next, as positions in the split; empty when all is certain."""
        if not len(self._due):
            self._due = self._choose()
        done = sum(map(len, self._found))
        return self._due[done : done + most]

    def add(self, logits: Logits) -> None:
        """Take the float32 logits ``[n, classes]`` of the examples that `due` gave last."""
        self._found.append(logits)
        if sum(map(len, self._found)) == len(self._due):
            self._learn(self._due, np.concatenate(self._found))
            self._due, self._found = self._due[:0], []

    def _choose(self) -> NDArray[np.int64]:
        left = ~self._again
        if self.failed:
            return np.flatnonzero(left)
        if self._rounding.compared < _ENOUGH:
            return self._sample(left, _ENOUGH)
        doubtful = left & ~self._sure
        if self._surprised:
            doubtful[self._sample(left & ~doubtful, max(_FEWEST, len(left) // _CHECKED))] = True
        return np.flatnonzero(doubtful)

    @property
    def _sure(self) -> NDArray[np.bool_]:
        """Examples whose best class is too far above all others for any error that is allowed for."""
        with np.errstate(invalid="ignore"):
            return self._finite & (self._rounding.margins(self.logits, self._best) > self._rounding.allowance)

    def _learn(self, rows: NDArray[np.int64], logits: Logits) -> None:
        known = self._rounding.compared >= _ENOUGH
        allowance = self._rounding.allowance
        sure = self._sure[rows] if known else np.zeros(len(rows), dtype=bool)
        with np.errstate(invalid="ignore"):
            errors = self._rounding.add(self.logits[rows] - logits, self._best[rows])
        changed = self._classes(self.logits[rows]) != self._classes(logits)
        self.logits[rows] = logits
        self._again[rows] = True
        self._surprised = not known or bool((errors[sure] > allowance).any())
        self.failed |= bool((changed & sure).any())

    def _classes(self, logits: Logits) -> NDArray[np.int64]:
        found = logits if self._class_map is None else self._class_map.scores(logits)
        return np.where(np.isfinite(logits).all(axis=1), found.argmax(axis=1), -1)

    def _sample(self, among: NDArray[np.bool_], number: int) -> NDArray[np.int64]:
        return self._order[among[self._order]][:number]
