"""Small pools by hand, and what a merge made of them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from soupwidgets import Pool
from tests.fixtures import WriteCheckpoint


def pool_of(write: WriteCheckpoint, start: Tensor, *moves: Tensor) -> Pool:
    """A zero-shot model of one tensor ``w``, and ingredients ``a``, ``b``, ... that moved from it."""
    path = write("zero-shot", {"w": start}, role="zero_shot")
    for name, move in zip("abcdefgh", moves, strict=False):
        path = write(name, {"w": start + move})
    return Pool.open(path.parent)


def added(pool: Pool, path: Path, tensor: str = "w") -> Tensor:
    """What a merged file has more than the zero-shot model."""
    start = dict(pool.checkpoints["zero-shot"].read())[tensor].float()
    found = dict(pool.including(path).checkpoints[path.stem].read())[tensor].float()
    return found - start


def random_moves(count: int, *shape: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for _ in range(count)]
