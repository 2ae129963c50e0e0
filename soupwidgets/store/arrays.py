"""Arrays of logits in files that are named by their content."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soupwidgets.checkpoints import atomic_path

# Matches what `write_array` writes, and nothing else that the format allows: no header is ever evaluated.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)\{'descr': '<f4', 'fortran_order': False, 'shape': \((\d{1,12}), (\d{1,12})\), \} *\n",
    re.DOTALL,
)
_LONGEST_HEADER = 256


def array_digest(array: NDArray[np.float32]) -> str:
    """SHA-256 of an array's shape and numbers."""
    found = hashlib.sha256(repr(array.shape).encode())
    found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def write_array(path: Path, array: NDArray[np.float32], digest: str) -> int:
    """Write an array unless the file holds it already; a file with other content is replaced.

    Parameters
    ----------
    path
        The ``.npy`` file.
    array
        ``[images, classes]``, float32.
    digest
        The array's `array_digest`.

    Returns
    -------
    int
        Size of the file in bytes.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    # Check the content, not just that the file exists: an empty file would otherwise block the array for ever.
    if read_array(path, digest) is None:
        if path.exists() and not path.is_file():
            # For example a pipe, which `atomic_path` would refuse; in the store only arrays may have such a name.
            path.unlink()
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.save(file, array.astype("<f4", copy=False))
    return path.stat().st_size


def read_array(path: Path, digest: str) -> NDArray[np.float32] | None:
    """Read what `write_array` wrote; None if the file is missing, truncated, or holds anything else.

    Parameters
    ----------
    path
        The ``.npy`` file.
    digest
        The `array_digest` that its content must have.
    """
    try:
        with open(path, "rb", opener=_open) as file:
            status = os.fstat(file.fileno())
            header = _HEADER.match(file.read(_LONGEST_HEADER)) if stat.S_ISREG(status.st_mode) else None
            if header is None or header.end() != 10 + int.from_bytes(header[1], "little"):
                return None
            shape = int(header[2]), int(header[3])
            # Checked before any memory is allocated.
            if header.end() + 4 * shape[0] * shape[1] != status.st_size:
                return None
            array = np.fromfile(file, "<f4", offset=header.end() - file.tell()).reshape(shape)
    except (OSError, ValueError):
        return None
    return array.astype(np.float32, copy=False) if array_digest(array) == digest else None


def _open(path: str, flags: int) -> int:
    # Opening a pipe of that name must not block.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
