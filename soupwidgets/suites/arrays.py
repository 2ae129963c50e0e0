"""Arrays of other people (``.npy``, ``.npz``): what a header says is checked before it costs anything."""

from __future__ import annotations

import io
import math
import os
import stat
import weakref
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY"
# NumPy's own limit for headers is 10,000 characters.
_HEADER = 1 << 14
_MOST_BYTES = 1 << 48
# Splits share files, and every mapping of a page counts as memory of the process.
_MAPPED: weakref.WeakValueDictionary[tuple[Any, ...], NDArray[Any]] = weakref.WeakValueDictionary()


def map_array(path: str | Path) -> NDArray[Any]:
    """Map a ``.npy`` file into memory, once for all who ask; nothing of it is read yet.

    Parameters
    ----------
    path
        The file: numbers, truth values or texts.

    Raises
    ------
    ValueError
        When it is none, needs a pickle, or is shorter than its header says.
    """
    try:
        size = _size(path)
        with open(path, "rb") as file:
            shape, fortran, dtype, start = _header(file, size)
            about = os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as a plain .npy array ({error})") from error
    if not math.prod(shape):
        return np.empty(shape, dtype)
    # Another file of the same name, or one that was written again, is mapped anew.
    which = (os.path.abspath(path), about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
    known = _MAPPED.get(which)
    if known is None:
        known = _MAPPED[which] = np.memmap(path, dtype, "r", start, shape, "F" if fortran else "C")
    return known


def read_arrays(path: str | Path, names: Sequence[str], most: int) -> dict[str, NDArray[Any]]:
    """Read arrays of a ``.npz`` archive; or a bare array, whatever its file is called.

    Parameters
    ----------
    path
        The file.
    names
        Which arrays; those that are not there are left out. A bare array is called like the first.
    most
        How many bytes they may have together, when they are unpacked.

    Raises
    ------
    ValueError
        When the file is neither, an array needs a pickle or is not as long as its header says, or they are larger.
    """
    try:
        size = _size(path)
        with open(path, "rb") as file:
            bare = file.read(len(_MAGIC)) == _MAGIC
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error
    try:
        if not bare:
            return _archive(path, names, most)
        _limit(size, most)
    except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        # A RuntimeError: compressed or encrypted in a way that is not known.
        raise ValueError(f"{path}: not a readable archive of arrays ({error!s:.300})") from error
    return {names[0]: np.array(map_array(path))}


def _archive(path: str | Path, names: Sequence[str], most: int) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        for name in names:
            entry = entries.get(f"{name}.npy")
            if entry is None:
                continue
            # The directory states a size; what unpacks to more than that is cut off there, and fails its checksum.
            _limit(sum(array.nbytes for array in found.values()) + entry.file_size, most)
            with archive.open(entry) as member:
                shape, fortran, dtype, _ = _header(member, entry.file_size)
                content = member.read(math.prod(shape) * dtype.itemsize)
            if len(content) < math.prod(shape) * dtype.itemsize:
                raise ValueError(f"{name} is shorter than its header says")
            found[name] = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
    return found


def _header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, order, type and the place where the numbers begin, of which ``size`` bytes have room."""
    head = io.BytesIO(file.read(_HEADER))
    try:
        version = np.lib.format.read_magic(head)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = readers[version](head)
    except Exception as error:
        # NumPy hands the header to Python's own parser, which fails in many ways on damaged ones.
        raise ValueError(f"its header is damaged: {type(error).__name__}: {error}"[:300]) from error
    start = head.tell()
    file.seek(start)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which are never loaded")
    if dtype.kind not in "biufSU" or not dtype.itemsize:
        raise ValueError(f"it holds {dtype}; numbers, truth values or texts are expected")
    # An array without a number in it may still state more of them than there are addresses.
    lies = min(shape, default=0) < 0 or math.prod(n or 1 for n in shape) * dtype.itemsize > _MOST_BYTES
    if lies or start + math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"its header states {dtype} of shape {shape}, which the file is too short for")
    return tuple(int(n) for n in shape), bool(fortran), dtype, start


def _size(path: str | Path) -> int:
    status = Path(path).stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("a folder, pipe or device; a file is expected")
    return status.st_size


def _limit(size: int, most: int) -> None:
    if size > most:
        raise ValueError(f"it unpacks to {size:,} bytes, and at most {most:,} are expected")
