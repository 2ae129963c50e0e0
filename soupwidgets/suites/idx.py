"""Reading the IDX files in which the MNIST family of data sets is published."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

_UNSIGNED_BYTE = 0x08
_LARGEST_ELEMENT_COUNT = 1 << 31
_MOST_AXES = 4
_PIECE = 1 << 20


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """Read one IDX file of unsigned bytes, gzipped or not.

    Parameters
    ----------
    path
        The file, for example ``train-images-idx3-ubyte.gz``.

    Returns
    -------
    NDArray[np.uint8]
        The array with the shape that the file's header states.

    Raises
    ------
    ValueError
        When the file cannot be read or is not an IDX file of unsigned bytes, or
        when it holds fewer or more bytes than its header states.

    Notes
    -----
    Format: two zero bytes, a type code, the number of axes, one big-endian
    32-bit length per axis, then the data in row-major order.
    """
    path = Path(path)
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            return _read(path, cast(BinaryIO, file))
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error


def _read(path: Path, file: BinaryIO) -> NDArray[np.uint8]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != _UNSIGNED_BYTE:
        raise ValueError(f"{path}: not an IDX file of unsigned bytes (it starts with {magic!r})")
    axes = magic[3]
    header = file.read(4 * axes)
    if not 0 < axes <= _MOST_AXES or len(header) < 4 * axes:
        raise ValueError(f"{path}: the header ends before its {axes} axis lengths, of which there may be {_MOST_AXES}")
    shape = tuple(int(n) for n in np.frombuffer(header, dtype=">u4"))
    count = math.prod(shape)
    if count > _LARGEST_ELEMENT_COUNT:
        raise ValueError(f"{path}: the header states {count:,} bytes, more than this reader takes")
    # Piece by piece: memory for what is there, not for what the header states.
    data = bytearray()
    while piece := file.read(min(_PIECE, count + 1 - len(data))):
        data += piece
    if len(data) != count:
        found = "more" if len(data) > count else f"{len(data):,}"
        raise ValueError(f"{path}: the header states {count:,} bytes, the file holds {found}")
    return np.frombuffer(bytes(data), dtype=np.uint8).reshape(shape)
