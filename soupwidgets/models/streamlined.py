"""A faster forward pass for vision transformers, without work that does not affect the result."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from soupwidgets.models.products import can_fuse, linear, linear_and_activation, linear_and_sum
from soupwidgets.models.tower import Tower


def streamline(visual: nn.Module) -> bool:
    """Give a vision transformer of open_clip, or a `Tower`, a faster forward pass.

    The stock attention module transposes its input before it projects it, which costs a slow batched product and
    copies; here queries, keys and values come from one plain product. If the image feature is read at the class
    token, the last block computes only that token: the others matter there only as keys and values. Patches are
    embedded by one product, and three equal channels of a grey image are processed as one. Products may be fused
    with what follows them: see `use_fused_products`.

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
    own = isinstance(visual, Tower)
    if not own and not _is_open_clips(visual):
        return False
    tower: Any = visual
    blocks = list(tower.transformer.resblocks)
    class_token_only = own or (tower.pool_type == "tok" and tower.attn_pool is None and not tower.output_tokens)
    _choose(visual, False)
    for block in blocks:
        _give(block, _block_pass(block, visual, 1 if class_token_only and block is blocks[-1] else None))
    convolution = tower.conv1
    if type(convolution) is nn.Conv2d and convolution.padding in ((0, 0), "valid"):
        _give(convolution, _patch_pass(convolution))
    return True


def use_fused_products(network: nn.Module, wanted: bool) -> bool:
    """Choose how a streamlined network computes its products; False if there is nothing to choose.

    Which is faster differs between processors: on some AMD ones torch's own products reach half of oneDNN's speed.
    Only passes in inference mode on a CPU are affected.

    Parameters
    ----------
    network
        Whose towers were streamlined.
    wanted
        Whether to use oneDNN's fused products.
    """
    towers = [module for module in network.modules() if hasattr(module, "fused_products")]
    for tower in towers:
        _choose(tower, wanted)
    return bool(towers)


def _is_open_clips(visual: nn.Module) -> bool:
    """Whether it is open_clip's vision transformer with blocks that are known here."""
    # Where nobody imported open_clip, nobody built a tower with it.
    theirs = sys.modules.get("open_clip.transformer")
    if theirs is None or not isinstance(visual, theirs.VisionTransformer):
        return False
    blocks: Any = visual.transformer.resblocks
    return all(type(block) is theirs.ResidualAttentionBlock and _is_plain(block.attn) for block in blocks)


def _choose(tower: Any, fused: bool) -> None:
    tower.fused_products = fused


def _give(module: Any, forward: Callable[..., Tensor]) -> None:
    module.forward = forward


def _is_plain(attention: Any) -> bool:
    return (
        isinstance(attention, nn.MultiheadAttention)
        and attention.in_proj_weight is not None
        and attention.in_proj_bias is not None
        and attention.bias_k is None
        and not attention.add_zero_attn
    )


def _block_pass(block: Any, tower: Any, queries: int | None) -> Callable[..., Tensor]:
    """The forward pass of one pre-norm block for the first ``queries`` tokens (all when None), in evaluation mode."""

    def forward(tokens: Tensor, *, attn_mask: Tensor | None = None) -> Tensor:
        fused = tower.fused_products and can_fuse(tokens)
        asked = block.ln_1(tokens)
        if queries is not None:
            # Contiguous: a fused product takes no other residual.
            tokens = tokens[:, :queries].contiguous()
        mixed = _attend(block.attn, asked[:, :queries], asked, attn_mask, fused=fused)
        tokens = _add(tokens, mixed, block.attn.out_proj, block.ls_1, fused=fused)
        mlp = block.mlp
        hidden = linear_and_activation(block.ln_2(tokens), mlp.c_fc, mlp.gelu, fused=fused)
        return _add(tokens, hidden, mlp.c_proj, block.ls_2, fused=fused)

    return forward


def _add(tokens: Tensor, inputs: Tensor, layer: nn.Linear, scale: nn.Module, *, fused: bool) -> Tensor:
    if isinstance(scale, nn.Identity):
        return linear_and_sum(inputs, layer.weight, layer.bias, tokens, fused=fused)
    scaled: Tensor = tokens + scale(linear(inputs, layer.weight, layer.bias, fused=fused))
    return scaled


def _patch_pass(convolution: nn.Conv2d) -> Callable[..., Tensor]:
    """Patch embedding ``[n, width, rows, columns]``."""

    def forward(images: Tensor) -> Tensor:
        weight = convolution.weight
        if images.stride(1) == 0:
            # A grey image given as three equal channels is processed once, with the summed kernel.
            images, weight = images[:, :1], weight.sum(dim=1, keepdim=True)
        (n, channels, *pixels), (width, _, *patch) = images.shape, weight.shape
        if tuple(patch) != convolution.stride or any(p % size for p, size in zip(pixels, patch, strict=True)):
            return F.conv2d(images, weight, convolution.bias, convolution.stride)
        rows, columns = (p // size for p, size in zip(pixels, patch, strict=True))
        patches = images.reshape(n, channels, rows, patch[0], columns, patch[1]).permute(0, 2, 4, 1, 3, 5)
        embedded = F.linear(patches.reshape(n, rows * columns, -1), weight.view(width, -1), convolution.bias)
        return embedded.transpose(1, 2).view(n, width, rows, columns)

    return forward


def _attend(
    attention: nn.MultiheadAttention, asking: Tensor, asked: Tensor, mask: Tensor | None, *, fused: bool
) -> Tensor:
    """The mixed values ``[n, queries, width]``, before their projection."""
    n, length, width = asking.shape
    heads = attention.num_heads

    def split(projected: Tensor, parts: int) -> Tensor:
        return projected.view(n, -1, parts, heads, width // heads).permute(2, 0, 3, 1, 4)

    weight, bias = attention.in_proj_weight, attention.in_proj_bias
    if length == asked.shape[1]:
        query, key, value = split(linear(asked, weight, bias, fused=fused), 3)
    else:
        (query,) = split(linear(asking.contiguous(), weight[:width], bias[:width], fused=fused), 1)
        key, value = split(linear(asked, weight[width:], bias[width:], fused=fused), 2)
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return mixed.transpose(1, 2).reshape(n, length, width)
