"""The measured recipes around another one: what they predict of its logits."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation.evaluation import Logits
from soupwidgets.evaluation.filing import stored_logits
from soupwidgets.evaluation.forecast import FIRST
from soupwidgets.evaluation.interpolation import NEAREST, interpolated_logits, nearest, points_of
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.store import Store
from soupwidgets.suites import SliceSplit, Split

# Under which keys a recipe's measurement on a split may be stored, by the precision it was made with.
KeysOf = Callable[[Recipe, Split], Sequence[str]]

# With fewer images a prediction gains nothing.
_FEWEST = 4 * FIRST
# Logits that are kept in memory, in numbers (4 bytes each); each split has its share, so that none is read twice.
_KEPT = 1 << 25
# How often the store is asked for what was measured meanwhile, in seconds.
_REFRESH = 2.0


class _Measured:
    """Recipes that were measured on a split, as points in the space of coefficients."""

    def __init__(self) -> None:
        # How many measurements the store had when it was asked last.
        self.among = -1
        self.recipes: list[Recipe] = []
        self.points: NDArray[np.float64] = np.empty((0, 0))
        self._texts: set[str] = set()

    def extend(self, texts: Sequence[str], pool: Pool) -> None:
        """Take note of recipes, as JSON."""
        new = [text for text in texts if text not in self._texts]
        self._texts.update(new)
        for text in new:
            try:
                recipe = Recipe.from_json(text)
                pool.require(recipe)
            except ValueError:
                # From another pool that shares the store, or from a later version.
                continue
            if not recipe.by_tensor:
                self.recipes.append(recipe)
        if len(self.recipes) > len(self.points):
            more = points_of(self.recipes[len(self.points) :], list(pool))
            self.points = np.concatenate([self.points, more]) if len(self.points) else more


class Neighbours:
    """Predicts logits from the store; measures nothing.

    Parameters
    ----------
    pool
        The checkpoints that recipes are of.
    store
        Where measurements are.
    splits
        How many splits the suite has.
    """

    def __init__(self, pool: Pool, store: Store, splits: int) -> None:
        self._pool, self._store, self._splits = pool, store, splits
        self._lock = threading.Lock()
        self._measured: dict[str, _Measured] = {}
        self._stored, self._looked = 0, -_REFRESH
        self._logits: OrderedDict[str, Logits] = OrderedDict()
        self._keys: dict[tuple[Recipe, str], Sequence[str]] = {}

    def predict(self, recipe: Recipe, split: Split, keys_of: KeysOf) -> Logits | None:
        """Predicted logits by class, ``[images, classes]``, float32.

        Parameters
        ----------
        recipe, split
            What is going to be measured.
        keys_of
            Under which keys a measurement may be stored, the best first.

        Returns
        -------
        NDArray[np.float32] | None
            None where fewer than two neighbours are in the store, where their logits are too large to be read while
            somebody waits, for splits of few images, and for tasks and metrics other than the accuracy of one label.
        """
        scoring = split.scoring
        plain = (scoring.task, scoring.metric) == ("single-label", "accuracy")
        if not plain or isinstance(split, SliceSplit) or len(split) < _FEWEST or recipe.by_tensor:
            return None
        with self._lock:
            logits: dict[Recipe, Logits] = {}
            size = 0
            # The nearest first, and then the ingredients themselves.
            for one in self._near(recipe, split):
                if (len(logits) + 1) * size * self._splits > _KEPT:
                    break
                if len(logits) >= NEAREST and len(one) > 1:
                    continue
                found = self._find(one, split, keys_of)
                if found is not None and found.size == (size or found.size):
                    logits[one], size = found, found.size
        if len(logits) < 2:
            return None
        predicted = interpolated_logits(logits, recipe)
        if not np.isfinite(predicted).all():
            return None
        return scoring.class_map.scores(predicted) if scoring.class_map else predicted

    def _near(self, recipe: Recipe, split: Split) -> list[Recipe]:
        measured = self._measured.setdefault(split.name, _Measured())
        if time.monotonic() - self._looked > _REFRESH:
            self._stored, self._looked = len(self._store), time.monotonic()
        if measured.among != self._stored:
            measured.extend(self._store.recipes([split.name], with_logits=True), self._pool)
            measured.among = self._stored
        if not measured.recipes:
            return []
        (point,) = points_of([recipe], list(self._pool))
        # Some may have been measured in another way.
        near = nearest(measured.points, point, 2 * NEAREST)
        return [measured.recipes[i] for i in near if measured.recipes[i] != recipe]

    def _find(self, recipe: Recipe, split: Split, keys_of: KeysOf) -> Logits | None:
        """Logits from memory, or else from the store."""
        keys = self._keys.get((recipe, split.name))
        if keys is None:
            keys = self._keys[recipe, split.name] = keys_of(recipe, split)
        for key in keys:
            if key in self._logits:
                self._logits.move_to_end(key)
                return self._logits[key]
        there = self._store.get(keys)
        for key in keys:
            if key in there and (found := stored_logits(self._store, key)) is not None:
                self._logits[key] = found
                while len(self._logits) > 1 and sum(one.size for one in self._logits.values()) > _KEPT:
                    self._logits.popitem(last=False)
                return found
        return None
