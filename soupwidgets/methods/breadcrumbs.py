"""Model Breadcrumbs: of each layer's task vector neither the largest entries nor the smallest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from soupwidgets.methods.merged_file import moved_ingredients, write_merged
from soupwidgets.methods.method import soup_method
from soupwidgets.pool import Pool


@soup_method("breadcrumbs", "Breadcrumbs", paper="Davari and Belilovsky, arXiv 2312.06795")
def breadcrumbs(
    pool: Pool,
    path: str | Path,
    ingredients: Sequence[str] | None = None,
    *,
    density: float = 0.15,
    gamma: float = 0.006,
    scale: float = 1.0,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Leave out the largest entries of each tensor's task vector and the smallest ones, and average the rest.

    Parameters
    ----------
    pool, path, ingredients, progress, overwrite
        As in `ties`.
    density
        Share of a tensor's entries that is kept, above 0; at least one is.
    gamma
        Share of a tensor's entries that is left out as too large; with ``density`` at most 1.
    scale
        theta_0 + scale * mean of the masked task vectors.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    PoolError, ValueError
        As in `ties`; also when the two shares are none.

    Notes
    -----
    Davari and Belilovsky, arXiv 2312.06795, section 3: masks by layer, here by tensor. The paper adds the masked task
    vectors up, times alpha: its alpha is scale / N here, N being how many there are. Its beta is the share of small
    entries that go, 1 - gamma - density here. The defaults are those at which the released search begins.
    """
    if not (0 < density <= 1 and gamma >= 0 and density + gamma <= 1 + 1e-9):
        raise ValueError(
            f"density is {density} and gamma {gamma}; density must lie above 0, gamma not below 0, and together they "
            "may be 1 at most"
        )

    def merge(_tensor: str, moves: Tensor) -> Tensor:
        return torch.stack([move * between(move, density, gamma) for move in moves]).mean(dim=0)

    return write_merged(
        pool, path, moved_ingredients(pool, ingredients), merge, "breadcrumbs", {"density": density, "gamma": gamma},
        scale=scale, progress=progress, overwrite=overwrite,
    )  # fmt: skip


def between(move: Tensor, density: float, gamma: float) -> Tensor:
    """Which entries are kept: those that come next in magnitude after the ``gamma`` largest, ``density`` of all.

    Examples
    --------
    >>> between(torch.tensor([[3.0, -8.0, 0.0], [-1.0, 2.0, 5.0]]), density=0.5, gamma=0.2).int().tolist()
    [[1, 0, 0], [0, 1, 1]]
    """
    count = move.numel()
    keep = max(1, round(density * count))
    first = min(round(gamma * count), count - keep)
    magnitudes = move.abs().reshape(-1)
    mask = _largest(magnitudes, first + keep) & ~_largest(magnitudes, first)
    return mask.view(move.shape)


def _largest(magnitudes: Tensor, count: int) -> Tensor:
    """Which are the largest; of equal ones those that come first.

    A partition, because only a border is asked for: a sort takes ten to thirty times as long.
    """
    if count <= 0:
        return torch.zeros(len(magnitudes), dtype=torch.bool)
    border = float(np.partition(magnitudes.numpy(), len(magnitudes) - count)[len(magnitudes) - count])
    found = magnitudes > border
    equal = (magnitudes == border).nonzero().squeeze(1)
    found[equal[: count - int(found.sum())]] = True
    return found
