"""What is in one checkpoint: size, precision, soundness, architecture, head."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from soupwidgets.checkpoints import CheckpointFile, TensorInfo
from soupwidgets.models import Model, Timm, Torchvision, Transformers, guess
from soupwidgets.models.clip_towers import clip_tower
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
        The network inferred from names and shapes; None if they fit nothing known.
    head
        The origin of the classifier, inferred from its rows; None without a classifier.
    models
        The Python that makes each model whose tensors are exactly these.
    """

    parameters: int
    dtypes: Mapping[str, int]
    not_finite: Mapping[str, tuple[int, int]]
    block_norms: Mapping[str, float]
    architecture: str | None
    head: str | None
    models: tuple[str, ...] = ()


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
    models = guess(file.tensors, file.path.parent)
    return Inspection(
        parameters=sum(math.prod(info.shape) for info in file.tensors.values() if info.dtype.is_floating_point),
        dtypes=Counter(str(info.dtype).removeprefix("torch.") for info in file.tensors.values()),
        not_finite=not_finite,
        block_norms={block: math.sqrt(square) for block, square in squares.items()},
        architecture=describe_architecture(file.tensors, models),
        head=head,
        models=tuple(model.code for model in models),
    )


def describe_architecture(tensors: Mapping[str, TensorInfo], models: Sequence[Model] = ()) -> str | None:
    """Describe the network from names and shapes alone.

    Parameters
    ----------
    tensors
        Shapes by name.
    models
        What `soupwidgets.models.guess` found for them.

    Returns
    -------
    str or None
        The image tower of a CLIP model, with the names of open_clip's models that have such a tower; or else the names
        of the models that were found.
    """
    tower = clip_tower({name: info.shape for name, info in tensors.items()})
    if tower is not None:
        names = f"open_clip: {', '.join(tower.names)}" if tower.names else "no model of open_clip has this size"
        return f"{tower.words}; {names}"
    named = [f"{model.source}'s {model.name}" for model in models if isinstance(model, Timm | Torchvision)]
    named += [f"transformers' {model.config['model_type']}" for model in models if isinstance(model, Transformers)]
    return " or ".join(named) or None


def _head(weight: Tensor) -> str:
    norms = weight.double().norm(dim=1)
    spread = float(norms.std() / norms.mean()) if len(norms) > 1 else 1.0
    classes = f"{len(weight):,} classes"
    if spread < _EQUAL_ROWS:
        return f"{classes}; all rows have the norm {float(norms.mean()):.1f}: made of prompts (a zero-shot head)"
    return f"{classes}; rows have norms from {float(norms.min()):.2f} to {float(norms.max()):.2f}: trained"
