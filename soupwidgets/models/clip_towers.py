"""Which of open_clip's models have an image tower with these tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ClipTower:
    """An image tower, read from the shapes of its tensors.

    Parameters
    ----------
    words
        What it is, in words.
    names
        open_clip's models that have such a tower.
    """

    words: str
    names: tuple[str, ...]


def clip_tower(tensors: Mapping[str, tuple[int, ...]]) -> ClipTower | None:
    """The one tower named ``visual``, or None if there is none or it is of an unknown kind.

    Parameters
    ----------
    tensors
        Shapes by name; a text tower beside it narrows the choice of names.
    """
    stems = [name.removesuffix("conv1.weight") for name in tensors if name.endswith("visual.conv1.weight")]
    if len(stems) != 1:
        return None
    stem = stems[0]
    shapes = {name.removeprefix(stem): shape for name, shape in tensors.items() if name.startswith(stem)}
    tokens = tensors.get(stem.removesuffix("visual.") + "token_embedding.weight")
    text = None if tokens is None else {"vocab_size": tokens[0], "width": tokens[-1]}
    positions = shapes.get("positional_embedding")
    if positions is None or len(positions) != 2 or len(shapes["conv1.weight"]) != 4:
        return _resnet(shapes, text)
    width, _, patch, _ = shapes["conv1.weight"]
    layers = len({name.split(".")[2] for name in shapes if name.startswith("transformer.resblocks.")})
    image = patch * math.isqrt(max(positions[0] - 1, 0))
    projection = shapes.get("proj")
    wanted = {"width": width, "patch_size": patch, "layers": layers, "image_size": image}
    words = f"vision transformer, patches of {patch}, width {width}, {layers} layers, images of {image} pixels"
    return ClipTower(words, _names(wanted, projection[1] if projection else None, text))


def _resnet(shapes: Mapping[str, tuple[int, ...]], text: Mapping[str, int] | None) -> ClipTower | None:
    layers = [len({n.split(".")[1] for n in shapes if n.startswith(f"layer{stage}.")}) for stage in (1, 2, 3, 4)]
    if not all(layers) or "attnpool.c_proj.weight" not in shapes:
        return None
    width = shapes["layer1.0.conv1.weight"][0]
    words = f"CLIP ResNet, width {width}, blocks {'-'.join(map(str, layers))}"
    names = _names({"width": width, "layers": layers}, shapes["attnpool.c_proj.weight"][0], text)
    return ClipTower(words, names)


def _names(wanted: Mapping[str, object], embed_dim: int | None, text: Mapping[str, int] | None) -> tuple[str, ...]:
    import open_clip

    names = []
    for name in open_clip.list_models():
        config = open_clip.get_model_config(name) or {}
        vision = config.get("vision_cfg", {})
        same = all(vision.get(key) == value for key, value in wanted.items())
        language = config.get("text_cfg", {})
        # If the file has no text tower, any text tower matches.
        same &= text is None or (
            "hf_model_name" not in language and all(language.get(key) == value for key, value in text.items())
        )
        if same and "timm_model_name" not in vision and embed_dim in (None, config.get("embed_dim")):
            names.append(name)
    return tuple(names)
