"""The evaluator turns recipes into measurements and computes nothing twice."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from soupwidgets.devices import known_device
from soupwidgets.evaluation.batch_norm import BATCH as BN_BATCH
from soupwidgets.evaluation.batch_norm import (
    BatchNorm,
    Recalibration,
    batch_norm_note,
    is_mixture,
    measure_statistics,
    recalibration_of,
    source_of,
    statistics_of,
)
from soupwidgets.evaluation.described import model_for, says_same
from soupwidgets.evaluation.evaluation import Evaluation, Logits, SplitScore, score_logits
from soupwidgets.evaluation.filing import file_score, stored_logits, stored_score
from soupwidgets.evaluation.network import bound_network
from soupwidgets.evaluation.run import Run, next_batch
from soupwidgets.evaluation.sharing import POLL, STILL_WAITING, Share, all_used
from soupwidgets.evaluation.split_reader import SplitReader
from soupwidgets.evaluation.tasks import KEEPS_OUTPUTS
from soupwidgets.mixing import PoolMatrix, save_mixture
from soupwidgets.models import Input, Inputs, saved_names
from soupwidgets.pool import Pool, PoolError
from soupwidgets.recipe import Recipe, RecipeLike
from soupwidgets.store import Store, StoreError, measurement_key
from soupwidgets.suites import SliceSplit, Split, Suite

BATCH = {"cpu": 192, "cuda": 2048}


class Evaluator:
    """Measures recipes of a pool on the splits of a suite.

    Parameters
    ----------
    pool
        The checkpoints.
    suite
        The splits.
    device
        ``"auto"`` uses a CUDA device if there is one.
    store
        Where measurements are kept; the user's default store when None.
    model
        What the checkpoints' tensors belong to, where no card states it: a description (``sw.models.timm(...)``,
        ``torchvision``, ``transformers``, ``Architecture``), a ``torch.nn.Module``, or a function that builds one.
    inputs
        For a module or a function: what goes in (`Images`, `Tokens`); arrays as they are when None.
    batch_norm
        What mixtures have as means and variances of batch normalisation, if the model has any: ``"recompute"`` (also
        with ``"auto"``) measures them on training images, or on validation images if the suite has no others;
        ``"average"`` averages them like weights, as the released scripts do; a `Recalibration` says on how many.
        A single checkpoint keeps its own.

    Raises
    ------
    PoolError
        When the model is unknown, does not fit the tensors, takes other examples than the suite has, or gives a
        different number of classes.
    ValueError
        When there is no such device.

    Notes
    -----
    Safe to share between threads: batches of different callers take turns, and
    callers that ask for the same recipe at the same time share its batches. When several
    processes use one store, only one makes a given measurement; the others
    show its progress and use its result. If that process is stopped, killed,
    or makes no progress for some seconds, another takes over. If the store's files cannot be
    locked (Windows, some network file systems), each process measures on its own.
    """

    def __init__(
        self,
        pool: Pool,
        suite: Suite,
        *,
        device: str = "auto",
        store: Store | None = None,
        model: Any = None,
        inputs: Input | None = None,
        batch_norm: BatchNorm | Recalibration = "auto",
    ) -> None:
        self.pool = pool
        self.suite = suite
        self.store = Store.default() if store is None else store
        self.device = _device(device)
        self.architecture = model_for(pool, model, inputs)
        takes = self.architecture.inputs
        for split in suite.splits.values():
            misfit = takes.misfit(split.form)
            if misfit:
                size = getattr(takes, "size", None)
                again = f": build the suite again with --size {size[0]}" if size and " x " in misfit else ""
                raise PoolError(f"split {split.name!r}: {misfit}{again}")
        if self.architecture.classes not in (None, suite.outputs):
            raise PoolError(
                f"the pool's models distinguish {self.architecture.classes} classes, but "
                f"the suite {suite.name!r} has {suite.outputs}"
            )
        self.recalibration = recalibration_of(batch_norm, pool)
        self._lock = threading.RLock()
        self._readers: dict[str, SplitReader] = {}
        # Measurements in progress; callers that ask for the same one join it. An entry goes with its last user.
        self._runs: weakref.WeakValueDictionary[str, Run] = weakref.WeakValueDictionary()
        self._mixed: Recipe | None = None
        # What was wanted of this one, whether the store had it or not: a set in the order of asking.
        self.asked: dict[Recipe, None] = {}
        self.forward_images = 0

    def with_batch_norm(self, batch_norm: BatchNorm | Recalibration) -> Evaluator:
        """An evaluator of the same pool, suite and store with other statistics of batch normalisation."""
        return Evaluator(
            self.pool,
            self.suite,
            device=str(self.device),
            store=self.store,
            model=self.architecture,
            batch_norm=batch_norm,
        )

    @property
    def note(self) -> str:
        """A sentence on the batch-normalisation statistics of mixtures; empty if the models have none."""
        return batch_norm_note(self.pool, self.recalibration, self.suite)

    def __repr__(self) -> str:
        splits = ", ".join(self.suite.splits)
        return f"Evaluator({self.pool!r} on {self.suite.name!r} ({splits}), {self.device}, {self.store!r})"

    @property
    def states_model(self) -> bool:
        """Whether the pool's own cards say the same model, so that nobody else has to."""
        try:
            card = self.pool.architecture_card
        except PoolError:
            return False
        return card is not None and says_same(card, self.architecture)

    # These three may be made in the middle of a measurement, and gradients must pass through them later.

    @cached_property
    def matrix(self) -> PoolMatrix:
        """The pool's weights on the device; a row is read when it is first used."""
        with torch.inference_mode(False):
            return PoolMatrix(self.pool, self.device)

    @cached_property
    def _weights(self) -> Tensor:
        with torch.inference_mode(False):
            return self.matrix.new_buffer()

    @cached_property
    def _model(self) -> nn.Module:
        with torch.inference_mode(False):
            return bound_network(self.architecture, self.matrix, self._weights)

    def evaluate(self, recipe: RecipeLike, splits: str | Sequence[str] | None = None) -> Evaluation:
        """Measure a recipe in full.

        Parameters
        ----------
        recipe
            A recipe, the name of a checkpoint, or a dictionary of coefficients.
        splits
            Name or names of splits; all splits of the suite when None.

        Returns
        -------
        Evaluation
            Exact scores. What is in the store is not computed again, and what is
            computed is stored, each split as soon as it is complete.

        Raises
        ------
        PoolError
            When the recipe names a checkpoint that the pool lacks.
        KeyError
            When the suite has no split of that name.

        Examples
        --------
        >>> ev = getfixture("evaluator")
        >>> ev.evaluate(Recipe({"zero-shot": 1}), splits=["val"]).exact
        True
        >>> ev.evaluate("zero-shot", "val")["val"].accuracy == ev.evaluate({"zero-shot": 1}).accuracy["val"]
        True
        """
        for evaluation in self.stream(recipe, splits):
            last = evaluation
        return last

    def stream(self, recipe: RecipeLike, splits: str | Sequence[str] | None = None) -> Iterator[Evaluation]:
        """Measure a recipe step by step.

        Yields after every batch once every split has a first coarse score; the
        last one is exact. Stop iterating to cancel: splits that are complete
        by then are in the store. An iterator may also be paused for a while
        and resumed.

        Parameters
        ----------
        recipe, splits
            As in `evaluate`.

        Yields
        ------
        Evaluation
            Scores of the images seen so far.
        """
        recipe = Recipe.of(recipe)
        self.asked[recipe] = None
        yield from self._stream(recipe, self._splits(splits))

    def _stream(self, recipe: Recipe, chosen: Sequence[Split]) -> Iterator[Evaluation]:
        keys = self._keys(recipe, chosen)
        scores = self._stored(recipe, chosen, keys)
        # Two splits may hold the same images: these are one measurement.
        waiting: dict[str, list[Split]] = {}
        for split in chosen:
            if split.name not in scores:
                waiting.setdefault(keys[split.name], []).append(split)
        if not waiting:
            yield Evaluation(recipe, scores)
            return
        runs = {key: self._run(splits[0], key) for key, splits in waiting.items()}
        found: dict[str, SplitScore] = {}
        shown = time.monotonic()
        with all_used(run.share for run in runs.values()):
            going = True
            while going:
                mine = [run for run in runs.values() if self._is_mine(recipe, run)]
                due = next_batch(mine, BATCH[self.device.type])
                if due is None and len(mine) < len(runs):
                    time.sleep(POLL)
                if due is not None:
                    self._step(recipe, *due)
                told = {key: run.told if run in mine else run.share.hear(run.split) for key, run in runs.items()}
                # A process that took over may be behind what was known before.
                news = {k: s for k, s in told.items() if s is not None and (k not in found or s.seen > found[k].seen)}
                found |= news
                scores |= {split.name: replace(news[key], role=split.role) for key in news for split in waiting[key]}
                still = time.monotonic() - shown > STILL_WAITING
                going = not all(key in found and found[key].exact for key in runs)
                # Yield even if there is nothing new, so that a waiting caller can stop.
                if len(scores) == len(chosen) and (news or still):
                    shown = time.monotonic()
                    yield Evaluation(recipe, {split.name: scores[split.name] for split in chosen})

    def _is_mine(self, recipe: Recipe, run: Run) -> bool:
        """Whether this process continues a run; a result that another process has filed meanwhile is fetched."""
        with run.share.lock:
            if run.kept is not None or run.share.held:
                return True
            if not run.share.take():
                return False
            # The previous holder of the claim may have filed it.
            known = self._stored(recipe, [run.split], {run.split.name: run.share.key})
            if known:
                run.kept = known[run.split.name]
                run.share.release()
            return True

    def stored(self, recipe: RecipeLike, splits: str | Sequence[str] | None = None) -> Evaluation | None:
        """The exact evaluation if the store has all of it, else None; computes nothing."""
        recipe = Recipe.of(recipe)
        chosen = self._splits(splits)
        scores = self._stored(recipe, chosen, self._keys(recipe, chosen))
        if len(scores) < len(chosen):
            return None
        return Evaluation(recipe, {split.name: scores[split.name] for split in chosen})

    def measured(self, splits: str | Sequence[str] | None = None) -> list[Evaluation]:
        """Every recipe of this pool that is complete in the store, from any session; computes nothing.

        Parameters
        ----------
        splits
            Splits that must be measured; all of the suite when None.

        Returns
        -------
        list[Evaluation]
            Exact, in the order of the recipes' JSON.
        """
        chosen = self._splits(splits)
        found: dict[Recipe, dict[str, SplitScore]] = {}
        texts = self.store.recipes([s.parent.name if isinstance(s, SliceSplit) else s.name for s in chosen])
        keys: dict[str, list[tuple[Recipe, Split]]] = {}
        for text in texts:
            try:
                recipe = Recipe.from_json(text)
                self.pool.require(recipe)
            except ValueError:
                # From another pool that shares the store, or from a later version.
                continue
            for split, key in zip(chosen, self._keys(recipe, chosen).values(), strict=True):
                keys.setdefault(key, []).append((recipe, split))
        for key, measurement in self.store.get(keys, with_logits=self._keeps_outputs).items():
            for recipe, split in keys[key]:
                if score := stored_score(split, measurement, self._loader(recipe, split, key)):
                    found.setdefault(recipe, {})[split.name] = score
        for recipe, split in (one for some in keys.values() for one in some):
            if isinstance(split, SliceSplit) and split.name not in found.setdefault(recipe, {}):
                found[recipe] |= self._sliced(recipe, split)
        return [
            Evaluation(recipe, {split.name: scores[split.name] for split in chosen})
            for recipe, scores in found.items()
            if len(scores) == len(chosen)
        ]

    def save(self, recipe: RecipeLike, path: str | Path, *, progress: bool = True, overwrite: bool = False) -> Path:
        """Write a recipe's weights to a file that other tools can load, with a card that says how it was made.

        Parameters
        ----------
        recipe
            As in `evaluate`.
        path
            ``.safetensors``, or ``.pt`` for a state dict of ``torch.save``.
        progress
            Whether to show a progress bar.
        overwrite
            Whether to replace an existing file.

        Returns
        -------
        Path
            The same path. The card has the accuracies that are already in the store; nothing is measured for it.

        Raises
        ------
        PoolError, ValueError
            As in `soupwidgets.save_mixture`.
        """
        recipe = Recipe.of(recipe)
        self.pool.require(recipe)
        splits = list(self.suite.splits.values())
        known = self._stored(recipe, splits, self._keys(recipe, splits))
        measured = {
            name: {"role": score.role, "accuracy": score.accuracy, "correct": score.right, "images": score.total}
            for name, score in known.items()
        }
        # Keep the wording of the pool's own cards: the soup should fit into the same pool again.
        card = self.pool.architecture_card
        said = card is not None and says_same(card, self.architecture)
        architecture = None if said else self.architecture.to_json()
        known_scores: dict[str, Any] = {"suite": self.suite.name, "splits": measured}
        replaced: dict[str, Tensor] = {}
        if self.recalibration is not None and is_mixture(recipe):
            # What was measured is what is saved.
            with self.model(recipe) as model:
                replaced = {name: tensor.cpu().clone() for name, tensor in statistics_of(model).items()}
            known_scores["batch_norm"] = self.note
        return save_mixture(
            self.pool,
            recipe,
            path,
            measured=known_scores,
            replaced=replaced,
            progress=progress,
            architecture=architecture,
            overwrite=overwrite,
        )

    def warm_up(self, recipe: RecipeLike) -> None:
        """Load the recipe's checkpoints and the model, so that the next new recipe gets its first answer at once.

        Without this, the first recipe that is not in the store takes seconds longer than the others.
        """
        recipe, split = Recipe.of(recipe), self.suite.validation
        key = self.key(recipe, split)
        self._step(recipe, self._run(split, key), 1)

    @contextmanager
    def model(self, recipe: RecipeLike) -> Iterator[nn.Module]:
        """The network with a recipe's weights, within the ``with`` block; other measurements wait meanwhile.

        Its parameters are views of one buffer, which the next recipe overwrites.

        Yields
        ------
        nn.Module
            In evaluation mode.

        Raises
        ------
        PoolError
            When the recipe names a checkpoint that the pool lacks.
        """
        with self._lock:
            with torch.inference_mode():
                self._mix(Recipe.of(recipe))
            yield self._model

    def batch(self, split: Split, rows: NDArray[np.int64]) -> tuple[Inputs, Tensor]:
        """Some examples of a split in the form that the model takes, and their labels, on the device.

        Parameters
        ----------
        split
            One of the suite's.
        rows
            Positions ``[n]`` in the split's own order.
        """
        return self.reader(split).pick(rows)

    def record(self, recipe: RecipeLike, split: Split, logits: Logits) -> SplitScore:
        """Store logits ``[images, classes]`` (in the split's order) of a recipe that were computed outside `stream`."""
        score = score_logits(split, logits)
        recipe = Recipe.of(recipe)
        key = self.key(recipe, split)
        load = self._loader(recipe, split, key)
        return file_score(
            self.store,
            key,
            recipe=recipe,
            split=split,
            score=score,
            logits=logits,
            device=self.device.type,
            load_logits=load,
        )

    def key(self, recipe: RecipeLike, split: Split, treatment: Mapping[str, Any] | None = None) -> str:
        """The key under which ``recipe`` on ``split`` is stored; ``treatment`` as in `measurement_key`."""
        return self._keys(Recipe.of(recipe), [split], treatment)[split.name]

    def _keys(
        self, recipe: Recipe, splits: Sequence[Split], treatment: Mapping[str, Any] | None = None
    ) -> dict[str, str]:
        """`key` of several splits by name, in their order; the recipe's part is computed only once."""
        own = {tensor: self.pool.content_key(Recipe(items)) for tensor, items in recipe.by_tensor.items()}
        plain = self.pool.content_key(recipe)
        model = self.architecture.fingerprint
        if self.recalibration is not None and is_mixture(recipe):
            treatment = {**(treatment or {}), **self.recalibration.key(source_of(self.suite))}
        return {
            split.name: measurement_key(plain, model, split_hash=split.content_hash, by_tensor=own, treatment=treatment)
            for split in splits
        }

    def _splits(self, names: str | Sequence[str] | None) -> list[Split]:
        if names is None:
            return list(self.suite.splits.values())
        # A string is a sequence of strings, too.
        names = [names] if isinstance(names, str) else names
        unknown = [name for name in names if name not in self.suite.splits]
        if unknown:
            raise KeyError(f"the suite has no split {unknown[0]!r}; it has {', '.join(self.suite.splits)}")
        return [self.suite.splits[name] for name in names]

    def reader(self, split: Split) -> SplitReader:
        """A split's images in the order of measurement, ready for the model."""
        with self._lock:
            if split.name not in self._readers:
                self._readers[split.name] = SplitReader(split, self.architecture, self.device)
            return self._readers[split.name]

    def _run(self, split: Split, key: str) -> Run:
        reader = self.reader(split)
        with self._lock:
            return self._runs.setdefault(key, Run(split, reader, share=Share(self.store.claims, key)))

    def _stored(self, recipe: Recipe, splits: Sequence[Split], keys: dict[str, str]) -> dict[str, SplitScore]:
        found = self.store.get(keys.values(), with_logits=self._keeps_outputs)
        scores: dict[str, SplitScore] = {}
        for split in splits:
            measurement = found.get(key := keys[split.name])
            if measurement and (score := stored_score(split, measurement, self._loader(recipe, split, key))):
                scores[split.name] = score
        for split in splits:
            if isinstance(split, SliceSplit) and split.name not in scores:
                scores |= self._sliced(recipe, split)
        return scores

    def _sliced(self, recipe: Recipe, split: SliceSplit) -> dict[str, SplitScore]:
        """A slice's score from its parent's stored logits, if there are any: no image is evaluated again."""
        key = self.key(recipe, split.parent)
        if not self.store.get([key]) or (logits := stored_logits(self.store, key)) is None:
            return {}
        return {split.name: self.record(recipe, split, logits[split.rows])}

    @property
    def _keeps_outputs(self) -> bool:
        return self.suite.task in KEEPS_OUTPUTS

    def _loader(self, recipe: Recipe, split: Split, key: str) -> Callable[[], Logits] | None:
        """Return a function that reads logits from the store, and measures them again if they were lost."""
        if not self._keeps_outputs:
            return None
        store = self.store
        # A score may outlive its evaluator, and must not keep a pool's weights alive.
        known = weakref.ref(self)

        def load() -> Logits:
            logits = stored_logits(store, key)
            if logits is None and (ev := known()) is not None:
                logits = ev._again(recipe, split, key)
            if logits is None:
                raise StoreError(f"{store.folder}: the logits of a measurement were lost; evaluate the recipe again")
            return logits

        return load

    def _again(self, recipe: Recipe, split: Split, key: str) -> Logits | None:
        # Held until its logits are available.
        run = self._run(split, key)
        for _ in self._stream(recipe, [split]):
            pass
        return run.logits if run.done else stored_logits(self.store, key)

    @torch.inference_mode()
    def _step(self, recipe: Recipe, run: Run, stop: int) -> None:
        """Advance a run to ``stop`` unless it is that far already, and store it when it is complete."""
        with self._lock:
            if run.kept is not None:
                return
            if run.seen < stop:
                run.share.say(working=True)
                self._mix(recipe)
                logits = self._model(run.reader.batch(run.seen, stop))
                self.forward_images += len(logits)
                run.add(logits)
            if not run.done:
                run.last = run.score()
                run.share.say(working=False, score=run.last)
                return
            load = self._loader(recipe, run.split, run.share.key)
            score, device = run.score(), self.device.type
            run.kept = file_score(
                self.store,
                run.share.key,
                recipe=recipe,
                split=run.split,
                score=score,
                logits=run.logits if self._keeps_outputs else None,
                device=device,
                load_logits=load,
            )
            run.share.release()

    def _mix(self, recipe: Recipe) -> None:
        if self._mixed == recipe:
            return
        self._mixed = None
        model = self._model
        self.matrix.mix(recipe, self._weights)
        if self.matrix.layout.whole:
            own = {stored: name for name, stored in saved_names(model).items()}
            for name, tensor in self.matrix.whole_tensors(recipe).items():
                model.get_buffer(own.get(name, name)).copy_(tensor)
        if self.recalibration is not None and is_mixture(recipe):
            source = source_of(self.suite)
            rows, reader = self.recalibration.rows(source), self.reader(source)
            measure_statistics(model, (reader.pick(rows[i : i + BN_BATCH])[0] for i in range(0, len(rows), BN_BATCH)))
            self.forward_images += len(rows)
        self._mixed = recipe


def _device(name: str | torch.device) -> torch.device:
    name = known_device(str(name))
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
