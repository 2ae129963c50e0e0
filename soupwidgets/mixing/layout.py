"""Where each tensor of a model is stored in one flat buffer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from soupwidgets.checkpoints import TensorInfo
from soupwidgets.recipe import Recipe

# 64 bytes: the width of a cache line and of the widest vector registers.
_ALIGNMENT = 64 // torch.float32.itemsize


@dataclass(frozen=True)
class Place:
    """Offset (in elements) and shape of a tensor in the flat buffer."""

    offset: int
    shape: tuple[int, ...]

    def view(self, flat: Tensor) -> Tensor:
        """A view of the tensor in a flat buffer, without copying."""
        return flat[self.offset : self.offset + math.prod(self.shape)].view(self.shape)


class Layout:
    """Floating-point tensors in one buffer, each aligned to 64 bytes; the other tensors separately.

    Parameters
    ----------
    tensors
        Shape and dtype of every tensor of a checkpoint.

    Attributes
    ----------
    places
        Place of every floating-point tensor. These are mixed, including normalisation
        statistics (running mean and variance), which are averaged
        like weights, as the released WiSE-FT and model-soups scripts do.
    whole
        Names of all other tensors (counters, indices): they cannot be averaged
        and are copied from the ingredient with the largest coefficient.
    size
        Length of the flat buffer in elements.

    Examples
    --------
    >>> import torch
    >>> layout = Layout({"w": TensorInfo((3, 5), torch.float16), "b": TensorInfo((3,), torch.float16)})
    >>> layout.places["b"].offset, layout.places["w"].offset, layout.size
    (0, 16, 32)
    """

    def __init__(self, tensors: Mapping[str, TensorInfo]) -> None:
        self.places: dict[str, Place] = {}
        self.whole: list[str] = []
        offset = 0
        for name, info in sorted(tensors.items()):
            if not info.dtype.is_floating_point:
                self.whole.append(name)
                continue
            self.places[name] = Place(offset, info.shape)
            offset += -(-math.prod(info.shape) // _ALIGNMENT) * _ALIGNMENT
        self.size = offset

    def __repr__(self) -> str:
        return f"Layout({len(self.places)} tensors in {self.size:,} elements, {len(self.whole)} taken whole)"

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Every mixed tensor as a view of ``flat``."""
        return {name: place.view(flat) for name, place in self.places.items()}


def bind(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Make the given tensors the model's parameters and buffers, without copying them.

    Parameters
    ----------
    model
        May be on the meta device.
    tensors
        One per entry of the model's state dict.

    Raises
    ------
    ValueError
        When names or shapes differ from the model's; the message lists them all.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    wrong = [f"the model has {name}, but the checkpoints do not" for name in expected.keys() - given.keys()]
    wrong += [f"the checkpoints have {name}, but the model does not" for name in given.keys() - expected.keys()]
    wrong += [
        f"{name}: {given[name]} in the checkpoints, {expected[name]} in the model"
        for name in expected.keys() & given.keys()
        if expected[name] != given[name]
    ]
    if wrong:
        raise ValueError("the checkpoints do not fit the architecture:\n" + "\n".join(f"  {w}" for w in sorted(wrong)))
    model.load_state_dict(dict(tensors), assign=True)
    model.requires_grad_(False)


def stretches(layout: Layout, recipe: Recipe) -> Iterator[tuple[int, int, dict[str, float]]]:
    """Parts of the flat buffer with the same coefficients: start, end, and the coefficients."""
    if not recipe.by_tensor:
        yield 0, layout.size, dict(recipe)
        return
    start, held = 0, None
    for name, place in layout.places.items():
        own = recipe.at(name)
        if held is not None and own != held:
            yield start, place.offset, held
            start = place.offset
        held = own
    if held is not None:
        yield start, layout.size, held
