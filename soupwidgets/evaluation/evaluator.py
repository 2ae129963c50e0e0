"""The evaluator turns recipes into measurements and computes nothing twice."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from soupwidgets.devices import full_float32, known_device
from soupwidgets.evaluation.audit import Rounding
from soupwidgets.evaluation.batch_norm import (
    BatchNorm,
    Recalibration,
    batch_norm_note,
    is_mixture,
    recalibration_of,
    statistics_of,
)
from soupwidgets.evaluation.computation import Computation
from soupwidgets.evaluation.described import model_for, says_same
from soupwidgets.evaluation.elsewhere import Elsewhere, Order, joined
from soupwidgets.evaluation.evaluation import Evaluation, Logits, SplitScore
from soupwidgets.evaluation.filing import stored_logits
from soupwidgets.evaluation.forecast import Forecast
from soupwidgets.evaluation.kept import Kept
from soupwidgets.evaluation.neighbours import Neighbours
from soupwidgets.evaluation.precision import Precision, can_be_audited, known_precision
from soupwidgets.evaluation.run import Run, next_batches, watched
from soupwidgets.evaluation.sharing import POLL, STILL_WAITING, Share, all_used
from soupwidgets.evaluation.split_reader import SplitReader
from soupwidgets.mixing import PoolMatrix, save_mixture
from soupwidgets.models import Input, Inputs
from soupwidgets.pool import Pool, PoolError
from soupwidgets.recipe import Recipe, RecipeLike
from soupwidgets.store import Store
from soupwidgets.suites import Split, Suite


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
    precision
        ``"bfloat16"`` computes each split in bfloat16 first and then, in float32, every example whose prediction
        the rounding might change, and a random sample of the others: accuracies are those of float32, the loss and
        the logits keep the rounding (about 0.1%). ``"auto"`` does so where it is clearly faster for this network,
        as measured once; ``SOUPWIDGETS_PRECISION`` may decide for all. What depends on more than predicted classes
        is always computed in ``"float32"``.
    cluster
        Address of a Ray cluster whose machines measure: ``"auto"`` for the one that runs here, ``"host:6379"``, or
        ``"local"`` to start one on this machine. Results are kept in this process's store. None measures here.

    Raises
    ------
    PoolError
        When the model is unknown, does not fit the tensors, takes other examples than the suite has, or gives a
        different number of classes.
    ValueError
        When there is no such device or precision, or pool, suite or model cannot be sent to other machines.
    ConnectionError, ModuleNotFoundError
        When there is no such cluster, or Ray is not installed.

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
        precision: Precision = "auto",
        cluster: str | None = None,
    ) -> None:
        self.pool = pool
        self.suite = suite
        self._wanted_device = device
        self.device = _device(device)
        self._wanted_precision = known_precision(precision)
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
        self.batch_norm = batch_norm
        self.recalibration = recalibration_of(batch_norm, pool)
        self.computation = Computation(pool, suite, self.architecture, self.device, recalibration=self.recalibration)
        self._use(Store.default() if store is None else store)
        # What was wanted of this one, whether the store had it or not: a set in the order of asking.
        self.asked: dict[Recipe, None] = {}
        self._cluster = cluster
        self.elsewhere: Elsewhere | None = None if cluster is None else joined(self, cluster, device)

    def with_batch_norm(self, batch_norm: BatchNorm | Recalibration) -> Evaluator:
        """An evaluator of the same pool, suite and store with other statistics of batch normalisation."""
        return self._like(self.pool, self.suite, batch_norm)

    def with_pool(self, pool: Pool) -> Evaluator:
        """An evaluator of another pool of the same model, with the same suite, store and settings."""
        return self._like(pool, self.suite, self.batch_norm)

    def with_suite(self, suite: Suite) -> Evaluator:
        """An evaluator of the same pool on other examples, with the same store and settings."""
        return self._like(self.pool, suite, self.batch_norm)

    def in_float32(self) -> Evaluator:
        """The same evaluator, with the same weights in memory, for what needs losses and logits without rounding."""
        if self._wanted_precision == "float32":
            return self
        return self._copy(self.store, "float32")

    def with_store(self, store: Store) -> Evaluator:
        """The same evaluator, with the same weights in memory and another store."""
        return self._copy(store, self._wanted_precision)

    def _copy(self, store: Store, precision: Precision) -> Evaluator:
        other = copy(self)
        other._wanted_precision = precision
        other._use(store)
        if self.elsewhere is not None:
            other.elsewhere = Elsewhere(other, self.elsewhere.crew)
        return other

    def _use(self, store: Store) -> None:
        again = weakref.WeakMethod(self._again)
        self.kept = Kept(
            self.pool,
            self.suite,
            store,
            model=self.architecture.fingerprint,
            recalibration=self.recalibration,
            precisions=("float32",) if self._wanted_precision == "float32" else ("float32", "bfloat16"),
            device=self.device.type,
            again=lambda recipe, split: measure(recipe, split) if (measure := again()) else None,
        )
        self._neighbours = Neighbours(self.pool, store, len(self.suite.splits))
        # Measurements in progress; callers that ask for the same one join it. An entry goes with its last user.
        self._runs: weakref.WeakValueDictionary[str, Run] = weakref.WeakValueDictionary()

    def _like(self, pool: Pool, suite: Suite, batch_norm: BatchNorm | Recalibration) -> Evaluator:
        return Evaluator(
            pool,
            suite,
            device=self._wanted_device,
            store=self.store,
            model=self.architecture,
            batch_norm=batch_norm,
            precision=self._wanted_precision,
            cluster=self._cluster,
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

    @property
    def precision(self) -> Literal["float32", "bfloat16"]:
        """What new measurements are made with; for ``"auto"`` the first reading measures which is faster."""
        return self.computation.precision(self._wanted_precision, Recipe({self.pool.names[0]: 1}))

    @property
    def store(self) -> Store:
        """Where measurements are kept."""
        return self.kept.store

    @property
    def forward_images(self) -> int:
        """How many examples went through the network so far."""
        return self.computation.images

    @property
    def matrix(self) -> PoolMatrix:
        """The pool's weights on the device; a row is read when it is first used."""
        return self.computation.network.matrix

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
        recipe = Recipe.of(recipe)
        self.asked[recipe] = None
        # Nobody sees the answers on the way: they need no forecast.
        for evaluation in self._stream(recipe, self._splits(splits), foretold=False):
            last = evaluation
        return last

    def stream(self, recipe: RecipeLike, splits: str | Sequence[str] | None = None) -> Iterator[Evaluation]:
        """Measure a recipe step by step.

        Yields after every batch once every split has a first coarse score; the
        last one is exact. What neighbours in the store predict makes coarse scores
        of accuracy finer (``SplitScore.estimate``). Stop iterating to cancel: splits that are complete
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

    def _stream(self, recipe: Recipe, chosen: Sequence[Split], *, foretold: bool = True) -> Iterator[Evaluation]:
        scores = self.kept.scores(recipe, chosen)
        # Two splits may hold the same images: these are one measurement.
        waiting: dict[str, list[Split]] = {}
        missing = [split for split in chosen if split.name not in scores]
        if not missing:
            yield Evaluation(recipe, scores)
            return
        keys, half = self.run_keys(recipe, missing)
        for split in missing:
            waiting.setdefault(keys[split.name], []).append(split)
        # One for all splits: the more examples were compared, the better a recipe's rounding is known.
        rounding = Rounding()
        runs = {
            key: self.run(splits[0], key, rounding if splits[0].name in half else None, recipe if foretold else None)
            for key, splits in waiting.items()
        }
        found: dict[str, SplitScore] = {}
        orders: dict[str, Order] = {}
        shown = time.monotonic()
        # Nobody sees the answers on the way to one that was asked for whole.
        with all_used(run.share for run in runs.values()), watched(runs.values() if foretold else ()):
            if foretold:
                # Somebody else may have come far with them, without looking.
                with self.computation.lock:
                    for run in runs.values():
                        if run.seen and not run.done:
                            run.look()
            going = True
            while going:
                mine = [run for run in runs.values() if self._is_mine(recipe, run)]
                if self.elsewhere is not None:
                    self.elsewhere.advance(recipe, mine, orders)
                else:
                    due = next_batches(mine, self.computation.batch)
                    if due:
                        self._step(recipe, *due)
                    elif len(mine) < len(runs):
                        time.sleep(POLL)
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
            known = self.kept.scores(recipe, [run.split])
            if known:
                run.kept = known[run.split.name]
                run.share.release()
            return True

    def stored(self, recipe: RecipeLike, splits: str | Sequence[str] | None = None) -> Evaluation | None:
        """The exact evaluation if the store has all of it, else None; computes nothing."""
        recipe = Recipe.of(recipe)
        chosen = self._splits(splits)
        scores = self.kept.scores(recipe, chosen)
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
        return self.kept.all(self._splits(splits))

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
        known = self.kept.scores(recipe, splits)
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
        if self.elsewhere is not None:
            self.elsewhere.crew.call()
            return
        keys, half = self.run_keys(recipe, [split])
        self._step(recipe, (self.run(split, keys[split.name], Rounding() if half else None), 1))

    @property
    def abreast(self) -> int:
        """How many recipes are measured at once: one, or as many as the cluster has workers."""
        return 1 if self.elsewhere is None else self.elsewhere.crew.abreast

    @contextmanager
    def ahead(self, recipes: Iterable[RecipeLike], splits: str | Sequence[str] | None = None) -> Iterator[None]:
        """Have recipes measured together on the cluster, while the block asks for one after another.

        Without a cluster it does nothing. Results are in the store as they come; when the block is left, what is not
        yet measured is given up.

        Parameters
        ----------
        recipes
            In the order in which they will be asked for.
        splits
            As in `evaluate`.

        Examples
        --------
        >>> ev = getfixture("evaluator")
        >>> recipes = [Recipe({"zero-shot": 1}), Recipe({"ft-03": 1})]
        >>> with ev.ahead(recipes, "val"):
        ...     [ev.evaluate(recipe, "val").exact for recipe in recipes]
        [True, True]
        """
        if self.elsewhere is None:
            yield
            return
        with self.elsewhere.ahead([Recipe.of(recipe) for recipe in recipes], self._splits(splits)):
            yield

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
        with self.computation.lock:
            with torch.inference_mode():
                self.computation.mix(Recipe.of(recipe))
            with full_float32(self.device):
                yield self.computation.network.module

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
        return self.kept.record(Recipe.of(recipe), split, logits)

    def key(self, recipe: RecipeLike, split: Split, treatment: Mapping[str, Any] | None = None) -> str:
        """The key under which ``recipe`` on ``split`` is stored; ``treatment`` as in `measurement_key`."""
        return self.kept.keys(Recipe.of(recipe), [split], treatment)[split.name]

    def run_key(self, recipe: Recipe, split: Split) -> str:
        """The key under which a new measurement is filed; `key` is that of one in float32."""
        return self.run_keys(recipe, [split])[0][split.name]

    def run_keys(self, recipe: Recipe, splits: Sequence[Split]) -> tuple[dict[str, str], set[str]]:
        """The keys of new measurements, and the names of the splits that are measured in bfloat16."""
        half: set[str] = set()
        if self.computation.precision(self._wanted_precision, recipe) == "bfloat16":
            half = {split.name for split in splits if can_be_audited(split)}
        keys = self.kept.keys(recipe, [split for split in splits if split.name not in half])
        if half:
            keys |= self.kept.keys(recipe, [s for s in splits if s.name in half], precision="bfloat16")
        return keys, half

    def _splits(self, names: str | Sequence[str] | None) -> list[Split]:
        if names is None:
            return list(self.suite.splits.values())
        # A string is a sequence of strings, too.
        names = [names] if isinstance(names, str) else names
        unknown = [name for name in names if name not in self.suite.splits]
        if unknown:
            raise KeyError(f"the suite has no split {unknown[0]!r}; it has {', '.join(self.suite.splits)}")
        return [self.suite.splits[name] for name in dict.fromkeys(names)]

    def reader(self, split: Split) -> SplitReader:
        """A split's images in the order of measurement, ready for the model."""
        return self.computation.reader(split)

    def run(self, split: Split, key: str, rounding: Rounding | None = None, recipe: Recipe | None = None) -> Run:
        """The measurement of this key that is in progress, or a new one; with a recipe, neighbours predict it."""
        reader = self.reader(split)
        with self.computation.lock:
            run = self._runs.get(key)
            if run is None:
                predicted = None if recipe is None else self._neighbours.predict(recipe, split, self._keys_of)
                forecast = None if predicted is None else Forecast(predicted, split.labels, reader.order)
                share = Share(self.store.claims, key)
                run = self._runs[key] = Run(split, reader, share=share, rounding=rounding, forecast=forecast)
            return run

    def _keys_of(self, recipe: Recipe, split: Split) -> list[str]:
        return [key for _, _, key in self.kept.answering(recipe, [split])]

    def _again(self, recipe: Recipe, split: Split) -> Logits | None:
        keys, half = self.run_keys(recipe, [split])
        # Held until its logits are available.
        run = self.run(split, keys[split.name], Rounding() if half else None)
        for _ in self._stream(recipe, [split], foretold=False):
            pass
        return run.logits if run.done else stored_logits(self.store, keys[split.name])

    def _step(self, recipe: Recipe, *due: tuple[Run, int]) -> None:
        """Advance runs, each to its ``stop`` unless it is that far already, and store those that are complete."""
        with self.computation.lock.of(due[0][0].seen, due[0][0].number):
            due = tuple((run, stop) for run, stop in due if run.kept is None)
            if not due:
                return
            for (run, _), complete in zip(due, self.computation.advance(recipe, *due), strict=True):
                if complete:
                    logits = run.logits if self.kept.keeps_outputs else None
                    run.kept = self.kept.file(run.share.key, recipe, run.split, run.score(), logits=logits)
                    run.share.release()


def _device(name: str | torch.device) -> torch.device:
    name = known_device(str(name))
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
