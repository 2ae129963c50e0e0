"""What this machine could do: its best measured rates of products, and the work of a forward pass."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from soupwidgets.models.products import FUSED_TYPES, linear

# Inputs, outputs and rows: a square product, and the widest layer of the bundled zoo's models on a batch.
_SHAPES, _REPEATS = ((2048, 2048, 2048), (96, 384, 6528), (384, 96, 6528)), 9


def product_rate(dtype: torch.dtype) -> float:
    """The best rate of a product, in FLOP/s, of several shapes, through MKL and through oneDNN where torch has it."""
    return max(_rate(multiply, shape, dtype) for shape in _SHAPES for multiply in _multiplications(dtype))


def _multiplications(dtype: torch.dtype) -> list[Callable[[Tensor, Tensor], Tensor]]:
    found: list[Callable[[Tensor, Tensor], Tensor]] = [lambda inputs, weight: inputs @ weight.T]
    if dtype in FUSED_TYPES:
        found.append(lambda inputs, weight: linear(inputs, weight, None, fused=True))
    return found


@torch.inference_mode()
def _rate(multiply: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, int, int], dtype: torch.dtype) -> float:
    width, outputs, rows = shape
    inputs, weight = torch.ones(rows, width, dtype=dtype), torch.ones(outputs, width, dtype=dtype)
    best = float("inf")
    for _ in range(_REPEATS):
        start = time.perf_counter()
        multiply(inputs, weight)
        best = min(best, time.perf_counter() - start)
    return 2 * width * outputs * rows / best


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
