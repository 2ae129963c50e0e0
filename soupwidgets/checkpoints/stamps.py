"""Stamps that show, without reading a file, that it is still the same: its inode, size and times."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

# Inode, size in bytes, modification time, change time (nanoseconds). Only the last cannot be set by a program:
# it advances even where a copy keeps the modification time.
Stamp = tuple[int, int, int, int]

# A file system may give two writes within one clock tick the same time.
_SETTLED_NS = 2_000_000_000


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp from the result of ``os.stat`` or ``os.fstat``."""
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def stamps_of(files: Sequence[Path]) -> list[Stamp]:
    """The current stamps of files; raises `OSError` when one is gone."""
    return [stamp_of(file.stat()) for file in files]


def settled(stamps: Sequence[Stamp]) -> bool:
    """Whether any later write to these files would change their stamps: none was written in the last moments."""
    return time.time_ns() - max(max(stamp[2:]) for stamp in stamps) > _SETTLED_NS
