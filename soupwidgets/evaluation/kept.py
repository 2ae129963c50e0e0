"""What a store knows of the recipes of one pool on one suite, and under which keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation.batch_norm import Recalibration, is_mixture, source_of
from soupwidgets.evaluation.evaluation import Evaluation, Logits, SplitScore, score_logits
from soupwidgets.evaluation.filing import file_score, stored_logits, stored_score
from soupwidgets.evaluation.precision import can_be_audited
from soupwidgets.evaluation.tasks import KEEPS_OUTPUTS
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.store import Store, StoreError, measurement_key
from soupwidgets.suites import SliceSplit, Split, Suite

# Measures a recipe on a split again; None if nobody is left who could.
Again = Callable[[Recipe, Split], Logits | None]


class Kept:
    """Measurements in a store.

    Parameters
    ----------
    pool, suite, store
        As in `soupwidgets.Evaluator`.
    model
        The model's fingerprint.
    recalibration
        How statistics of batch normalisation are measured for mixtures; None if they are averaged.
    precisions
        In which precisions measurements are good enough, the best first.
    device
        Kind of device, for the record.
    again
        For logits that were lost. A score may outlive its evaluator, and must not keep a pool's weights alive.
    """

    def __init__(
        self,
        pool: Pool,
        suite: Suite,
        store: Store,
        *,
        model: str,
        recalibration: Recalibration | None,
        precisions: Sequence[str],
        device: str,
        again: Again,
    ) -> None:
        self.store = store
        self.keeps_outputs = suite.task in KEEPS_OUTPUTS
        self._pool, self._suite = pool, suite
        self._model, self._recalibration = model, recalibration
        self._precisions, self._device, self._again = tuple(precisions), device, again

    def keys(
        self,
        recipe: Recipe,
        splits: Sequence[Split],
        treatment: Mapping[str, Any] | None = None,
        *,
        precision: str = "float32",
    ) -> dict[str, str]:
        """The keys of one recipe on several splits by name, in their order; the recipe's part is computed once."""
        own = {tensor: self._pool.content_key(Recipe(items)) for tensor, items in recipe.by_tensor.items()}
        plain = self._pool.content_key(recipe)
        if self._recalibration is not None and is_mixture(recipe):
            treatment = {**(treatment or {}), **self._recalibration.key(source_of(self._suite))}
        return {
            split.name: measurement_key(
                plain,
                self._model,
                split_hash=split.content_hash,
                precision=precision,
                by_tensor=own,
                treatment=treatment,
            )
            for split in splits
        }

    def answering(self, recipe: Recipe, splits: Sequence[Split]) -> list[tuple[Split, str, str]]:
        """Splits, precisions and keys of every measurement that answers, the best precision first."""
        return [
            (split, precision, key)
            for precision in self._precisions
            for split, key in zip(splits, self.keys(recipe, splits, precision=precision).values(), strict=True)
        ]

    def scores(self, recipe: Recipe, splits: Sequence[Split]) -> dict[str, SplitScore]:
        """The exact scores that the store has, by split."""
        known = self.answering(recipe, splits)
        found = self.store.get([key for _, _, key in known], with_logits=self.keeps_outputs)
        scores: dict[str, SplitScore] = {}
        for split, precision, key in known:
            measurement = found.get(key)
            if measurement is None or split.name in scores:
                continue
            load = self.loader(recipe, split, key)
            if score := stored_score(split, measurement, load, precision=precision):
                scores[split.name] = score
        for split in splits:
            if split.name not in scores:
                scores |= self._derived(recipe, split)
        return scores

    def all(self, splits: Sequence[Split]) -> list[Evaluation]:
        """Every recipe of the pool that is complete in the store, in the order of the recipes' JSON."""
        found: dict[Recipe, dict[str, SplitScore]] = {}
        # By key: recipe, split and precision.
        keys: dict[str, list[tuple[Recipe, Split, str]]] = {}
        for text in self.store.recipes([s.parent.name if isinstance(s, SliceSplit) else s.name for s in splits]):
            try:
                recipe = Recipe.from_json(text)
                self._pool.require(recipe)
            except ValueError:
                # From another pool that shares the store, or from a later version.
                continue
            for split, precision, key in self.answering(recipe, splits):
                keys.setdefault(key, []).append((recipe, split, precision))
        known = self.store.get(keys, with_logits=self.keeps_outputs)
        # In the order of the keys, in which the best precision comes first.
        for key in [key for key in keys if key in known]:
            for recipe, split, precision in keys[key]:
                if split.name in found.get(recipe, {}):
                    continue
                if score := stored_score(split, known[key], self.loader(recipe, split, key), precision=precision):
                    found.setdefault(recipe, {})[split.name] = score
        for recipe, split, _ in (one for some in keys.values() for one in some):
            if split.name not in found.setdefault(recipe, {}):
                found[recipe] |= self._derived(recipe, split)
        return [
            Evaluation(recipe, {split.name: scores[split.name] for split in splits})
            for recipe, scores in found.items()
            if len(scores) == len(splits)
        ]

    def file(
        self,
        key: str,
        recipe: Recipe,
        split: Split,
        score: SplitScore,
        *,
        logits: Logits | None,
        device: str | None = None,
    ) -> SplitScore:
        """Store an exact score of a recipe with its logits (None to keep only the numbers), as `file_score` does."""
        return file_score(
            self.store,
            key,
            recipe=recipe,
            split=split,
            score=score,
            logits=logits,
            device=self._device if device is None else device,
            load_logits=None if logits is None else self.loader(recipe, split, key),
        )

    def record(self, recipe: Recipe, split: Split, logits: Logits, precision: str = "float32") -> SplitScore:
        """Score and store logits ``[images, classes]`` in the split's order."""
        score = replace(score_logits(split, logits), precision=precision)
        key = self.keys(recipe, [split], precision=precision)[split.name]
        return self.file(key, recipe, split, score, logits=logits)

    def loader(self, recipe: Recipe, split: Split, key: str) -> Callable[[], Logits] | None:
        """A function that reads logits from the store, and measures them again if they were lost."""
        if not self.keeps_outputs:
            return None
        store, again = self.store, self._again

        def load() -> Logits:
            logits = stored_logits(store, key)
            if logits is None:
                logits = again(recipe, split)
            if logits is None:
                raise StoreError(f"{store.place}: the logits of a measurement were lost; evaluate the recipe again")
            return logits

        return load

    def _derived(self, recipe: Recipe, split: Split) -> dict[str, SplitScore]:
        """A score from logits that are there: of the same examples scored otherwise, or of a slice's parent.

        No example is evaluated again. Empty where nothing is there, or what is there is too coarse for this score.
        """
        for known, rows in _sources(split) if self.keeps_outputs else ():
            for _, precision, key in self.answering(recipe, [known]):
                enough = precision == "float32" or can_be_audited(split)
                if enough and self.store.get([key]) and (logits := stored_logits(self.store, key)) is not None:
                    own = logits if rows is None else logits[rows]
                    return {split.name: self.record(recipe, split, own, precision)}
        return {}


def _sources(split: Split) -> Iterator[tuple[Split, NDArray[np.int64] | None]]:
    """Splits whose logits are those of this one, as scored before or a slice's parent, and which rows of them."""
    before = split.rescored
    while before is not None:
        yield before, None
        before = before.rescored
    if isinstance(split, SliceSplit):
        parent: Split | None = split.parent
        while parent is not None:
            yield parent, split.rows
            parent = parent.rescored
