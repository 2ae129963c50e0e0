"""What is in one checkpoint: size, precision, soundness, architecture, head."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from soupwidgets.checkpoints import CheckpointFile, TensorInfo
from soupwidgets.models.depth import block_of

_HEADS = (".classification_head.weight", ".head.weight", ".classifier.weight", ".fc.weight")
# Rows of a prompt head all have the same norm, up to rounding to half precision.
_EQUAL_ROWS = 1e-3
_PIECE = 1 << 22


@dataclass(frozen=True)
class Inspection:
    """The content of one file.

    Parameters
    ----------
    parameters
        Total number of floating-point values.
    dtypes
        Number of tensors of each precision.
    not_finite
        Tensor to its number of NaN and of infinite values; tensors without any are left out.
    block_norms
        Euclidean norm of all weights of each block of layers; tensors outside blocks are listed by their own names.
    architecture
        The image tower inferred from the shapes, with open_clip's names for it; None if they fit nothing known.
    head
        The origin of the classifier, inferred from its rows; None without a classifier.
    """

    parameters: int
    dtypes: Mapping[str, int]
    not_finite: Mapping[str, tuple[int, int]]
    block_norms: Mapping[str, float]
    architecture: str | None
    head: str | None


def inspect_checkpoint(file: CheckpointFile) -> Inspection:
    """Read a checkpoint once, one tensor at a time; norms are computed in float64.

    Raises
    ------
    CheckpointError
        When the file becomes unreadable.

    Examples
    --------
    >>> found = inspect_checkpoint(CheckpointFile("data/zoo/fashion/zero-shot.safetensors"))
    >>> found.parameters, found.head
    (358528, '10 classes; all rows have the norm 14.6: made of prompts (a zero-shot head)')
    """
    squares: dict[str, float] = {}
    not_finite: dict[str, tuple[int, int]] = {}
    head = None
    for name, tensor in file.read():
        if not tensor.is_floating_point():
            continue
        # In pieces: a token embedding in float64 would be larger than the file.
        square = 0.0
        nans = infinities = 0
        flat = tensor.reshape(-1)
        for start in range(0, len(flat), _PIECE):
            exact = flat[start : start + _PIECE].double()
            square += float(exact.square().sum())
            if not math.isfinite(square):
                nans += int(exact.isnan().sum())
                infinities += int(exact.isinf().sum())
        if nans or infinities:
            not_finite[name] = (nans, infinities)
        squares[block_of(name)] = squares.get(block_of(name), 0.0) + square
        if f".{name}".endswith(_HEADS) and tensor.ndim == 2:
            head = _head(tensor)
    return Inspection(
        parameters=sum(math.prod(info.shape) for info in file.tensors.values() if info.dtype.is_floating_point),
        dtypes=Counter(str(info.dtype).removeprefix("torch.") for info in file.tensors.values()),
        not_finite=not_finite,
        block_norms={block: math.sqrt(square) for block, square in squares.items()},
        architecture=guess_architecture(file.tensors),
        head=head,
    )


def guess_architecture(tensors: Mapping[str, TensorInfo]) -> str | None:
    """Identify the image tower from names and shapes alone.

    It is a description, with the names of open_clip's models that have such a tower.
    """
    stems = [name.removesuffix("conv1.weight") for name in tensors if name.endswith("visual.conv1.weight")]
    if len(stems) != 1:
        return None
    stem = stems[0]
    shapes = {name.removeprefix(stem): info.shape for name, info in tensors.items() if name.startswith(stem)}
    tokens = tensors.get(stem.removesuffix("visual.") + "token_embedding.weight")
    text = None if tokens is None else {"vocab_size": tokens.shape[0], "width": tokens.shape[-1]}
    positions = shapes.get("positional_embedding")
    if positions is None or len(positions) != 2 or len(shapes["conv1.weight"]) != 4:
        return _guess_resnet(shapes, text)
    width, _, patch, _ = shapes["conv1.weight"]
    layers = len({name.split(".")[2] for name in shapes if name.startswith("transformer.resblocks.")})
    image = patch * math.isqrt(positions[0] - 1)
    projection = shapes.get("proj")
    wanted = {"width": width, "patch_size": patch, "layers": layers, "image_size": image}
    words = f"vision transformer, patches of {patch}, width {width}, {layers} layers, images of {image} pixels"
    return words + _open_clip_names(wanted, projection[1] if projection else None, text)


def _guess_resnet(shapes: Mapping[str, tuple[int, ...]], text: Mapping[str, int] | None) -> str | None:
    layers = [len({n.split(".")[1] for n in shapes if n.startswith(f"layer{stage}.")}) for stage in (1, 2, 3, 4)]
    if not all(layers) or "attnpool.c_proj.weight" not in shapes:
        return None
    width = shapes["layer1.0.conv1.weight"][0]
    words = f"CLIP ResNet, width {width}, blocks {'-'.join(map(str, layers))}"
    return words + _open_clip_names({"width": width, "layers": layers}, shapes["attnpool.c_proj.weight"][0], text)


def _open_clip_names(wanted: Mapping[str, object], embed_dim: int | None, text: Mapping[str, int] | None) -> str:
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
    return f"; open_clip: {', '.join(names)}" if names else "; no model of open_clip has this size"


def _head(weight: Tensor) -> str:
    norms = weight.double().norm(dim=1)
    spread = float(norms.std() / norms.mean()) if len(norms) > 1 else 1.0
    classes = f"{len(weight):,} classes"
    if spread < _EQUAL_ROWS:
        return f"{classes}; all rows have the norm {float(norms.mean()):.1f}: made of prompts (a zero-shot head)"
    return f"{classes}; rows have norms from {float(norms.min()):.2f} to {float(norms.max()):.2f}: trained"
