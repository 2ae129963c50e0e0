"""What the files alone tell: one pass over all of them, a tensor at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.checkpoints.heads import head_of
from soupwidgets.mixing.soundness import all_finite
from soupwidgets.pool import Pool

_PIECE = 1 << 18
_STATISTICS = ("running_mean", "running_var")
# Digits of the significand, the leading one included.
_DIGITS = {torch.float16: 11, torch.bfloat16: 8}


@dataclass(frozen=True)
class WeightFacts:
    """Where checkpoints lie, seen from one of them.

    Parameters
    ----------
    names
        The checkpoints; one whose values are not all finite has NaN for every number.
    origin
        The zero-shot model; where the pool has none, the checkpoint that is nearest to all others.
    not_finite
        Checkpoint to the tensors with NaN or infinite values.
    cosine
        ``[names, names]``: cosines of the angles between the weight matrices, as vectors from zero. One-dimensional
        tensors are left out, as they are alike in all networks, and so is the classifier.
    distance
        Euclidean distance to the origin, divided by the origin's norm, without the classifier (whether a head
        is large is seen in the logits) and running statistics.
    rounding
        Share of that distance which the precision of the file alone makes up: the norm of the rounding error that is
        expected of its digits. 0 for float32, unless its numbers are those of fewer digits.
    digits
        Significant binary digits of each file's numbers.
    heads
        The classifiers' weights ``[classes, features]``; empty where none was found.
    statistics
        Checkpoint to the layers of batch normalisation whose running statistics are those of a new layer.
    fingerprint
        Numbers that no reordering of hidden units changes, ``[tensors, 4]``: sums of powers of each tensor's entries.
    """

    names: tuple[str, ...]
    origin: str
    not_finite: Mapping[str, Sequence[str]]
    cosine: NDArray[np.float64]
    distance: Mapping[str, float]
    rounding: Mapping[str, float]
    digits: Mapping[str, int]
    heads: Mapping[str, NDArray[np.float64]]
    statistics: Mapping[str, Sequence[str]]
    fingerprint: Mapping[str, NDArray[np.float64]]


def weight_facts(pool: Pool, names: Sequence[str], origin: str | None = None) -> WeightFacts:
    """Read checkpoints side by side, a tensor at a time; sums are in float64.

    Parameters
    ----------
    names
        At least two.
    origin
        See `WeightFacts`.

    Raises
    ------
    PoolError
        When the pool lacks a checkpoint.
    CheckpointError
        When a file becomes unreadable.
    """
    pool.require(names)
    files = [pool.checkpoints[name] for name in names]
    classifier = head_of(files[0].tensors)
    digits = {name: _digits(file) for name, file in zip(names, files, strict=True)}
    count = len(names)
    matrices, squares = np.zeros((count, count)), np.zeros((count, count))
    errors = np.zeros(count)
    broken: dict[str, list[str]] = {}
    heads: dict[str, NDArray[np.float64]] = {}
    untouched: dict[str, list[str]] = {}
    prints: dict[str, list[list[float]]] = {name: [] for name in names}
    for row in zip(*(file.read() for file in files), strict=True):
        tensor_name, first = row[0]
        if not first.is_floating_point():
            continue
        values = [tensor for _, tensor in row]
        for name, tensor in zip(names, values, strict=True):
            if not all_finite(tensor):
                broken.setdefault(name, []).append(tensor_name)
            if tensor_name in classifier and tensor.ndim == 2:
                heads[name] = tensor.double().numpy()
            if tensor_name.endswith("running_mean") and not bool(tensor.any()):
                untouched.setdefault(name, []).append(tensor_name.removesuffix(".running_mean"))
        gram, error, summed = _sums(values, [digits[name] for name in names])
        if tensor_name in classifier:
            continue
        if first.ndim > 1:
            matrices += gram
        if not tensor_name.endswith(_STATISTICS):
            squares += gram
            errors += error
        for name, numbers in zip(names, summed, strict=True):
            prints[name].append(numbers)
    with np.errstate(invalid="ignore", divide="ignore"):
        norm = np.sqrt(np.diag(matrices))
        # Where a classifier is all there is, nothing is known of starts.
        cosine = np.where(np.outer(norm, norm) == 0, 1.0, matrices / np.outer(norm, norm))
        if origin is None:
            origin = names[int(np.nanargmax(np.where(np.isnan(cosine), 0, cosine).sum(axis=0)))]
        at = list(names).index(origin)
        apart = np.sqrt(np.maximum(np.diag(squares) + squares[at, at] - 2 * squares[at], 0))
        rounding = np.where(apart > 0, np.sqrt(errors) / apart, 0.0)
        distance = np.where(apart > 0, apart / np.sqrt(squares[at, at]), apart)
    return WeightFacts(
        tuple(names), origin, broken, cosine, _by_name(names, distance), _by_name(names, rounding), digits,
        heads, untouched, {name: np.array(numbers) for name, numbers in prints.items()},
    )  # fmt: skip


def _by_name(names: Sequence[str], values: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(names, map(float, values), strict=True))


def _sums(
    tensors: Sequence[Tensor], digits: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[list[float]]]:
    """Inner products of one tensor in all files, expected squared rounding errors, and sums of powers."""
    flat = [tensor.reshape(-1) for tensor in tensors]
    gram, errors = np.zeros((len(flat), len(flat))), np.zeros(len(flat))
    powers = np.zeros((len(flat), 4))
    for start in range(0, len(flat[0]), _PIECE):
        piece = torch.stack([f[start : start + _PIECE].double() for f in flat])
        gram += (piece @ piece.T).numpy()
        # A number with p digits is off by a uniform error of half a unit of its last one, at most.
        unit = torch.exp2(torch.frexp(piece).exponent.double())
        shares = torch.tensor([2.0**-p if p < 24 else 0.0 for p in digits], dtype=torch.float64)[:, None]
        errors += ((unit * shares).square() / 12 * (piece != 0)).sum(dim=1).numpy()
        powers += np.stack([piece.pow(k).sum(dim=1).numpy() for k in range(1, 5)], axis=1)
    return gram, errors, powers.tolist()


def _digits(file: CheckpointFile) -> int:
    """The digits that a file's numbers have: those of its dtype, or fewer where all numbers are of such a dtype."""
    dtypes = {info.dtype for info in file.tensors.values() if info.dtype.is_floating_point}
    if torch.float32 not in dtypes:
        return min((_DIGITS.get(dtype, 24) for dtype in dtypes), default=24)
    short = dict(_DIGITS)
    for _, tensor in file.read():
        if tensor.dtype == torch.float32 and tensor.ndim > 1:
            flat = tensor.reshape(-1)[:_PIECE]
            short = {dtype: p for dtype, p in short.items() if torch.equal(flat.to(dtype).float(), flat)}
            if not short:
                return 24
    return min(short.values(), default=24)
