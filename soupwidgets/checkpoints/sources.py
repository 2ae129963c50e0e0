"""The formats of weight files, each as names, shapes and tensors that are read on demand."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import Protocol

import msgspec
import torch
from torch import Tensor

from soupwidgets.checkpoints.file_bytes import Pieces
from soupwidgets.checkpoints.pickles import PickleError
from soupwidgets.checkpoints.safetensors_files import SafetensorsFile, TensorInfo
from soupwidgets.checkpoints.stamps import Stamp, stamp_of
from soupwidgets.checkpoints.state_dicts import find_state_dict
from soupwidgets.checkpoints.torch_files import TorchFile, read_tensor

INDEX_ENDING = ".safetensors.index.json"
_MAX_INDEX = 1 << 25
# The longest header that the format permits; a file is recognised by a header within this length.
_LONGEST_HEADER = 100_000_000
# Tensors that share one run of numbers, as tied weights do, may claim a few times the file's size.
_MAX_SHARING = 8


class Source(Protocol):
    """What every format provides."""

    files: list[Path]
    # One per file, taken when its names and shapes were read.
    stamps: list[Stamp]
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]
    parts: list[str]
    refused: list[str]

    def read(self, names: Iterable[str], pieces: Pieces) -> Iterator[tuple[str, Tensor]]:
        """Yield the flat pieces of tensors, in the order of their names."""
        ...


class SafetensorsSource:
    """One safetensors file."""

    parts: list[str] = []  # noqa: RUF012 - never written to
    refused: list[str] = []  # noqa: RUF012 - never written to

    def __init__(self, path: Path) -> None:
        self._file = SafetensorsFile(path)
        self.files, self.stamps = [path], [self._file.stamp]
        self.tensors: Mapping[str, TensorInfo] = self._file.tensors
        self.metadata: Mapping[str, str] = self._file.metadata

    def read(self, names: Iterable[str], pieces: Pieces) -> Iterator[tuple[str, Tensor]]:
        """Yield the flat pieces of tensors, in the order of their names."""
        with FileIO(self.files[0]) as file:
            for name in names:
                yield from ((name, piece) for piece in self._file.read(file, name, pieces))


class _Index(msgspec.Struct):
    weight_map: dict[str, str]


class ShardedSource:
    """Several safetensors files, and an index that says which tensor is in which file."""

    parts: list[str] = []  # noqa: RUF012 - never written to
    refused: list[str] = []  # noqa: RUF012 - never written to

    def __init__(self, path: Path) -> None:
        with FileIO(path) as file:
            stamp = stamp_of(os.fstat(file.fileno()))
            if stamp[1] > _MAX_INDEX:
                raise ValueError(f"an index of {stamp[1]:,} bytes; at most {_MAX_INDEX:,} are read")
            text = file.read(_MAX_INDEX)
        try:
            wanted = msgspec.json.decode(text, type=_Index).weight_map
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"not an index of safetensors files ({error})") from error
        if not wanted:
            raise ValueError("an index that names no tensor")
        for name in set(wanted.values()):
            if Path(name).name != name or name in ("", ".", ".."):
                raise ValueError(f"the index names a file outside its folder: {name[:100]!r}")
            if not (path.parent / name).is_file():
                raise ValueError(
                    f"the index names {name!r}, which is not in the same folder: the download may be incomplete"
                )
        self._shards = {name: SafetensorsFile(path.parent / name) for name in sorted(set(wanted.values()))}
        self.files = [path, *(shard.path for shard in self._shards.values())]
        self.stamps = [stamp, *(shard.stamp for shard in self._shards.values())]
        absent = [tensor for tensor, file in wanted.items() if tensor not in self._shards[file].tensors]
        if absent:
            raise ValueError(f"the index places {absent[0]!r} in {wanted[absent[0]]!r}, which does not have it")
        self._place = dict(sorted(wanted.items()))
        self.tensors: Mapping[str, TensorInfo] = {
            tensor: self._shards[file].tensors[tensor] for tensor, file in self._place.items()
        }
        self.metadata: Mapping[str, str] = next(iter(self._shards.values())).metadata

    def read(self, names: Iterable[str], pieces: Pieces) -> Iterator[tuple[str, Tensor]]:
        """Yield the flat pieces of tensors, in the order of their names."""
        with ExitStack() as stack:
            opened = {name: stack.enter_context(FileIO(shard.path)) for name, shard in self._shards.items()}
            for name in names:
                file = self._place[name]
                yield from ((name, piece) for piece in self._shards[file].read(opened[file], name, pieces))


class TorchSource:
    """A file written by ``torch.save``, ``torch.jit.save`` or ``pickle.dump``; nothing in it is run."""

    def __init__(self, path: Path, part: str | None) -> None:
        file = TorchFile(path)
        self.files, self.stamps = [path], [file.stamp]
        found, self.parts = find_state_dict(file.root, part)
        self._stored = dict(sorted(found.items()))
        self.refused = sorted(file.refused)
        self.tensors: Mapping[str, TensorInfo] = {
            name: TensorInfo(tensor.shape, tensor.dtype) for name, tensor in self._stored.items()
        }
        claimed = sum(info.dtype.itemsize * torch.Size(info.shape).numel() for info in self.tensors.values())
        if claimed > _MAX_SHARING * file.stamp[1]:
            raise PickleError(f"its tensors claim {claimed:,} bytes, many times the size of the file")
        self.metadata: Mapping[str, str] = {}

    def read(self, names: Iterable[str], pieces: Pieces) -> Iterator[tuple[str, Tensor]]:
        """Yield the flat pieces of tensors, in the order of their names."""
        with FileIO(self.files[0]) as file:
            for name in names:
                yield from ((name, piece) for piece in read_tensor(file, self._stored[name], pieces))


def open_source(path: Path, part: str | None = None) -> Source:
    """Open a weight file; its content determines the format, not its name.

    Raises
    ------
    ValueError
        When it is in none of the formats, damaged, or hostile.
    """
    if path.name.endswith(INDEX_ENDING):
        source: Source = ShardedSource(path)
    else:
        with open(path, "rb") as file:
            start = file.read(9)
        is_safetensors = (
            len(start) == 9 and int.from_bytes(start[:8], "little") <= _LONGEST_HEADER and start[8:] == b"{"
        )
        if is_safetensors or path.suffix == ".safetensors":
            source = SafetensorsSource(path)
        else:
            return TorchSource(path, part)
    if part is not None:
        raise ValueError(f"it has no part {part!r}: safetensors files have none")
    return source
