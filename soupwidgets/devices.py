"""Names of devices: which are available here, and what to use instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def known_device(name: str, said: str = "device") -> str:
    """Check that the device of that name is available, and return its name.

    Parameters
    ----------
    name
        ``"auto"``, ``"cpu"``, ``"cuda"``, or ``"cuda:1"`` for the second.
    said
        What the user calls it, such as ``--device``; the error message starts with it.

    Raises
    ------
    ValueError
        When there is no such device.

    Examples
    --------
    >>> known_device("cpu")
    'cpu'
    >>> known_device("gpu")
    Traceback (most recent call last):
    ValueError: device gpu: choose auto, cpu or cuda (cuda:1 for the second)
    """
    # Imported here: a command line that only prints its help does not need it.
    import torch

    if name in ("auto", "cpu"):
        return name
    kind, colon, number = name.partition(":")
    if kind != "cuda" or (colon and not number.isdecimal()):
        raise ValueError(f"{said} {name}: choose auto, cpu or cuda (cuda:1 for the second)")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        raise ValueError(f"{said} {name}: PyTorch finds no CUDA device here; use cpu, or auto")
    if colon and int(number) >= count:
        raise ValueError(f"{said} {name}: there are {count} CUDA devices, cuda:0 to cuda:{count - 1}")
    return name


@contextmanager
def full_float32(device: torch.device) -> Iterator[None]:
    """Within the block float32 means float32 on a CUDA device; on others nothing changes.

    PyTorch computes convolutions in TF32 there unless told otherwise, which keeps 10 of 23 bits, and products of
    matrices too once ``torch.set_float32_matmul_precision("high")`` was called. A measurement that is filed as float32
    must not depend on that. The settings are those of the whole process, and are put back.

    Parameters
    ----------
    device
        Where the block computes.
    """
    import torch

    # PyTorch's annotations lack what its documentation lists.
    backends: Any = torch.backends
    kinds = [backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn] if device.type == "cuda" else []
    changed = [(kind, kind.fp32_precision) for kind in kinds if kind.fp32_precision == "tf32"]
    for kind, _ in changed:
        kind.fp32_precision = "ieee"
    try:
        yield
    finally:
        for kind, before in changed:
            kind.fp32_precision = before
