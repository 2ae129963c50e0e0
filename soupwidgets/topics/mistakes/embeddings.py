"""Image embeddings of a model, and the nearest training images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.models import Architecture
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Split

_BATCH = 256
_NEAREST = 10


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Features of some images, of reference images with known labels, and of the classes' names.

    Parameters
    ----------
    split, reference
        Names of the two splits.
    images, references
        ``[n, features]``, each of length 1.
    labels
        Labels of the references.
    classes
        ``[classes, features]``, each of length 1: the head's embedding of each class.
    """

    split: str
    reference: str
    images: NDArray[np.float32]
    references: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: NDArray[np.float32]

    def nearest(self, row: int, count: int = 5, *, label: int | None = None) -> NDArray[np.int64]:
        """Rows of the nearest references, the nearest first.

        Parameters
        ----------
        label
            Only references of this class.
        """
        rows = np.arange(len(self.labels)) if label is None else np.flatnonzero(self.labels == label)
        similarity = self.references[rows] @ self.images[row]
        found: NDArray[np.int64] = rows[np.argsort(-similarity, kind="stable")[:count]]
        return found


def embeddings(ev: Evaluator, split: str, *, recipe: Recipe | None = None, progress: bool = True) -> Embeddings:
    """Embed a split's images and the training images.

    The references are the suite's training images, or validation images if it has none of those.

    Parameters
    ----------
    recipe
        The model; the pool's zero-shot model, whose head consists of embedded prompts, when None.

    Raises
    ------
    KeyError
        When the suite has no such split.
    PoolError
        When the pool lacks the model, or has no zero-shot model.
    ValueError
        When the models are not open_clip's.
    """
    if split not in ev.suite.splits:
        raise KeyError(f"the suite has no split {split!r}; it has {', '.join(ev.suite.splits)}")
    reference = ev.suite.training or ev.suite.validation
    images, references = embed_splits(ev, [ev.suite.splits[split], reference], recipe=recipe, progress=progress)
    with ev.model(recipe or Recipe({ev.pool.zero_shot: 1})) as model, torch.inference_mode():
        classes = F.normalize(model.get_parameter("head.weight").float(), dim=-1).cpu().numpy()
    return Embeddings(split, reference.name, images, references, reference.labels, classes)


def embed_splits(
    ev: Evaluator,
    splits: Sequence[Split],
    *,
    recipe: Recipe | None = None,
    change: Callable[[torch.Tensor], torch.Tensor] | None = None,
    progress: bool = True,
) -> list[NDArray[np.float32]]:
    """Embed the images of some splits by one model.

    Parameters
    ----------
    splits
        Any whose images the model takes.
    recipe
        The model; the pool's zero-shot model when None.
    change
        What is done to the images first, in the form in which the model takes them, ``[n, channels, height, width]``.

    Returns
    -------
    list[NDArray[np.float32]]
        ``[n, features]`` for each split, each of length 1.

    Raises
    ------
    PoolError
        When the pool lacks the model, or has no zero-shot model.
    ValueError
        When the models are not open_clip's.
    """
    if not isinstance(ev.architecture, Architecture):
        raise ValueError(
            "embeddings are those of an open_clip image tower with its head; "
            "of other networks nothing says which layer they are"
        )
    total = sum(map(len, splits))
    with (
        ev.model(recipe or Recipe({ev.pool.zero_shot: 1})) as model,
        torch.inference_mode(),
        tqdm(total=total, desc="embeddings", unit="image", disable=not progress) as bar,
    ):
        visual = model.get_submodule("visual")
        return [_embed(ev, visual, split, bar, change) for split in splits]


def _embed(
    ev: Evaluator,
    visual: torch.nn.Module,
    split: Split,
    bar: Any,
    change: Callable[[torch.Tensor], torch.Tensor] | None,
) -> NDArray[np.float32]:
    found = []
    for start in range(0, len(split), _BATCH):
        rows = np.arange(start, min(start + _BATCH, len(split)))
        pixels, _ = ev.batch(split, rows)
        assert isinstance(pixels, torch.Tensor)
        pixels = pixels if change is None else change(pixels)
        found.append(F.normalize(visual(pixels).float(), dim=-1).cpu().numpy())
        bar.update(len(rows))
    return np.concatenate(found)


def typicality(embedded: Embeddings) -> NDArray[np.float64]:
    """How close each reference is to the others of its class: mean similarity to the ten nearest, ``[references]``.

    The reference itself is left out, so this is what to expect of an image of the class.
    """
    found = np.empty(len(embedded.labels))
    for label in np.unique(embedded.labels):
        rows = np.flatnonzero(embedded.labels == label)
        similarity = (embedded.references[rows] @ embedded.references[rows].T).astype(np.float64)
        np.fill_diagonal(similarity, -np.inf)
        k = min(_NEAREST, len(rows) - 1)
        found[rows] = np.sort(similarity, axis=1)[:, -k:].mean(axis=1) if k else 1.0
    return found


def nearness(embedded: Embeddings, row: int, label: int) -> float:
    """How close an image is to references of a class: mean similarity to its ten nearest; NaN if there are none."""
    rows = embedded.nearest(row, _NEAREST, label=label)
    return float((embedded.references[rows] @ embedded.images[row]).mean()) if len(rows) else float("nan")
