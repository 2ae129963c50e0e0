"""Do checkpoints share a pre-training? Averaging models that do not is the most common mistake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.models.depth import block_of

# Weights of independent initialisations are nearly orthogonal; fine-tuned siblings are nearly parallel.
_RELATED = 0.3
_PIECE = 1 << 20


@dataclass(frozen=True)
class Kinship:
    """The relative positions of checkpoints in weight space.

    Parameters
    ----------
    names
        The checkpoints, in the order of the matrix.
    cosine
        ``[n, n]``: cosine of the angle between the weight matrices of two
        checkpoints, as vectors from zero. One-dimensional tensors (norms, biases) are left
        out: they are similar in all models.
    reference
        The checkpoint that distances are measured from.
    distance
        Euclidean distance to the reference, divided by the reference's norm.
    outlier
        For each checkpoint, the block of layers that moved most relative to its own norm, and how far.
    """

    names: list[str]
    cosine: NDArray[np.float64]
    reference: str
    distance: Mapping[str, float]
    outlier: Mapping[str, tuple[str, float]]

    @property
    def families(self) -> list[list[str]]:
        """Groups of checkpoints that appear to share an ancestor; do not average across groups."""
        group = list(range(len(self.names)))
        for i, j in combinations(range(len(self.names)), 2):
            if self.cosine[i, j] > _RELATED:
                old, new = group[j], group[i]
                group = [new if member == old else member for member in group]
        return [[name for name, g in zip(self.names, group, strict=True) if g == k] for k in dict.fromkeys(group)]


def kinship(checkpoints: Mapping[str, CheckpointFile], reference: str | None = None) -> Kinship:
    """Compare checkpoints, reading all of them in parallel, one tensor at a time, in float64.

    Parameters
    ----------
    checkpoints
        At least two, by name. Tensors that are not in all of them with the same
        shape are left out.
    reference
        The checkpoint that distances are measured from; by default the one whose card says that
        it is the zero-shot model, else the first.

    Raises
    ------
    ValueError
        When there are fewer than two, or they have no weight matrix in common.
    KeyError
        When ``reference`` is not one of them.
    """
    names = list(checkpoints)
    if len(names) < 2:
        raise ValueError("at least two checkpoints are needed for a comparison")
    if reference is None:
        reference = next((name for name in names if checkpoints[name].card.role == "zero_shot"), names[0])
    place = names.index(reference) if reference in names else -1
    if place < 0:
        raise KeyError(f"{reference!r} is not one of the checkpoints")
    first = next(iter(checkpoints.values())).tensors
    common = [
        name
        for name, info in first.items()
        if len(info.shape) > 1
        and info.dtype.is_floating_point
        and all(name in file.tensors and file.tensors[name].shape == info.shape for file in checkpoints.values())
    ]
    if not common:
        raise ValueError("these checkpoints have no weight matrix with the same name and shape in common")
    grams: dict[str, NDArray[np.float64]] = {}
    wanted = set(common)
    streams = [((n, t) for n, t in file.read() if n in wanted) for file in checkpoints.values()]
    for row in zip(*streams, strict=True):
        tensor_name = row[0][0]
        flat = [tensor.reshape(-1) for _, tensor in row]
        gram = grams.setdefault(block_of(tensor_name), np.zeros((len(names), len(names))))
        for start in range(0, len(flat[0]), _PIECE):
            piece = torch.stack([f[start : start + _PIECE].double() for f in flat])
            gram += (piece @ piece.T).numpy()
    total: NDArray[np.float64] = np.sum(list(grams.values()), axis=0)
    norm = np.sqrt(np.diag(total))
    moved = {block: _relative_distance(gram, place) for block, gram in grams.items()}
    outlier = {}
    for i, name in enumerate(names):
        block = max(moved, key=lambda b: moved[b][i])
        outlier[name] = (block, float(moved[block][i]))
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = total / np.outer(norm, norm)
    return Kinship(
        names, cosine, reference, dict(zip(names, _relative_distance(total, place).tolist(), strict=True)), outlier
    )


def _relative_distance(gram: NDArray[np.float64], reference: int) -> NDArray[np.float64]:
    square = np.diag(gram)
    apart = np.maximum(square + square[reference] - 2 * gram[reference], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(apart / square[reference]))
