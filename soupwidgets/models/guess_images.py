"""Image classifiers of torchvision and timm that the names and shapes of tensors suggest."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from soupwidgets.models.model import Model
from soupwidgets.models.sources import timm, torchvision

Shapes = Mapping[str, tuple[int, ...]]
# More than this are not built to be compared: each takes a tenth of a second.
_MOST = 40
_MOST_CLASSES = 1 << 20
# Buffers, which are not among the parameters that torchvision counts.
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "relative_position_index", "relative_coords_table")
_PUBLISHED_CLASSES, _PUBLISHED_SIDE = 1000, 224
_VIT_SIZES = {
    (192, 12): ("tiny",), (384, 12): ("small",), (768, 12): ("base",), (1024, 24): ("large",), (1280, 32): ("huge",),
    (1408, 40): ("giant",),
}  # fmt: skip
_CONVNEXT_SIZES = {
    40: ("atto",), 48: ("femto",), 64: ("pico",), 80: ("nano",), 96: ("tiny", "small"), 128: ("base",),
    192: ("large",), 256: ("xlarge",), 352: ("huge",),
}  # fmt: skip
_SWIN_SIZES = {96: ("tiny", "small"), 128: ("base",), 192: ("large",)}
# The published networks of these names; their many rarer relatives are named by hand.
_MOBILE = re.compile(
    r"(tf_)?(efficientnet_(b[0-7]|lite[0-4])|efficientnetv2_(s|m|l|b[0-3])|mobilenetv2_\d+|mobilenetv3_(small|large)_\d+)$"
)


def torchvision_candidates(shapes: Shapes) -> Iterator[Model]:
    """Networks of torchvision with as many parameters, besides the head's, as these tensors have.

    Parameters
    ----------
    shapes
        By name.
    """
    from torchvision import models
    from torchvision.models import get_model_weights, list_models

    head = _head(shapes, ("fc", "classifier", "heads.head", "head"))
    if head is None or shapes[head][0] > _MOST_CLASSES:
        return
    rows, fan_in = shapes[head][:2]
    numbers = sum(math.prod(shape) for name, shape in shapes.items() if not name.endswith(_BUFFERS))
    bias = head.removesuffix("weight") + "bias" in shapes
    published = numbers + (_PUBLISHED_CLASSES - rows) * (fan_in + bias)
    size = None
    if "encoder.pos_embedding" in shapes:
        side, patch = _side(shapes, "encoder.pos_embedding", "conv_proj.weight"), shapes["conv_proj.weight"][-1]
        _, places, width = shapes["encoder.pos_embedding"]
        published += ((_PUBLISHED_SIDE // patch) ** 2 + 1 - places) * width
        size = (side, side)
    for name in list_models(module=models):
        # Trained weights state it, so nothing needs to be built for it.
        if any(weights.meta.get("num_params") == published for weights in get_model_weights(name)):
            yield torchvision(name, rows, image_size=size)


def timm_candidates(shapes: Shapes) -> Iterator[Model]:
    """Networks of timm whose first and last layer have these names, narrowed by depth, width and patches.

    Parameters
    ----------
    shapes
        By name.
    """
    import timm as library

    heads = {name.removesuffix(".weight"): shape for name, shape in shapes.items() if name.endswith(".weight")}
    names = []
    for name in library.list_models():
        config = library.get_pretrained_cfg(name)
        if config is None or not (config.classifier and config.first_conv):
            continue
        # Some have several.
        last, first = ([one] if isinstance(one, str) else list(one) for one in (config.classifier, config.first_conv))
        if all(one in heads for one in [*last, *first]):
            names.append((name, heads[last[0]][0]))
    likely = _likely(shapes)
    found = [(name, rows) for name, rows in names if rows <= _MOST_CLASSES and (likely is None or likely(name))]
    if len(found) > _MOST:
        return
    sizes: dict[str, tuple[str, int, dict[str, Any]]] = {}
    for name, rows in found:
        options: dict[str, Any] = {}
        if "patch_embed.proj.weight" in shapes and len(shapes.get("pos_embed", ())) == 3:
            side, patch = _side(shapes, "pos_embed", "patch_embed.proj.weight"), shapes["patch_embed.proj.weight"][-1]
            options = {} if name.endswith(f"_{side}") else {"img_size": side}
            options |= {} if f"patch{patch}_" in name else {"patch_size": patch}
        # Names that differ in the size of images are one network, of which the one without options is the plainest.
        plain = re.sub(r"_\d+$", "", name) if "pos_embed" in shapes else name
        if plain not in sizes or len(options) < len(sizes[plain][2]):
            sizes[plain] = name, rows, options
    for name, rows, options in sizes.values():
        try:
            yield timm(name, rows, **options)
        except ValueError:
            # An option that this one has not.
            continue


def _likely(shapes: Shapes) -> Any:
    """Which names of timm could have such tensors; None when nothing narrows the choice."""
    if "layer1.0.conv1.weight" in shapes:
        blocks = [len({n.split(".")[1] for n in shapes if n.startswith(f"layer{stage}.")}) for stage in (1, 2, 3, 4)]
        depth = 2 + sum(blocks) * (3 if "layer1.0.conv3.weight" in shapes else 2)
        return re.compile(rf"\D*(?<!\d){depth}(?!\d)").match
    if "patch_embed.proj.weight" in shapes and "blocks.0.attn.qkv.weight" in shapes:
        width, _, patch, _ = shapes["patch_embed.proj.weight"]
        depth = next(n for n in count() if f"blocks.{n}.norm1.weight" not in shapes)
        sizes = "|".join(_VIT_SIZES.get((width, depth), ("none",)))
        # Patches of another size than any published network's are an option of that with patches of 16.
        wanted = patch if patch in (8, 14, 16, 32) else 16
        return re.compile(rf"(vit|deit|deit3|beit|beitv2)_(medium_)?({sizes})_(distilled_)?patch{wanted}_").match
    if "stages.0.blocks.0.conv_dw.weight" in shapes and "stem.0.weight" in shapes:
        sizes = "|".join(_CONVNEXT_SIZES.get(shapes["stem.0.weight"][0], ("none",)))
        return re.compile(rf"convnext(v2)?_({sizes})").match
    if "layers.0.blocks.0.attn.qkv.weight" in shapes:
        sizes = "|".join(_SWIN_SIZES.get(shapes["patch_embed.proj.weight"][0], ("none",)))
        return re.compile(rf"swinv?2?_({sizes}|cr_)").match
    if "conv_stem.weight" in shapes:
        return _MOBILE.match
    return None


def _head(shapes: Shapes, names: tuple[str, ...]) -> str | None:
    """The last weight under one of these names that could be a linear layer, or a convolution of one pixel."""
    found = [
        name
        for name, shape in shapes.items()
        if name.endswith(".weight")
        and any(name.startswith(f"{head}.") for head in names)
        and (len(shape) == 2 or (len(shape) == 4 and shape[2:] == (1, 1)))
    ]
    # In a file of safetensors names are sorted: the last layer has the highest number.
    return max(found, key=lambda name: [int(part) for part in name.split(".") if part.isdigit()], default=None)


def _side(shapes: Shapes, places: str, patches: str) -> int:
    """The images, in pixels, that a vision transformer's table of positions is for."""
    return math.isqrt(shapes[places][1]) * shapes[patches][-1]
