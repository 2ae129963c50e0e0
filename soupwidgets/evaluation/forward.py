"""A network's forward pass, in the way that is fastest here."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor, nn

from soupwidgets.evaluation.recorded import Call, Recorded, recorded_on_card
from soupwidgets.evaluation.speeds import Way
from soupwidgets.models import Inputs, use_fused_products

# Before, a recording that failed left the allocator of memory believing that it went on.
_CAN_RECORD = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 15)


class Forward:
    """Calls a network in one of the ways that `ways` lists; the plain one at first.

    Parameters
    ----------
    network
        In evaluation mode, with weights that stay where they are.
    record
        As in `Recorded`.
    """

    def __init__(self, network: nn.Module, record: Callable[[Call, Inputs], Call] = recorded_on_card) -> None:
        self._network, self._record = network, record
        self._recorded = Recorded(network, record)
        self._way = Way("float32", False)

    def use(self, way: Way) -> None:
        """Compute in that way from now on; recordings of another one are dropped, with the memory that they keep."""
        use_fused_products(self._network, way.fused)
        if way != self._way:
            self._recorded = Recorded(self._network, self._record)
        self._way = way

    def __call__(self, inputs: Inputs) -> Tensor:
        """The network's outputs."""
        if self._way.channels_last and isinstance(inputs, Tensor) and inputs.ndim == 4:
            # Convolutions take weights of either layout, and give on the layout of their inputs.
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        outputs: Tensor = self._recorded(inputs) if self._way.recorded else self._network(inputs)
        return outputs


def ways(network: nn.Module, precision: str, device: torch.device) -> list[Way]:
    """The ways to compute a network in a precision on a device, the plain one first.

    Examples
    --------
    >>> [way.fused for way in ways(nn.Linear(2, 2), "float32", torch.device("cpu"))]
    [False]
    >>> first, *_ = ways(nn.Linear(2, 2), "bfloat16", torch.device("cuda"))
    >>> first.channels_last, first.recorded
    (False, False)
    """
    if device.type == "cpu":
        return [Way(precision, fused) for fused in ((False, True) if use_fused_products(network, False) else (False,))]
    # The one convolution of a vision transformer cuts patches.
    recordings = (False, True) if _CAN_RECORD else (False,)
    layouts = (False, True) if sum(isinstance(module, nn.Conv2d) for module in network.modules()) > 1 else (False,)
    return [Way(precision, False, recorded, last) for last, recorded in product(layouts, recordings)]
