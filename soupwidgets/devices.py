"""Names of devices: which are available here, and what to use instead."""

from __future__ import annotations


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
