"""A faster forward pass for vision transformers, without work that does not affect the result."""

from __future__ import annotations

from functools import partial
from types import MethodType
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn


def streamline(visual: nn.Module) -> bool:
    """Replace the forward pass of an open_clip vision transformer by a faster one.

    Three things are saved. The stock attention module transposes its input
    before it projects it, which costs a slow batched product and copies; here
    queries, keys and values come from one plain product. If the image
    feature is read at the class token, the last block computes only that token:
    the others matter there only as keys and values. And three equal
    channels of a grey image are processed as one.

    Parameters
    ----------
    visual
        An image tower, changed in place. Parameters keep their names, and
        results change only by rounding.

    Returns
    -------
    bool
        False, with nothing changed, if the tower is another kind of network.
    """
    from open_clip.transformer import ResidualAttentionBlock, VisionTransformer

    if not isinstance(visual, VisionTransformer):
        return False
    blocks = list(visual.transformer.resblocks)
    if not all(type(block) is ResidualAttentionBlock and _is_plain(block.attn) for block in blocks):
        return False
    class_token_only = visual.pool_type == "tok" and visual.attn_pool is None and not visual.output_tokens
    for block in blocks:
        queries = 1 if class_token_only and block is blocks[-1] else None
        block.forward = MethodType(partial(_forward, queries=queries), block)
    if type(visual.conv1) is nn.Conv2d and visual.conv1.padding in ((0, 0), "valid"):
        convolution: Any = visual.conv1
        convolution.forward = MethodType(_patches, convolution)
    return True


def _is_plain(attention: Any) -> bool:
    return (
        isinstance(attention, nn.MultiheadAttention)
        and attention.in_proj_weight is not None
        and attention.in_proj_bias is not None
        and attention.bias_k is None
        and not attention.add_zero_attn
    )


def _forward(block: Any, tokens: Tensor, *, queries: int | None, attn_mask: Tensor | None = None) -> Tensor:
    """One pre-norm block for the first ``queries`` tokens (all when None), in evaluation mode."""
    normalised = block.ln_1(tokens)
    tokens = tokens[:, :queries]
    tokens = tokens + block.ls_1(_attend(block.attn, normalised[:, :queries], normalised, attn_mask))
    result: Tensor = tokens + block.ls_2(block.mlp(block.ln_2(tokens)))
    return result


def _patches(convolution: nn.Conv2d, images: Tensor) -> Tensor:
    """Patch embedding; a grey image given as three equal channels is convolved once, with the summed kernel."""
    weight = convolution.weight
    if images.stride(1) == 0:
        images, weight = images[:, :1], weight.sum(dim=1, keepdim=True)
    return F.conv2d(images, weight, convolution.bias, convolution.stride)


def _attend(attention: nn.MultiheadAttention, asking: Tensor, asked: Tensor, mask: Tensor | None) -> Tensor:
    n, length, width = asking.shape
    heads = attention.num_heads

    def split(projected: Tensor, parts: int) -> Tensor:
        return projected.view(n, -1, parts, heads, width // heads).permute(2, 0, 3, 1, 4)

    weight, bias = attention.in_proj_weight, attention.in_proj_bias
    if length == asked.shape[1]:
        query, key, value = split(F.linear(asked, weight, bias), 3)
    else:
        (query,) = split(F.linear(asking, weight[:width], bias[:width]), 1)
        key, value = split(F.linear(asked, weight[width:], bias[width:]), 2)
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return F.linear(mixed.transpose(1, 2).reshape(n, length, width), attention.out_proj.weight, attention.out_proj.bias)
