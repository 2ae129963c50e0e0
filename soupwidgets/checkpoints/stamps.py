"""What tells without reading that a file is still the same one: its number, size and times."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

# inode, bytes, time of modification, time of change (nanoseconds). Only the last cannot be set by a program:
# it moves even where a copy keeps the time of modification.
Stamp = tuple[int, int, int, int]

# A file system may give two writes within one tick of its clock the same time.
_SETTLED_NS = 2_000_000_000


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp in what ``os.stat`` or ``os.fstat`` returned."""
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def stamps_of(files: Sequence[Path]) -> list[Stamp]:
    """The stamps of files as they are now; `OSError` when one is gone."""
    return [stamp_of(file.stat()) for file in files]


def settled(stamps: Sequence[Stamp]) -> bool:
    """Whether every later write to these files would change their stamps: none was written within the last moments."""
    return time.time_ns() - max(max(stamp[2:]) for stamp in stamps) > _SETTLED_NS
