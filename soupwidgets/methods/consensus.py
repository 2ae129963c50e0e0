"""Consensus merging: of the merged task vector only what several ingredients have a use for, told by TALL masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from soupwidgets.methods.merged_file import moved_ingredients, write_merged
from soupwidgets.methods.method import soup_method
from soupwidgets.pool import Pool


@soup_method("consensus", "Consensus", paper="Wang et al., arXiv 2405.07813")
def consensus(
    pool: Pool,
    path: str | Path,
    ingredients: Sequence[str] | None = None,
    *,
    least: int = 2,
    threshold: float = 0.4,
    scale: float | None = None,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Keep those entries of the merged task vector that the TALL masks of several ingredients have in common.

    Parameters
    ----------
    pool, path, ingredients, progress, overwrite
        As in `ties`.
    least
        The paper's k: how many masks an entry must be in. 0 keeps all, which is task arithmetic; 1 leaves out what
        serves none; 2 also what serves one alone.
    threshold
        The paper's lambda_t, the same for every ingredient: from 0 up, and the higher, the fewer entries are in a mask.
    scale
        The merged task vector is scale * sum of the task vectors; 1 / N when None, their mean.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    PoolError, ValueError
        As in `ties`; also when ``least`` is more than there are, or ``threshold`` below 0.

    Notes
    -----
    Wang et al., arXiv 2405.07813, section 4. With tau_t = theta_t - theta_0 and the merged task vector tau, the TALL
    mask of ingredient t is ``|tau_t| >= lambda_t |tau - tau_t|``. The paper's tasks are different ones, and its sum has
    scale 1; of ingredients that learned the same task, the sum lies N times too far, and no mask would have an entry.
    The paper chooses lambda_t among 0.2, 0.3, ..., 0.6 by validation images of task t.
    """
    names = moved_ingredients(pool, ingredients)
    if not 0 <= least <= len(names):
        raise ValueError(f"least is {least}; an entry can be in 0 to {len(names)} masks, one for each ingredient")
    if threshold < 0:
        raise ValueError(f"threshold is {threshold}; it must not lie below 0")
    factor = 1 / len(names) if scale is None else scale

    def merge(_tensor: str, moves: Tensor) -> Tensor:
        merged = factor * moves.sum(dim=0)
        return merged * (tall_masks(moves, merged, threshold).sum(dim=0) >= least)

    settings = {"least": least, "threshold": threshold, "of_sum": factor}
    return write_merged(pool, path, names, merge, "consensus", settings, progress=progress, overwrite=overwrite)


def tall_masks(moves: Tensor, merged: Tensor, threshold: float) -> Tensor:
    """For each task vector, in which entries the merged one is nearer to it than nothing is.

    Parameters
    ----------
    moves
        Task vectors, ``[names, *shape]``.
    merged
        The merged one, ``[*shape]``.
    threshold
        The distance to the merged one counts times this.

    Examples
    --------
    >>> import torch
    >>> tall_masks(torch.tensor([[4.0, 1.0], [2.0, -3.0]]), torch.tensor([3.0, -1.0]), threshold=1.0).int().tolist()
    [[1, 0], [1, 1]]
    """
    return moves.abs() >= threshold * (merged - moves).abs()
