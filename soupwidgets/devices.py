"""Names of devices: which can be asked for here, and what to ask for instead."""

from __future__ import annotations


def known_device(name: str, said: str = "device") -> str:
    """The device of that name, if it is at hand.

    Parameters
    ----------
    name
        ``"auto"``, ``"cpu"``, ``"cuda"``, or ``"cuda:1"`` for the second.
    said
        How the caller's user says it; the error begins so.

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
    # A command line that only prints its help need not load it.
    import torch

    if name in ("auto", "cpu"):
        return name
    kind, colon, number = name.partition(":")
    if kind != "cuda" or (colon and not number.isdecimal()):
        raise ValueError(f"{said} {name}: choose auto, cpu or cuda (cuda:1 for the second)")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        raise ValueError(f"{said} {name}: PyTorch finds no CUDA device here; take cpu, or auto")
    if colon and int(number) >= count:
        raise ValueError(f"{said} {name}: there are {count} CUDA devices, cuda:0 to cuda:{count - 1}")
    return name
