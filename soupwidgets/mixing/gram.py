"""Inner products between the checkpoints of a pool, tensor by tensor: lengths and angles of task vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from soupwidgets.pool import Pool

_PIECE = 1 << 18


def grams(pool: Pool, names: Sequence[str], origin: str | None = None) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Compute the inner products of all pairs for every floating-point tensor, in one pass over the files.

    Parameters
    ----------
    pool
        The checkpoints.
    names
        Names of at least one of them.
    origin
        The checkpoint to subtract from the others, so that the vectors are task
        vectors; None for the weights themselves.

    Yields
    ------
    str, NDArray[float64]
        Name of the tensor, and ``[names, names]`` inner products, summed in float64.

    Raises
    ------
    PoolError
        When a name is not in the pool.
    CheckpointError
        When a file becomes unreadable.
    """
    seen_from = [] if origin is None else [origin]
    pool.require([*names, *seen_from])
    for row in zip(*(pool.checkpoints[name].read() for name in [*names, *seen_from]), strict=True):
        tensor_name, first = row[0]
        if not first.is_floating_point():
            continue
        flat = [tensor.reshape(-1) for _, tensor in row]
        gram = np.zeros((len(names), len(names)))
        for start in range(0, len(flat[0]), _PIECE):
            piece = torch.stack([f[start : start + _PIECE].double() for f in flat])
            if seen_from:
                piece = piece[:-1] - piece[-1]
            gram += (piece @ piece.T).numpy()
        yield tensor_name, gram
