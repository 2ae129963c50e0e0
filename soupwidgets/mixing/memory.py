"""How much memory a pool may take."""

from __future__ import annotations

import os
from pathlib import Path

import torch

_MEMINFO, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
# The rest is for activations, images, the network itself, and everybody else.
_SHARE = 0.6


def room_for_weights(device: torch.device) -> float:
    """Bytes of a device's memory that a pool's weights may take: three fifths of what is free now.

    Infinite where nobody says how much is free.
    """
    if device.type == "cuda":
        return _SHARE * torch.cuda.mem_get_info(device)[0]
    return _SHARE * min(_free_of_machine(), _free_of_container())


def _free_of_machine() -> float:
    try:
        lines = _MEMINFO.read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    try:
        # macOS says how much there is, not how much is free.
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2
    except (AttributeError, ValueError, OSError):
        return float("inf")


def _free_of_container() -> float:
    """What a control group still allows; files in the page cache are dropped when memory is needed."""
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        lines = (_CGROUP / "memory.stat").read_text().splitlines()
        cached = next(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
    except (OSError, ValueError, StopIteration):
        return float("inf")
    return max(0, limit - used + cached)
