"""The safetensors format: a header that says where each tensor is stored, followed by the numbers.

The safetensors library maps files into memory; see `FileBytes` for why this reader does not.
The format is described at https://huggingface.co/docs/safetensors; all of its rules are checked.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import torch
from torch import Tensor

from soupwidgets.checkpoints.file_bytes import Pieces, read_into
from soupwidgets.checkpoints.stamps import Stamp, stamp_of

# The dtypes that can be mixed, in any format.
DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
# The header of 100,000 tensors with names of typical length takes a third of it.
MAX_HEADER = 1 << 25
MAX_DIMENSIONS = 64

_T = TypeVar("_T")
_Size = Annotated[int, msgspec.Meta(ge=0, lt=1 << 48)]


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    dtype: str
    shape: Annotated[list[_Size], msgspec.Meta(max_length=MAX_DIMENSIONS)]
    data_offsets: tuple[_Size, _Size]


@dataclass(frozen=True)
class TensorInfo:
    """Shape and dtype of a tensor on disk."""

    shape: tuple[int, ...]
    dtype: torch.dtype


class SafetensorsFile:
    """The header of a file.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    tensors
        By name, sorted.
    metadata
        Strings by name.
    stamp
        The stamp of the file that was read.

    Raises
    ------
    ValueError
        When the file is damaged, incomplete, or not in this format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with FileIO(path) as file:
            status = os.fstat(file.fileno())
            self.stamp: Stamp = stamp_of(status)
            header, self._begin = _header(file, status.st_size)
        self.metadata: Mapping[str, str] = _decoded(header.pop("__metadata__", b"{}"), dict[str, str], "the metadata")
        entries = {name: _decoded(header[name], _Entry, f"tensor {name[:100]!r}") for name in sorted(header)}
        self.tensors: Mapping[str, TensorInfo] = {name: _info(name, entry) for name, entry in entries.items()}
        self._offsets = {name: entry.data_offsets for name, entry in entries.items()}
        self._check(status.st_size)

    def _check(self, size: int) -> None:
        end = 0
        for name, (start, stop) in sorted(self._offsets.items(), key=lambda item: item[1]):
            needed = math.prod(self.tensors[name].shape) * self.tensors[name].dtype.itemsize
            if start != end or stop - start != needed:
                raise ValueError(f"not a whole safetensors file (tensor {name[:100]!r} is not where it should be)")
            end = stop
        if self._begin + end != size:
            raise ValueError(f"not a whole safetensors file ({self._begin + end:,} bytes announced, it has {size:,})")

    def read(self, file: FileIO, name: str, pieces: Pieces) -> Iterator[Tensor]:
        """A tensor in flat pieces, read from the reopened file."""
        info, (start, _) = self.tensors[name], self._offsets[name]
        return pieces.read(file, self._begin + start, info.dtype, math.prod(info.shape))


def _header(file: FileIO, size: int) -> tuple[dict[str, msgspec.Raw], int]:
    """The entries, and where the numbers start."""
    length = int.from_bytes(file.read(8) or b"", "little")
    if size < 8 or 8 + length > size:
        raise ValueError(f"not a whole safetensors file (a header of {length:,} bytes announced, it has {size:,})")
    if length > MAX_HEADER:
        raise ValueError(f"a header of {length:,} bytes; at most {MAX_HEADER:,} are read")
    text = bytearray(length)
    read_into(file, 8, memoryview(text))
    return _decoded(text, dict[str, msgspec.Raw], "the header"), 8 + length


def _decoded(text: bytes | bytearray | msgspec.Raw, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a whole safetensors file ({what}: {error})") from error


def _info(name: str, entry: _Entry) -> TensorInfo:
    if entry.dtype not in DTYPES:
        raise ValueError(f"tensor {name[:100]!r} has the dtype {entry.dtype[:20]}, which cannot be mixed")
    return TensorInfo(tuple(entry.shape), DTYPES[entry.dtype])
