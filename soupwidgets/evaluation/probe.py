"""Logits on synthetic images, such as paths between images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from soupwidgets.evaluation.evaluation import Logits
from soupwidgets.evaluation.evaluator import Evaluator
from soupwidgets.evaluation.filing import stored_logits
from soupwidgets.models import Images, Normaliser
from soupwidgets.recipe import Recipe
from soupwidgets.suites import BlendSplit


class BlendReader:
    """Batches of blended images, made on the device.

    Parameters
    ----------
    split
        The images.
    images
        How the model wants them normalised.
    device
        Where the source images are kept.
    """

    def __init__(self, split: BlendSplit, images: Images, device: torch.device) -> None:
        self._sources = torch.from_numpy(split.sources).to(device)
        self._first, self._second = (torch.from_numpy(rows).to(device) for rows in (split.first, split.second))
        self._weights = torch.from_numpy(split.weights).to(device).view(-1, 2, *(1,) * (split.sources.ndim - 1))
        self._normalise = Normaliser(images, device)

    def __repr__(self) -> str:
        return f"BlendReader({len(self._weights):,} blends of {len(self._sources):,} images, {self._sources.device})"

    def batch(self, start: int, stop: int) -> Tensor:
        """Images ``start`` to ``stop`` as ``[n, 3, height, width]``, float32."""
        weights = self._weights[start:stop]
        blended = self._sources[self._first[start:stop]].float() * weights[:, 0]
        blended.addcmul_(self._sources[self._second[start:stop]].float(), weights[:, 1])
        return self._normalise(blended)


def stream_probe(ev: Evaluator, recipe: Recipe, split: BlendSplit) -> Iterator[Logits]:
    """Show a model blended images, in their order, batch by batch.

    Parameters
    ----------
    ev
        The evaluator. What is in its store is not computed again; complete logits are stored.
    recipe
        The model.
    split
        The images.

    Yields
    ------
    Logits
        ``[seen, classes]`` for the images so far; the last one has all of them. Stop iterating to cancel.

    Raises
    ------
    PoolError
        When the recipe names a checkpoint that the pool lacks.
    ValueError
        When the model takes images of another size, or none at all.
    """
    ev.pool.require(recipe)
    inputs = ev.architecture.inputs
    if not isinstance(inputs, Images):
        raise ValueError(f"{split.name!r} are blended images, but the model takes something else")
    if misfit := inputs.misfit(split.form):
        raise ValueError(misfit)
    key = ev.key(recipe, split)
    if ev.store.get([key]) and (known := stored_logits(ev.store, key)) is not None:
        yield known
        return
    reader = BlendReader(split, inputs, ev.device)
    logits = np.empty((len(split), ev.suite.outputs), dtype=np.float32)
    for start in range(0, len(split), ev.computation.batch):
        stop = min(start + ev.computation.batch, len(split))
        # Hold the model for one batch only, so that a slider that is dragged meanwhile gets its turn.
        logits[start:stop] = ev.computation.outputs(recipe, reader.batch(start, stop)).float().cpu().numpy()
        if stop == len(split):
            ev.record(recipe, split, logits)
        yield logits[:stop]


def probe(ev: Evaluator, recipe: Recipe, split: BlendSplit) -> Logits:
    """The final result of `stream_probe`: logits ``[images, classes]`` of all images."""
    for found in stream_probe(ev, recipe, split):
        last = found
    return last
