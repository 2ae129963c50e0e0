"""Batch-normalisation statistics, recomputed for a mixture."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from soupwidgets.evaluation.evaluator import Evaluator
from soupwidgets.models import Inputs
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe

_BATCH = 128


@dataclass(frozen=True)
class Recalibration:
    """Which images of the validation split the statistics are measured on; labels are not used.

    Parameters
    ----------
    images
        How many images are averaged over, with equal weights.
    seed
        Decides which images.
    """

    images: int = 2048
    seed: int = 0


def has_batch_norm(model: nn.Module) -> bool:
    """Whether a model keeps running statistics of batch normalisation."""
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats for m in model.modules())


def batch_norm_note(pool: Pool, recalibration: Recalibration | None) -> str:
    """A sentence on the batch-normalisation statistics of a pool's mixtures; empty if there are none.

    Parameters
    ----------
    pool
        The checkpoints.
    recalibration
        How they are recomputed at every point; None if the checkpoints' statistics are averaged.
    """
    if not any(name.endswith("running_mean") for name in pool.tensors):
        return ""
    if recalibration is None:
        return "Batch normalisation uses the averaged statistics of the checkpoints at every point."
    return f"Batch-normalisation statistics were recomputed from {recalibration.images:,} images at every point."


def recalibrated(ev: Evaluator, recipe: Recipe, recalibration: Recalibration) -> nn.Module:
    """A mixture whose batch-normalisation means and variances are recomputed.

    Parameters
    ----------
    ev
        Evaluator of the pool.
    recipe
        The mixture.
    recalibration
        The images to use.

    Returns
    -------
    nn.Module
        An independent copy.

    Raises
    ------
    ValueError
        When the model has no batch normalisation with running statistics.
    PoolError
        When the recipe names a checkpoint that the pool lacks.

    Notes
    -----
    Izmailov et al., arXiv 1803.05407, section 3.2; uses `torch.optim.swa_utils.update_bn`.
    """
    split = ev.suite.validation
    rows = np.random.default_rng(recalibration.seed).permutation(len(split))[: recalibration.images]
    with ev.model(recipe) as mixed:
        if not has_batch_norm(mixed):
            raise ValueError("the model has no batch normalisation with running statistics: nothing to recalibrate")
        # The evaluator's own buffer must keep the recipe's weights.
        model = copy.deepcopy(mixed)

    def batches() -> Iterator[Inputs]:
        for start in range(0, len(rows), _BATCH):
            examples, _ = ev.batch(split, rows[start : start + _BATCH])
            yield examples.contiguous() if isinstance(examples, Tensor) else examples

    with torch.no_grad():
        update_bn(batches(), model)
    return model
