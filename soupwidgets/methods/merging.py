"""TIES and DARE: merges that no recipe expresses, because every single number is treated for itself.

They are written to a file, one tensor at a time; the file joins the pool like
any other checkpoint (`Pool.including`) and can be measured and mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.methods.merged_file import agreeing_mean, dice, moved_ingredients, task_vectors, write_merged
from soupwidgets.methods.method import soup_method
from soupwidgets.mixing import check_target
from soupwidgets.pool import Pool

_PIECE = 1 << 20


@soup_method("ties", "TIES", paper="Yadav et al., arXiv 2306.01708")
def ties(
    pool: Pool,
    path: str | Path,
    ingredients: Sequence[str] | None = None,
    *,
    density: float = 0.2,
    scale: float = 1.0,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Trim each task vector to its largest entries, elect a sign per entry, and average those that agree with it.

    Parameters
    ----------
    pool
        Has the zero-shot model and the ingredients.
    path
        Where to write: ``.safetensors`` or ``.pt``.
    ingredients
        Names; the pool's fine-tuned models when None.
    density
        Share of a task vector's entries that is kept, above 0 and at most 1.
    scale
        The paper's lambda: theta_0 + scale * merged task vector.
    progress
        Whether to show a progress bar.
    overwrite
        Whether to replace a file that is there already.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`; also when ``density`` is out of its range, there is
        not exactly one zero-shot model, or the path is an ingredient's own.

    Notes
    -----
    Yadav et al., arXiv 2306.01708, section 4: the largest entries are those of
    the whole task vector, not of each tensor. The bound is found exactly in two
    passes over the files, by counting the leading and then the trailing 16 bits of every magnitude.
    """
    if not 0 < density <= 1:
        raise ValueError(f"density is {density}; it must lie above 0 and not above 1")

    names = moved_ingredients(pool, ingredients)
    # The bounds take two passes over the files: what cannot be written is said before.
    check_target(pool, [*names, pool.zero_shot], path, overwrite=overwrite)
    bounds = torch.from_numpy(_bounds(pool, names, density))

    def merge(_tensor: str, moves: Tensor) -> Tensor:
        least = bounds.view(-1, *[1] * (moves.ndim - 1))
        return agreeing_mean(torch.where(moves.abs() >= least, moves, 0.0))

    return write_merged(
        pool, path, names, merge, "ties", {"density": density}, scale=scale, progress=progress, overwrite=overwrite
    )


@soup_method("dare", "DARE", paper="Yu et al., arXiv 2311.03099")
def dare(
    pool: Pool,
    path: str | Path,
    ingredients: Sequence[str] | None = None,
    *,
    drop: float = 0.9,
    scale: float = 1.0,
    seed: int = 0,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Drop entries of each task vector at random, make up for them by rescaling, and average.

    Parameters
    ----------
    pool, path, ingredients, progress, overwrite
        As in `ties`.
    drop
        The probability p of an entry to be dropped, 0 <= p < 1. What is kept is divided by 1 - p.
    scale
        theta_0 + scale * mean of the dropped task vectors.
    seed
        The same seed drops the same entries.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    PoolError, ValueError
        As in `ties`.

    Notes
    -----
    Yu et al., arXiv 2311.03099, section 3.2 (drop and rescale), followed by averaging.
    """
    if not 0 <= drop < 1:
        raise ValueError(f"drop is {drop}; it must lie between 0 and 1, and below 1")

    names = moved_ingredients(pool, ingredients)

    def merge(tensor: str, moves: Tensor) -> Tensor:
        kept = torch.stack([dice(seed, name, tensor, moves.shape[1:]) >= drop for name in names])
        return (moves * kept).mean(dim=0) / (1 - drop)

    return write_merged(
        pool, path, names, merge, "dare", {"drop": drop, "seed": seed}, scale=scale, progress=progress,
        overwrite=overwrite,
    )  # fmt: skip


def _bounds(pool: Pool, names: Sequence[str], density: float) -> NDArray[np.float32]:
    """For each task vector the magnitude of its k-th largest entry, k being ``density`` of all."""
    total = sum(
        int(np.prod(info.shape, dtype=np.int64)) for info in pool.tensors.values() if info.dtype.is_floating_point
    )
    keep = max(1, round(density * total))
    # The bits of a float that is not negative, read as an integer, keep the order of the floats.
    high = _count(pool, names, lambda bits, _: bits >> 16)
    above = high[:, ::-1].cumsum(axis=1)[:, ::-1]
    leading = (above >= keep).sum(axis=1) - 1
    rest = keep - (above[np.arange(len(names)), leading] - high[np.arange(len(names)), leading])
    low = _count(pool, names, lambda bits, i: bits[bits >> 16 == int(leading[i])] & 0xFFFF)
    trailing = (low[:, ::-1].cumsum(axis=1)[:, ::-1] >= rest[:, None]).sum(axis=1) - 1
    bounds: NDArray[np.float32] = ((leading << 16) | trailing).astype(np.int32).view(np.float32)
    return bounds


def _count(pool: Pool, names: Sequence[str], digit: Callable[[Tensor, int], Tensor]) -> NDArray[np.int64]:
    counts = np.zeros((len(names), 1 << 16), dtype=np.int64)
    for _, _, moves in task_vectors(pool, names):
        if moves is None:
            continue
        for i, move in enumerate(moves.abs().view(torch.int32)):
            row = move.reshape(-1)
            for start in range(0, len(row), _PIECE):
                counts[i] += torch.bincount(digit(row[start : start + _PIECE], i), minlength=1 << 16).numpy()
    return counts
