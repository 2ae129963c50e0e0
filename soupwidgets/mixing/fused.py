"""Weighted sums of a matrix's rows on a GPU, in one pass over memory however many recipes there are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

# As many sums as fit into the registers of a block of threads; more recipes are more passes.
_SUMS, _MOST_RECIPES = 8192, 64


@cache
def can_fuse_sums(device: str) -> bool:
    """Whether there is a compiler for such a device: Triton comes with PyTorch for CUDA on Linux."""
    return device == "cuda" and find_spec("triton") is not None


def fused_sums(data: Tensor, rows: Sequence[int], coefficients: Sequence[Sequence[float]], out: Tensor) -> None:
    """Write ``coefficients @ data[rows]`` to ``out``, accumulated in float32.

    Each row is read once for all recipes (up to 64 at a time), in the precision in which it is stored, and each result
    is written once, in that of ``out``.

    Parameters
    ----------
    data
        ``[checkpoints, parameters]`` in float32, float16 or bfloat16; parameters lie side by side.
    rows
        Which checkpoints, ``n`` of them.
    coefficients
        ``[recipes, n]``.
    out
        ``[recipes, parameters]`` in float32, float16 or bfloat16; parameters lie side by side.

    Raises
    ------
    ImportError
        Without Triton; see `can_fuse_sums`.
    """
    import triton

    index = torch.tensor(list(rows), dtype=torch.int64, device=data.device)
    size = data.shape[1]
    for start in range(0, len(coefficients), _MOST_RECIPES):
        some = torch.tensor(coefficients[start : start + _MOST_RECIPES], dtype=torch.float32, device=data.device)
        recipes = triton.next_power_of_2(len(some))
        block = min(1024, _SUMS // recipes)
        part = out[start : start + len(some)]
        _kernel()[(triton.cdiv(size, block),)](
            data, index, some, part, size, len(some), len(index), data.stride(0), part.stride(0),
            most=recipes, block=block,
        )  # fmt: skip


@cache
def _kernel() -> Any:
    import triton
    import triton.language as tl

    def sums(
        data: Any, index: Any, coefficients: Any, out: Any, size: Any, recipes: Any, count: Any,
        row_stride: Any, out_stride: Any, most: tl.constexpr, block: tl.constexpr,
    ) -> None:  # fmt: skip
        # 64 bits: a pool of a dozen large models has more than 2^31 parameters.
        places = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
        inside = places < size
        which = tl.arange(0, most)
        total = tl.zeros((most, block), dtype=tl.float32)
        for i in range(count):
            row = tl.load(index + i)
            values = tl.load(data + row * row_stride + places, mask=inside, other=0.0).to(tl.float32)
            shares = tl.load(coefficients + which * count + i, mask=which < recipes, other=0.0)
            total += shares[:, None] * values[None, :]
        target = out + which[:, None].to(tl.int64) * out_stride + places[None, :]
        tl.store(target, total.to(out.dtype.element_ty), mask=(which < recipes)[:, None] & inside[None, :])

    return triton.jit(sums)
