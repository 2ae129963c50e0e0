"""DELLA: dropped at random, the small entries more often than the large ones; then signs are elected as in TIES."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from soupwidgets.methods.merged_file import agreeing_mean, dice, moved_ingredients, write_merged
from soupwidgets.methods.method import soup_method
from soupwidgets.pool import Pool


@soup_method("della", "DELLA", paper="Deep et al., arXiv 2406.11617")
def della(
    pool: Pool,
    path: str | Path,
    ingredients: Sequence[str] | None = None,
    *,
    drop: float = 0.5,
    epsilon: float = 0.15,
    scale: float = 1.0,
    seed: int = 0,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Drop entries of each task vector at random, small ones more often, rescale, elect signs, and average.

    Parameters
    ----------
    pool, path, ingredients, progress, overwrite
        As in `ties`.
    drop
        The mean probability p of an entry to be dropped.
    epsilon
        In each row the largest entry is dropped with probability drop - epsilon, the smallest with drop + epsilon, and
        those between by their rank. From 0 up; both must be probabilities, and the larger below 1.
    scale
        theta_0 + scale * merged task vector.
    seed
        The same seed drops the same entries.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    PoolError, ValueError
        As in `ties`; also when the probabilities are none.

    Notes
    -----
    Deep et al., arXiv 2406.11617, section 2: drop (MAGPRUNE: what is kept is divided by its own probability of being
    kept), elect, fuse. A row belongs to one output: the first axis of a tensor. As in the released code epsilon is half
    of the window of probabilities, and a tensor with one axis is one row.
    """
    if not (epsilon >= 0 and drop - epsilon >= 0 and drop + epsilon < 1):
        raise ValueError(
            f"drop is {drop} and epsilon {epsilon}; drop - epsilon and drop + epsilon must lie between 0 and 1, and "
            "below 1"
        )
    names = moved_ingredients(pool, ingredients)

    def merge(tensor: str, moves: Tensor) -> Tensor:
        pruned = []
        for name, move in zip(names, moves, strict=True):
            keep = keep_probabilities(move, drop, epsilon)
            pruned.append(torch.where(dice(seed, name, tensor, move.shape) < keep, move / keep, 0.0))
        return agreeing_mean(torch.stack(pruned))

    return write_merged(
        pool, path, names, merge, "della", {"drop": drop, "epsilon": epsilon, "seed": seed}, scale=scale,
        progress=progress, overwrite=overwrite,
    )  # fmt: skip


def keep_probabilities(move: Tensor, drop: float, epsilon: float) -> Tensor:
    """With which probability each entry is kept: it rises evenly with its rank by magnitude within its row.

    Examples
    --------
    >>> keep_probabilities(torch.tensor([[3.0, -8.0, 0.0], [-1.0, 2.0, 5.0]]), drop=0.5, epsilon=0.25).tolist()
    [[0.5, 0.75, 0.25], [0.25, 0.5, 0.75]]
    """
    rows = move if move.ndim > 1 else move[None]
    if not move.numel():
        return torch.ones_like(move)
    rows = rows.reshape(len(rows), -1).abs()
    rank = rows.argsort(dim=1, stable=True).argsort(dim=1)
    last = rows.shape[1] - 1
    # An only entry is in the middle of its row.
    place = rank / last if last else torch.full_like(rows, 0.5)
    return (1 - drop + epsilon * (2 * place - 1)).view(move.shape)
