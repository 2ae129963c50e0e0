"""TIES and DARE: merges that no recipe expresses, because every single number is treated for itself.

They are written to a file, one tensor at a time; the file joins the pool like
any other checkpoint (`Pool.including`) and can be measured and mixed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.methods.method import soup_method
from soupwidgets.methods.uniform import chosen_ingredients
from soupwidgets.mixing import check_target, save_stream
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

    def merge(origin: str, names: Sequence[str]) -> Callable[[str, Tensor], Tensor]:
        bounds = torch.from_numpy(_bounds(pool, origin, names, density))[:, None]

        def merged(_tensor: str, moves: Tensor) -> Tensor:
            kept = torch.where(moves.abs() >= bounds, moves, 0.0)
            sign = kept.sum(dim=0).sign()
            agreeing = kept * (kept.sign() == sign)
            voters = (agreeing != 0).sum(dim=0)
            return agreeing.sum(dim=0) / voters.clamp(min=1)

        return merged

    return _write(pool, path, ingredients, merge, "ties", {"density": density, "scale": scale}, progress, overwrite)


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

    def merge(_origin: str, names: Sequence[str]) -> Callable[[str, Tensor], Tensor]:
        def merged(tensor: str, moves: Tensor) -> Tensor:
            kept = torch.stack([_keep(seed, name, tensor, drop, moves.shape[1]) for name in names])
            return (moves * kept).mean(dim=0) / (1 - drop)

        return merged

    return _write(
        pool, path, ingredients, merge, "dare", {"drop": drop, "scale": scale, "seed": seed}, progress, overwrite
    )


def _write(
    pool: Pool,
    path: str | Path,
    ingredients: Sequence[str] | None,
    merge: Callable[[str, Sequence[str]], Callable[[str, Tensor], Tensor]],
    method: str,
    settings: dict[str, Any],
    progress: bool,
    overwrite: bool,
) -> Path:
    origin = pool.zero_shot
    names = [name for name in chosen_ingredients(pool, ingredients) if name != origin]
    if not names:
        raise ValueError("there is no ingredient besides the zero-shot model")
    check_target(pool, [*names, origin], path, overwrite=overwrite)
    merged = merge(origin, names)

    def stream() -> Iterator[tuple[str, Tensor]]:
        for tensor, start, moves in _task_vectors(pool, origin, names):
            if moves is None:
                yield tensor, start
            else:
                yield tensor, (start.reshape(-1).float() + settings["scale"] * merged(tensor, moves)).view(start.shape)

    content = [{"ingredient": n, "sha256": pool.checkpoints[n].content_hash} for n in [origin, *names]]
    return save_stream(
        pool, path, stream(), card={"merge": {"method": method, **settings, "of": content}}, progress=progress
    )


def _task_vectors(pool: Pool, origin: str, names: Sequence[str]) -> Iterator[tuple[str, Tensor, Tensor | None]]:
    """Tensor by tensor: its name, the zero-shot model's, and what each ingredient adds ``[names, numbers]``."""
    for row in zip(*(pool.checkpoints[name].read() for name in [origin, *names]), strict=True):
        tensor, start = row[0]
        if not start.is_floating_point():
            yield tensor, start, None
            continue
        base = start.reshape(-1).float()
        yield tensor, start, torch.stack([value.reshape(-1).float() - base for _, value in row[1:]])


def _bounds(pool: Pool, origin: str, names: Sequence[str], density: float) -> NDArray[np.float32]:
    """For each task vector the magnitude of its k-th largest entry, k being ``density`` of all."""
    total = sum(
        int(np.prod(info.shape, dtype=np.int64)) for info in pool.tensors.values() if info.dtype.is_floating_point
    )
    keep = max(1, round(density * total))
    # The bits of a float that is not negative, read as an integer, keep the order of the floats.
    high = _count(pool, origin, names, lambda bits, _: bits >> 16)
    above = high[:, ::-1].cumsum(axis=1)[:, ::-1]
    leading = (above >= keep).sum(axis=1) - 1
    rest = keep - (above[np.arange(len(names)), leading] - high[np.arange(len(names)), leading])
    low = _count(pool, origin, names, lambda bits, i: bits[bits >> 16 == int(leading[i])] & 0xFFFF)
    trailing = (low[:, ::-1].cumsum(axis=1)[:, ::-1] >= rest[:, None]).sum(axis=1) - 1
    bounds: NDArray[np.float32] = ((leading << 16) | trailing).astype(np.int32).view(np.float32)
    return bounds


def _count(pool: Pool, origin: str, names: Sequence[str], digit: Callable[[Tensor, int], Tensor]) -> NDArray[np.int64]:
    counts = np.zeros((len(names), 1 << 16), dtype=np.int64)
    for _, _, moves in _task_vectors(pool, origin, names):
        if moves is None:
            continue
        for i, row in enumerate(moves.abs().view(torch.int32)):
            for start in range(0, len(row), _PIECE):
                counts[i] += torch.bincount(digit(row[start : start + _PIECE], i), minlength=1 << 16).numpy()
    return counts


def _keep(seed: int, name: str, tensor: str, drop: float, numbers: int) -> Tensor:
    # Seeded by names, so that neither the order of the files nor that of the tensors matters.
    words = hashlib.sha256(f"{seed}/{name}/{tensor}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(words[:8], "little") >> 1)
    return torch.rand(numbers, generator=generator) >= drop
