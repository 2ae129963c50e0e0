"""Content hashes, computed once per file and remembered between processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs

from soupwidgets.checkpoints.writing import atomic_path

# A file system may give two writes within one tick of its clock the same time.
_SETTLED_NS = 2_000_000_000


def remembered_hash(files: Sequence[Path], part: str | None, compute: Callable[[], str]) -> str:
    """The content hash of a checkpoint; computed only when its files changed since the last time.

    Parameters
    ----------
    files
        The files that the checkpoint consists of.
    part
        Which part of them, where they have several.
    compute
        Reads the files and returns the hash.

    Returns
    -------
    str
        What ``compute`` returned, now or earlier. Remembered by path, size and
        time of modification, in the folder ``SOUPWIDGETS_CACHE`` or else the user's cache folder.
    """
    stats = [file.stat() for file in files]
    paths = [str(file.resolve()) for file in files]
    state = [[path, stat.st_size, stat.st_mtime_ns] for path, stat in zip(paths, stats, strict=True)]
    name = hashlib.sha256(json.dumps([part, *paths]).encode()).hexdigest()
    folder = Path(os.environ.get("SOUPWIDGETS_CACHE") or platformdirs.user_cache_path("soupwidgets"))
    entry = folder / "hashes" / f"{name[:40]}.json"
    # A cache that cannot be read or written costs time and nothing else.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(entry.read_text())
        if known["files"] == state and isinstance(known["sha256"], str):
            return str(known["sha256"])
    settled = time.time_ns() - max(stat.st_mtime_ns for stat in stats) > _SETTLED_NS
    found = compute()
    if settled:
        with contextlib.suppress(OSError), atomic_path(entry) as temporary:
            temporary.write_text(json.dumps({"files": state, "sha256": found}))
    return found
