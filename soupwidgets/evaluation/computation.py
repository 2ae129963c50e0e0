"""The outputs of recipes on examples: weights are mixed, statistics measured, and the network run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from soupwidgets.devices import full_float32
from soupwidgets.evaluation.batch_norm import BATCH as BN_BATCH
from soupwidgets.evaluation.batch_norm import Recalibration, is_mixture, measure_statistics, source_of
from soupwidgets.evaluation.freed_memory import keep_freed_memory
from soupwidgets.evaluation.network import MixedNetwork, halved
from soupwidgets.evaluation.passes import Passes, first_of, joined
from soupwidgets.evaluation.precision import Precision, choose
from soupwidgets.evaluation.prefix import Prefix, chain_of
from soupwidgets.evaluation.run import Run
from soupwidgets.evaluation.split_reader import SplitReader
from soupwidgets.evaluation.turns import Turns
from soupwidgets.models import Inputs, Model
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Split, Suite

BATCH = {"cpu": 384, "cuda": 2048}


class Computation:
    """Computes outputs; it knows no store, and evaluators with different stores or precisions may share it.

    Parameters
    ----------
    pool, suite, model
        As in `soupwidgets.Evaluator`.
    device
        Where to compute.
    recalibration
        On which examples statistics of batch normalisation are measured for a mixture; None if they are averaged.

    Attributes
    ----------
    lock
        Held for one batch at a time.
    images
        How many examples went through a network so far.
    """

    def __init__(
        self, pool: Pool, suite: Suite, model: Model, device: torch.device, *, recalibration: Recalibration | None
    ) -> None:
        self.lock = Turns()
        self.network = MixedNetwork(model, pool, device)
        self.batch = BATCH[device.type]
        self.images = 0
        self._suite, self._model, self._device = suite, model, device
        self._recalibration = recalibration
        self._readers: dict[str, SplitReader] = {}
        self._passes = Passes()
        self._chosen: dict[Precision, Literal["float32", "bfloat16"]] = {}
        # By whether they compute in bfloat16; there are none before a recipe has coefficients by tensor.
        self._may_skip = False
        self._prefixes: dict[bool, Prefix | None] = {}
        if device.type == "cpu":
            keep_freed_memory()

    def reader(self, split: Split) -> SplitReader:
        """A split's examples in the order of measurement, ready for the model."""
        with self.lock:
            if split.name not in self._readers:
                self._readers[split.name] = SplitReader(split, self._model, self._device)
            return self._readers[split.name]

    @torch.inference_mode()
    def precision(self, wanted: Precision, recipe: Recipe) -> Literal["float32", "bfloat16"]:
        """What is computed in, given what is wanted; the first time the possible ways are timed, with this recipe."""
        with self.lock:
            if wanted not in self._chosen:
                self.mix(recipe)
                reader = self.reader(self._suite.reference)
                with full_float32(self._device):
                    self._chosen[wanted] = choose(
                        self.network,
                        wanted,
                        self._model.fingerprint,
                        batch=lambda number: reader.batch(0, number),
                        most=min(self.batch, len(reader)),
                    )
            return self._chosen[wanted]

    @torch.inference_mode()
    def advance(self, recipe: Recipe, *due: tuple[Run, int]) -> list[bool]:
        """Advance runs, each up to its ``stop``, or its audit by one batch; which scores are complete and certain."""
        with self.lock.of(due[0][0].seen, due[0][0].number):
            behind = [(run, stop) for run, stop in due if run.seen < stop]
            for run, _ in behind:
                run.share.say(working=True)
            batches = [run.reader.batch(run.seen, stop) for run, stop in behind]
            whole = joined(batches) if len({run.half for run, _ in behind}) == 1 and not self._may_skip else None
            if whole is not None:
                outputs = self._outputs(recipe, behind[0][0], whole, None, half=behind[0][0].half)
                parts = torch.split(outputs, [stop - run.seen for run, stop in behind])
            else:
                rows = [run.reader.order[run.seen : stop] for run, stop in behind]
                parts = tuple(
                    self._outputs(recipe, run, batch, those, half=run.half)
                    for (run, _), batch, those in zip(behind, batches, rows, strict=True)
                )
            for (run, _), part in zip(behind, parts, strict=True):
                run.add(part)
            return [self._looked_at(recipe, run) for run, _ in due]

    def _looked_at(self, recipe: Recipe, run: Run) -> bool:
        """Say how far a run is; whether its score is complete and certain."""
        if not run.done:
            run.look()
        if run.done and self._certain(recipe, run):
            return True
        run.share.say(working=False, score=run.last)
        return False

    def mix(self, recipe: Recipe) -> None:
        """Give the network a recipe's weights and statistics, unless it has them."""
        network = self.network
        if network.mixed == recipe:
            return
        network.mixed = None
        network.mix(recipe)
        if self._recalibration is not None and is_mixture(recipe):
            source = source_of(self._suite)
            rows, reader = self._recalibration.rows(source), self.reader(source)
            batches = (reader.pick(rows[i : i + BN_BATCH])[0] for i in range(0, len(rows), BN_BATCH))
            with full_float32(self._device):
                measure_statistics(network.module, batches)
            self.images += len(rows)
        network.mixed = recipe
        if recipe.by_tensor and self._recalibration is None:
            self._may_skip = True
        for prefix in self._prefixes.values():
            if prefix is not None:
                prefix.move_to(recipe)

    def _certain(self, recipe: Recipe, run: Run) -> bool:
        """Advance the audit of a complete pass by one batch; whether there is nothing left to do."""
        if run.audit is None:
            return True
        rows = run.audit.due(self.batch)
        if len(rows):
            outputs = self._outputs(recipe, run, run.reader.pick(rows)[0], rows, half=False)
            class_map = run.split.scoring.class_map
            run.audit.add((outputs if class_map is None else class_map.restrict(outputs)).float().cpu().numpy())
        return not len(run.audit.due(1))

    @torch.inference_mode()
    def outputs(self, recipe: Recipe, inputs: Inputs) -> Tensor:
        """A recipe's outputs ``[n, ...]`` in float32, for whoever has a loop of their own."""
        with self.lock:
            self.mix(recipe)
            forward = self.network.forward(half=False)
            return self._passed(lambda piece, _: forward(piece), inputs)

    def _passed(self, network: Callable[[Inputs, slice], Tensor], inputs: Inputs) -> Tensor:
        with full_float32(self._device):
            found = self._passes(network, inputs)
        self.images += len(found)
        return found

    def _outputs(
        self, recipe: Recipe, run: Run, inputs: Inputs, rows: NDArray[np.int64] | None, *, half: bool
    ) -> Tensor:
        self.mix(recipe)
        if half:
            self.network.update_half()
            inputs = halved(inputs)
        module = self.network.half_module if half else self.network.module
        prefix = self._prefix(recipe, module, inputs, run.split, half=half) if self._may_skip else None

        forward = self.network.forward(half=half)

        def outputs(piece: Inputs, part: slice) -> Tensor:
            if prefix is None or rows is None:
                return forward(piece)
            return prefix(piece, run.split.name, rows[part], len(run.reader))

        found = self._passed(outputs, inputs)
        return found.float() if half else found

    def _prefix(self, recipe: Recipe, module: nn.Module, inputs: Inputs, split: Split, *, half: bool) -> Prefix | None:
        """What skips the first blocks of the network, if they can be skipped."""
        if half not in self._prefixes:
            chain = chain_of(self._model, module, first_of(inputs, 2), form=split.form)
            self._prefixes[half] = None if chain is None else Prefix(module, chain)
            if (made := self._prefixes[half]) is not None:
                made.move_to(recipe)
        return self._prefixes[half]
