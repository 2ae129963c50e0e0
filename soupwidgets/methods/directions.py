"""Random directions in the space of weights, as models a step away: a recipe can then go along them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from soupwidgets.mixing import check_target, save_stream
from soupwidgets.pool import Pool


def random_neighbour(
    pool: Pool,
    at: str,
    path: str | Path,
    *,
    seed: int = 0,
    filter_normalised: bool = True,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Write theta + d, a random and filter-normalised step d away from a checkpoint.

    Parameters
    ----------
    pool
        The checkpoints.
    at
        Where the step begins.
    path
        Where to write: ``.safetensors`` or ``.pt``.
    seed
        Decides the direction, tensor by tensor in the order of their names.
    filter_normalised
        Whether every slice of d along the first axis is as long as that of theta, and d is zero in 1-D
        tensors (norms and biases); a plain Gaussian direction of the length of theta otherwise.
    progress
        Whether to show a progress bar.
    overwrite
        Whether to replace a file that is there already.

    Returns
    -------
    Path
        The same path. `Pool.including` takes it into the pool; its role there is ``landmark``.

    Raises
    ------
    PoolError, ValueError
        When the checkpoint is not in the pool, or the path is its own.

    Notes
    -----
    Li et al., arXiv 1712.09913, section 4. Two such neighbours and their
    checkpoint span a plane (`landscape.plane_through`); one of them and the
    checkpoint a line.
    """
    pool.require([at])
    check_target(pool, [at], path, overwrite=overwrite)
    generator = torch.Generator().manual_seed(seed)

    def stream() -> Iterator[tuple[str, Tensor]]:
        for name, tensor in pool.checkpoints[at].read():
            if not tensor.is_floating_point() or name.endswith(("running_mean", "running_var")):
                yield name, tensor.float() if tensor.is_floating_point() else tensor
                continue
            weights = tensor.float()
            step = torch.randn(weights.shape, generator=generator)
            yield name, weights + (_normalised(step, weights) if filter_normalised else _as_long(step, weights))

    form = "filter-normalised" if filter_normalised else "Gaussian"
    card = {
        "role": "landmark",
        "note": f"a random {form} step away from {at}",
        "direction": {"from": pool.checkpoints[at].content_hash, "seed": seed, "form": form},
    }
    return save_stream(pool, path, stream(), card=card, progress=progress)


def _normalised(step: Tensor, weights: Tensor) -> Tensor:
    if weights.ndim < 2:
        return torch.zeros_like(step)
    flat, like = step.flatten(1), weights.flatten(1)
    length = flat.norm(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
    longer: Tensor = like.norm(dim=1, keepdim=True) / length
    return (flat * longer).view_as(step)


def _as_long(step: Tensor, weights: Tensor) -> Tensor:
    longer: Tensor = weights.norm() / step.norm().clamp(min=torch.finfo(torch.float32).tiny)
    return step * longer
