"""The product of a layer together with what follows it: its bias, its activation, or the residual sum."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# oneDNN adds the bias, applies the activation or adds a tensor while the product is still in registers; torch's own
# linear layer first copies the bias to every row, and everything that follows is another pass over memory.
_HAS_FUSED = torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_linear_pointwise")
# Not every processor has products of bfloat16, and oneDNN refuses to make up for them.
FUSED_TYPES = {
    torch.float32,
    *([torch.bfloat16] if _HAS_FUSED and torch.ops.mkldnn._is_mkldnn_bf16_supported() else []),
}


def can_fuse(inputs: Tensor) -> bool:
    """Whether there are fused products for such inputs; they have no gradients."""
    return (
        _HAS_FUSED and torch.is_inference_mode_enabled() and inputs.device.type == "cpu" and inputs.dtype in FUSED_TYPES
    )


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None, *, fused: bool) -> Tensor:
    """``inputs @ weight.T + bias``.

    Parameters
    ----------
    inputs
        ``[..., in]``.
    weight
        ``[out, in]``.
    bias
        ``[out]``.
    fused
        Whether to use oneDNN's fused product; see `can_fuse`. Results differ by rounding.
    """
    if not fused:
        return F.linear(inputs, weight, bias)
    found: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    return found


def linear_and_activation(inputs: Tensor, layer: nn.Linear, activation: nn.Module, *, fused: bool) -> Tensor:
    """A linear layer and its activation; only GELU is fused with it."""
    if not fused or type(activation) is not nn.GELU:
        activated: Tensor = activation(linear(inputs, layer.weight, layer.bias, fused=fused))
        return activated
    how = activation.approximate
    found: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, layer.weight, layer.bias, "gelu", [], how)
    return found


def linear_and_sum(inputs: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor, *, fused: bool) -> Tensor:
    """``residual + (inputs @ weight.T + bias)``."""
    if not fused:
        return residual + F.linear(inputs, weight, bias)
    found: Tensor = torch.ops.mkldnn._linear_pointwise.binary(inputs, residual, weight, bias, "add")
    return found
