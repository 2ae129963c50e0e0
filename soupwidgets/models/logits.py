"""A network of another library as one that takes a batch's inputs and returns one tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


def returning_logits(network: nn.Module) -> nn.Module:
    """Make a network take a tensor, or a dictionary of tensors by name, and return its logits.

    Parameters
    ----------
    network
        Returns a tensor, an object with ``logits`` (as transformers' models do), a dictionary with ``"logits"`` or
        ``"out"`` (as torchvision's segmentation models do), or a tuple whose first item is a tensor.

    Returns
    -------
    nn.Module
        The same object, with its class extended: tensors keep their names, and it can be copied.

    Examples
    --------
    >>> import torch
    >>> network = returning_logits(nn.Linear(2, 3))
    >>> list(network.state_dict()), tuple(network(torch.zeros(4, 2)).shape)
    (['weight', 'bias'], (4, 3))
    """
    known = type(network)

    def forward(self: Any, inputs: Tensor | Mapping[str, Tensor]) -> Tensor:
        found = known.forward(self, **inputs) if isinstance(inputs, Mapping) else known.forward(self, inputs)
        return _tensor(found, known.__name__)

    network.__class__ = type(known.__name__, (known,), {"forward": forward, "__module__": known.__module__})
    return network


def _tensor(found: Any, network: str) -> Tensor:
    if isinstance(found, Tensor):
        return found
    if isinstance(found, Mapping):
        found = next((found[name] for name in ("logits", "out") if name in found), found)
    elif isinstance(found, tuple | list) and found:
        found = found[0]
    else:
        found = getattr(found, "logits", found)
    if not isinstance(found, Tensor):
        raise TypeError(f"{network} returned {type(found).__name__}, in which no logits are known: return one tensor")
    return found
