"""Image classifiers of torchvision that the names and shapes of tensors suggest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from soupwidgets.models.model import Model
from soupwidgets.models.sources import torchvision

Shapes = Mapping[str, tuple[int, ...]]
_MOST_CLASSES = 1 << 20
# Buffers, which are not among the parameters that torchvision counts.
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "relative_position_index", "relative_coords_table")
_PUBLISHED_CLASSES, _PUBLISHED_SIDE = 1000, 224


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
