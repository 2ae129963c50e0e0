"""Batch-normalisation statistics, measured again for a mixture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from soupwidgets.models import Inputs
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Split, Suite

BATCH = 128
BatchNorm = Literal["auto", "recompute", "average"]


@dataclass(frozen=True)
class Recalibration:
    """On which examples means and variances are measured: training images, or validation images if there are none.

    Labels are not used.

    Parameters
    ----------
    images
        How many are averaged over, with equal weights of their batches of 128.
    seed
        Decides which.
    """

    images: int = 1024
    seed: int = 0

    def rows(self, split: Split) -> NDArray[np.int64]:
        """Places in the split."""
        return np.random.default_rng(self.seed).permutation(len(split))[: self.images]

    def key(self, split: Split) -> dict[str, Any]:
        """What a measurement with such statistics is filed under."""
        return {"batch_norm": {"images": self.images, "seed": self.seed, "of": split.content_hash}}


def recalibration_of(given: BatchNorm | Recalibration, pool: Pool) -> Recalibration | None:
    """What an evaluator's switch means for a pool; None if statistics are averaged, or there are none.

    Raises
    ------
    ValueError
        When they are to be measured again and the models have none, or the switch is none of its values.
    """
    if isinstance(given, str) and given not in ("auto", "recompute", "average"):
        raise ValueError(f"batch_norm is {given!r}; it may be 'recompute', 'average', or a Recalibration")
    there = any(name.endswith("running_mean") for name in pool.tensors)
    if not there and given not in ("auto", "average"):
        raise ValueError("the models have no batch normalisation with running statistics: nothing to recompute")
    if not there or given == "average":
        return None
    return given if isinstance(given, Recalibration) else Recalibration()


def source_of(suite: Suite) -> Split:
    """The split whose examples statistics are measured on."""
    return suite.training or suite.validation


def batch_norm_note(pool: Pool, recalibration: Recalibration | None, suite: Suite) -> str:
    """A sentence on the batch-normalisation statistics of a pool's mixtures; empty if there are none."""
    if not any(name.endswith("running_mean") for name in pool.tensors):
        return ""
    if recalibration is None:
        return "Batch normalisation uses the averaged statistics of the checkpoints at every point."
    source = source_of(suite)
    number = min(recalibration.images, len(source))
    kind = "training" if source.role == "train" else "validation"
    return f"Batch-normalisation statistics of mixtures are recomputed from {number:,} {kind} examples."


def is_mixture(recipe: Recipe) -> bool:
    """Whether statistics belong to no checkpoint: more than one takes part."""
    return bool(recipe.by_tensor) or sum(1 for value in recipe.values() if value) > 1 or 1.0 not in recipe.values()


def measure_statistics(model: nn.Module, batches: Iterable[Inputs]) -> None:
    """Replace every running mean and variance of a network by those of some examples, in place.

    Parameters
    ----------
    model
        In evaluation mode, in which it stays: only its batch normalisation sees the examples as training would.
    batches
        What goes in.

    Notes
    -----
    Izmailov et al., arXiv 1803.05407, section 3.2, and Jordan et al., arXiv 2211.08403, section 3: the activations of
    averaged weights vary less than those of either network. As `torch.optim.swa_utils.update_bn`, but dropout stays
    off, as in every evaluation.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    before = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        # None: the plain mean over batches.
        layer.momentum = None
        layer.train()
    try:
        for batch in batches:
            model(batch.contiguous() if isinstance(batch, Tensor) else batch)
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum
            layer.eval()


def statistics_of(model: nn.Module) -> Mapping[str, Tensor]:
    """Every running mean and variance of a network, by tensor."""
    return {name: x for name, x in model.named_buffers() if name.endswith(("running_mean", "running_var"))}
