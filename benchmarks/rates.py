"""What this machine could do: its best measured rates of products, and the work of a forward pass."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

_SIDE, _REPEATS = 2048, 9


def product_rate(dtype: torch.dtype) -> float:
    """The best rate of a product of two square matrices, in FLOP/s."""
    first, second = torch.ones(2, _SIDE, _SIDE).to(dtype)
    best = float("inf")
    for _ in range(_REPEATS):
        start = time.perf_counter()
        _ = first @ second
        best = min(best, time.perf_counter() - start)
    return 2 * _SIDE**3 / best


def flops_an_image(model: nn.Module, images: Tensor) -> float:
    """Floating-point operations of the products in one forward pass, by image; of a network that nobody uses."""
    # For inference torch has products in one piece that its counter does not know, and so has the evaluator's network.
    model.train()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(images)
    return counter.get_total_flops() / len(images)


def words(rates: dict[str, float]) -> str:
    """Rates for a table, such as ``float32 230, bfloat16 820 GFLOP/s``."""
    return ", ".join(f"{name} {rate / 1e9:,.0f}" for name, rate in rates.items()) + " GFLOP/s"
