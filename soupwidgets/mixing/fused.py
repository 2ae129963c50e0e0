"""Weighted sums of a matrix's rows on a GPU, in one pass over memory however many recipes there are."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

# Recipes that a block of threads sums at once, and sums of a block: they stay in registers. Blocks of other recipes
# for the same parameters run beside each other, and find what one of them has read in the card's cache.
_RECIPES, _SUMS, _PARAMETERS = 16, 4096, 1024


@cache
def can_fuse_sums(device: str) -> bool:
    """Whether there is a compiler for such a device: Triton comes with PyTorch for CUDA on Linux.

    It needs a C compiler when it first starts a kernel, which not every machine with a card has: it is tried.
    """
    if device != "cuda" or find_spec("triton") is None:
        return False
    try:
        data, out = torch.ones(2, 16, device=device), torch.empty(1, 16, device=device)
        fused_sums(data, [0, 1], [[0.25, 0.75]], out)
        return bool((out == 1).all())
    except Exception as error:
        # Whatever a compiler of another project may raise.
        warnings.warn(f"Triton cannot be used on this card ({error!s:.300}): mixing is slower", stacklevel=2)
        return False


def fused_sums(data: Tensor, rows: Sequence[int], coefficients: Sequence[Sequence[float]], out: Tensor) -> None:
    """Write ``coefficients @ data[rows]`` to ``out``, accumulated in float32.

    Memory gives each row once for all recipes, in the precision in which it is stored, and each result
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

    size, recipes = data.shape[1], len(coefficients)
    most = min(triton.next_power_of_2(recipes), _RECIPES)
    groups, block = triton.cdiv(recipes, most), min(_PARAMETERS, _SUMS // most)
    # A recipe after the other for each row, and zeros for those that are lacking to whole groups.
    shares = torch.zeros(len(rows), groups * most)
    shares[:, :recipes] = torch.tensor(coefficients, dtype=torch.float32).T
    index = torch.tensor(list(rows), dtype=torch.int64)
    with torch.cuda.device(data.device) if data.is_cuda else nullcontext():
        kernel()[(groups * triton.cdiv(size, block),)](
            data, _sent(index, data.device), _sent(shares, data.device), out, size, recipes, groups, len(rows),
            data.stride(0), out.stride(0), most=most, block=block, enable_fp_fusion=True,
        )  # fmt: skip


def _sent(numbers: Tensor, device: torch.device) -> Tensor:
    """To a card without waiting for what it does."""
    return numbers.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else numbers


@cache
def kernel() -> Any:
    """The kernel, which Triton compiles when it is first started with such arguments."""
    import triton
    import triton.language as tl

    # ruff: noqa: ANN001 - the compiler looks at annotations, and knows no others than this one.
    def sums(  # type: ignore[no-untyped-def]
        data, index, shares, out, size, recipes, groups, count, row_stride, out_stride, most: tl.constexpr,
        block: tl.constexpr,
    ) -> None:  # fmt: skip
        group = tl.program_id(0) % groups
        # 64 bits: a pool of a dozen large models has more than 2^31 parameters.
        places = (tl.program_id(0) // groups).to(tl.int64) * block + tl.arange(0, block)
        inside = places < size
        if most == 1:
            # Nothing but this sum: the compiler keeps several rows under way.
            alone = tl.zeros((block,), dtype=tl.float32)
            for i in tl.range(count, loop_unroll_factor=4):
                values = tl.load(data + tl.load(index + i) * row_stride + places, mask=inside, other=0.0)
                alone += tl.load(shares + i * groups + group) * values.to(tl.float32)
            tl.store(out + group.to(tl.int64) * out_stride + places, alone.to(out.dtype.element_ty), mask=inside)
        else:
            which = group * most + tl.arange(0, most)
            total = tl.zeros((most, block), dtype=tl.float32)
            for i in range(count):
                values = tl.load(data + tl.load(index + i) * row_stride + places, mask=inside, other=0.0)
                total += tl.load(shares + i * groups * most + which)[:, None] * values.to(tl.float32)[None, :]
            target = out + which[:, None].to(tl.int64) * out_stride + places[None, :]
            tl.store(target, total.to(out.dtype.element_ty), mask=(which < recipes)[:, None] & inside[None, :])

    return triton.jit(sums)
