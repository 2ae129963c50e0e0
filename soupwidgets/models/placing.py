"""Building a network on a device, also one that cannot be built without memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def built_on(device: str | torch.device, make: Callable[[], nn.Module]) -> nn.Module:
    """What ``make`` returns, in evaluation mode on a device.

    Parameters
    ----------
    device
        For ``"meta"`` a network that computes with numbers while it is built (torchvision's RegNets do) is built on
        the CPU first, and its memory is given back.
    make
        Builds a network on the default device.

    Examples
    --------
    >>> built_on("meta", lambda: nn.Linear(2, int(torch.ones(3).sum()))).weight.device
    device(type='meta')
    """
    try:
        with torch.device(device):
            return make().to(device).eval()
    except (NotImplementedError, RuntimeError):
        if torch.device(device).type != "meta":
            raise
    return make().to(device).eval()
