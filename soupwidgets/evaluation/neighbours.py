"""The measured recipes around another one: what they predict of its logits."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Container, Mapping, Sequence

import numpy as np

from soupwidgets.evaluation.evaluation import Logits
from soupwidgets.evaluation.filing import stored_logits
from soupwidgets.evaluation.forecast import FIRST
from soupwidgets.evaluation.interpolation import NEAREST, interpolated_logits, nearest
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.store import Store
from soupwidgets.suites import SliceSplit, Split

KeysOf = Callable[[Recipe, Split], Sequence[str]]

# With fewer images a prediction gains nothing.
_FEWEST = 4 * FIRST
# Of how many recipes logits are looked for in the store.
_CANDIDATES = 2 * NEAREST
# Logits that are kept in memory, in numbers (4 bytes each).
_KEPT = 1 << 24
# How often the store is asked for what other processes have measured, in seconds.
_REFRESH = 30.0


class Neighbours:
    """Predicts logits from the store; measures nothing.

    Parameters
    ----------
    pool
        The checkpoints that recipes are of.
    store
        Where measurements are.
    splits
        Names of the suite's splits.
    """

    def __init__(self, pool: Pool, store: Store, splits: Sequence[str]) -> None:
        self._pool, self._store, self._splits = pool, store, list(splits)
        self._lock = threading.Lock()
        self._known: dict[Recipe, Mapping[str, float]] = {}
        self._looked = -_REFRESH
        self._around: tuple[Recipe, list[Recipe]] | None = None
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
            known = self._measured(self._candidates(recipe), split, keys_of)
            if len(known) < 2:
                return None
            # The nearest first, and then the ingredients themselves.
            chosen = [known[i] for i in nearest([self._known[one] for _, one in known], recipe, NEAREST)]
            first = self._read(chosen[0][0])
            room = 0 if first is None else _KEPT // first.size
            logits = {one: found for key, one in chosen[:room] if (found := self._read(key)) is not None}
        if len(logits) < 2 or len({found.shape for found in logits.values()}) > 1:
            return None
        predicted = interpolated_logits(logits, recipe)
        if not np.isfinite(predicted).all():
            return None
        return scoring.class_map.scores(predicted) if scoring.class_map else predicted

    def _measured(self, candidates: Sequence[Recipe], split: Split, keys_of: KeysOf) -> list[tuple[str, Recipe]]:
        """Those of which there are logits, with their keys."""
        for one in candidates:
            if (one, split.name) not in self._keys:
                self._keys[one, split.name] = keys_of(one, split)
        keys = [self._keys[one, split.name] for one in candidates]
        there: Container[str] = self._logits
        # Logits in memory are worth as much as those in the store, which takes its time.
        if not all(any(key in there for key in some) for some in keys[:NEAREST]):
            there = self._store.get([key for some in keys for key in some])
        best = [next((key for key in some if key in there), None) for some in keys]
        return [(key, one) for key, one in zip(best, candidates, strict=True) if key is not None]

    def _candidates(self, recipe: Recipe) -> list[Recipe]:
        """Recipes that may have been measured, the nearest first; the same for all splits of one measurement."""
        if self._around is None or self._around[0] != recipe:
            if time.monotonic() - self._looked > _REFRESH:
                self._looked = time.monotonic()
                for text in self._store.recipes(self._splits):
                    self._note(text)
            others = [one for one in self._known if one != recipe]
            near = nearest([self._known[one] for one in others], recipe, _CANDIDATES)
            self._around = recipe, [others[i] for i in near]
            # By the next time it has been measured, or is not found in the store.
            self._known.setdefault(recipe, dict(recipe))
        return self._around[1]

    def _note(self, text: str) -> None:
        try:
            recipe = Recipe.from_json(text)
            self._pool.require(recipe)
        except ValueError:
            # From another pool that shares the store, or from a later version.
            return
        if not recipe.by_tensor:
            self._known.setdefault(recipe, dict(recipe))

    def _read(self, key: str) -> Logits | None:
        found = self._logits.pop(key, None)
        if found is None:
            found = stored_logits(self._store, key)
        if found is not None:
            self._logits[key] = found
            while len(self._logits) > 1 and sum(one.size for one in self._logits.values()) > _KEPT:
                self._logits.popitem(last=False)
        return found
