"""Content hashes, computed once per file and cached across processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from soupwidgets.checkpoints.stamps import Stamp, settled, stamps_of
from soupwidgets.checkpoints.writing import atomic_path
from soupwidgets.folders import cache_folder


def remembered_hash(files: Sequence[Path], part: str | None, compute: Callable[[], str]) -> str:
    """The content hash of files, computed only if they changed since the last time.

    Parameters
    ----------
    files
        The files.
    part
        Which part of them, if they have several.
    compute
        Reads the files and returns the hash.

    Returns
    -------
    str
        What ``compute`` returned, now or on an earlier call.
    """
    stamps = stamps_of(files)
    known = recall(files, stamps, part)
    if known is not None:
        return known
    lasting = settled(stamps)
    found = compute()
    if lasting and stamps_of(files) == stamps:
        remember(files, stamps, part, sha256=found)
    return found


def recall(files: Sequence[Path], stamps: Sequence[Stamp], part: str | None) -> str | None:
    """The cached hash of files with these stamps; None if there is none.

    Notes
    -----
    The folder is ``SOUPWIDGETS_CACHE``, or else the user's cache folder.
    """
    # A cache that cannot be read or written only costs time.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        known = json.loads(_entry(files, part).read_text())
        if known["files"] == _state(files, stamps) and isinstance(known["sha256"], str):
            return str(known["sha256"])
    return None


def remember(files: Sequence[Path], stamps: Sequence[Stamp], part: str | None, *, sha256: str) -> None:
    """Cache the hash of files whose stamps are `settled`."""
    with contextlib.suppress(OSError), atomic_path(_entry(files, part)) as temporary:
        temporary.write_text(json.dumps({"files": _state(files, stamps), "sha256": sha256}))


def _state(files: Sequence[Path], stamps: Sequence[Stamp]) -> list[list[str | int]]:
    return [[str(file.resolve()), *stamp] for file, stamp in zip(files, stamps, strict=True)]


def _entry(files: Sequence[Path], part: str | None) -> Path:
    name = hashlib.sha256(json.dumps([part, *(str(file.resolve()) for file in files)]).encode()).hexdigest()
    folder = cache_folder()
    return folder / "hashes" / f"{name[:40]}.json"
