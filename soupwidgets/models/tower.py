"""open_clip's plain vision transformer, without open_clip: for measuring, where starting at once matters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

# What open_clip assumes where a description says nothing, of what a plain tower can be told.
_DEFAULTS = {"layers": 12, "width": 768, "head_width": 64, "mlp_ratio": 4.0, "patch_size": 16, "image_size": 224}


def plain_tower(embed_dim: int, vision_cfg: Mapping[str, Any], *, quick_gelu: bool = False) -> Tower | None:
    """The image tower of a description, if it is the plain kind that nearly all of open_clip's models have.

    open_clip brings torchvision, timm and transformers along: two to three seconds and a quarter of a gigabyte,
    which whoever only measures bundled models need not pay.

    Parameters
    ----------
    embed_dim
        Length of the features.
    vision_cfg
        open_clip's own description.
    quick_gelu
        Whether to use OpenAI's approximation of GELU.

    Returns
    -------
    Tower | None
        With parameters of open_clip's names and shapes; None if the description says anything else than sizes.

    Examples
    --------
    >>> plain_tower(64, {"width": 96, "layers": 3, "head_width": 32, "patch_size": 7, "image_size": 28}).proj.shape
    torch.Size([96, 64])
    >>> plain_tower(64, {"timm_model_name": "resnet18"}) is None
    True
    """
    sizes = _DEFAULTS | dict(vision_cfg)
    whole = [sizes[name] for name in ("layers", "width", "head_width", "patch_size")]
    image = sizes["image_size"]
    whole += image if isinstance(image, list | tuple) and len(image) == 2 else [image]
    if set(sizes) > set(_DEFAULTS) or type(sizes["mlp_ratio"]) not in (int, float):
        return None
    if not all(type(size) is int and size > 0 for size in whole):
        return None
    return Tower(embed_dim, sizes, QuickGELU if quick_gelu else nn.GELU)


class QuickGELU(nn.Module):
    """OpenAI's approximation, ``x * sigmoid(1.702 x)``."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply it to each number."""
        return inputs * torch.sigmoid(1.702 * inputs)


class Block(nn.Module):
    """The parameters of one layer; its pass is `soupwidgets.models.streamline`'s."""

    def __init__(self, width: int, heads: int, hidden: int, activation: type[nn.Module]) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ls_1 = nn.Identity()
        self.ln_2 = nn.LayerNorm(width)
        layers = {"c_fc": nn.Linear(width, hidden), "gelu": activation(), "c_proj": nn.Linear(hidden, width)}
        self.mlp = nn.Sequential(OrderedDict(layers))
        self.ls_2 = nn.Identity()


class Blocks(nn.Module):
    """One layer after the other."""

    def __init__(self, blocks: list[Block]) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(blocks)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens ``[n, length, width]`` after all layers."""
        for block in self.resblocks:
            tokens = block(tokens)
        return tokens


class Tower(nn.Module):
    """A vision transformer that reads its features at the class token (arXiv 2103.00020, section 2.4).

    Parameters
    ----------
    embed_dim
        Length of the features.
    sizes
        All of open_clip's sizes of a plain tower.
    activation
        Between the two linear layers of a block.
    """

    def __init__(self, embed_dim: int, sizes: Mapping[str, Any], activation: type[nn.Module]) -> None:
        super().__init__()
        width, patch, image = sizes["width"], sizes["patch_size"], sizes["image_size"]
        rows, columns = (side // patch for side in ((image, image) if isinstance(image, int) else image))
        heads, hidden = width // sizes["head_width"], int(width * sizes["mlp_ratio"])
        # Zeros, as random numbers without memory cost an import of half a second: weights come from checkpoints.
        self.conv1 = nn.Conv2d(3, width, kernel_size=patch, stride=patch, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros(rows * columns + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Blocks([Block(width, heads, hidden, activation) for _ in range(sizes["layers"])])
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.zeros(width, embed_dim))

    def forward(self, images: Tensor) -> Tensor:
        """Features ``[n, embed_dim]`` of normalised images ``[n, 3, height, width]``."""
        patches = self.conv1(images).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(patches.shape[0], 1, -1)
        tokens = torch.cat([first, patches], dim=1) + self.positional_embedding
        read: Tensor = self.ln_post(self.transformer(self.ln_pre(tokens))[:, 0])
        return read @ self.proj
