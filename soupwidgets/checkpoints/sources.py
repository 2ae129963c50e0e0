"""The formats of weight files, each as names, shapes and tensors that are read when asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from soupwidgets.checkpoints.pickles import PickleError
from soupwidgets.checkpoints.state_dicts import find_state_dict
from soupwidgets.checkpoints.torch_files import TorchFile

INDEX_ENDING = ".safetensors.index.json"
# A header longer than this is refused by the safetensors library too.
_MAX_HEADER = 100_000_000
# Names within names that share one run of numbers, as tied weights do, may claim a few times the file's size.
_MAX_SHARING = 8

SAFETENSORS_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip


@dataclass(frozen=True)
class TensorInfo:
    """Shape and dtype of a tensor on disk."""

    shape: tuple[int, ...]
    dtype: torch.dtype


class Source(Protocol):
    """What every format offers."""

    files: list[Path]
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]
    parts: list[str]
    refused: list[str]

    def read(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every tensor in the order of ``tensors``."""
        ...


class SafetensorsSource:
    """One safetensors file."""

    parts: list[str] = []  # noqa: RUF012 - never written to
    refused: list[str] = []  # noqa: RUF012 - never written to

    def __init__(self, path: Path) -> None:
        self.files = [path]
        try:
            with safe_open(path, "pt") as file:
                self.tensors: Mapping[str, TensorInfo] = {
                    name: _info(name, file.get_slice(name)) for name in sorted(file.keys())
                }
                self.metadata: Mapping[str, str] = file.metadata() or {}
        except SafetensorError as error:
            raise ValueError(f"not a whole safetensors file ({error})") from error

    def read(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every tensor with its name."""
        try:
            with safe_open(self.files[0], "pt") as file:
                for name in self.tensors:
                    yield name, file.get_tensor(name)
        except SafetensorError as error:
            raise ValueError(f"changed or became unreadable while open ({error})") from error


class ShardedSource:
    """Several safetensors files, and an index that says which tensor lies in which."""

    parts: list[str] = []  # noqa: RUF012 - never written to
    refused: list[str] = []  # noqa: RUF012 - never written to

    def __init__(self, path: Path) -> None:
        try:
            places = json.loads(path.read_text("utf-8"))["weight_map"]
            wanted = {str(tensor): str(file) for tensor, file in places.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"not an index of safetensors files ({type(error).__name__}: {error})") from error
        if not wanted:
            raise ValueError("an index that names no tensor")
        for name in set(wanted.values()):
            if Path(name).name != name or name in ("", ".", ".."):
                raise ValueError(f"the index names a file out of its folder: {name[:100]!r}")
            if not (path.parent / name).is_file():
                raise ValueError(f"the index names {name!r}, which is not beside it: the download may be incomplete")
        self._shards = {name: SafetensorsSource(path.parent / name) for name in sorted(set(wanted.values()))}
        self.files = [path, *(shard.files[0] for shard in self._shards.values())]
        absent = [tensor for tensor, file in wanted.items() if tensor not in self._shards[file].tensors]
        if absent:
            raise ValueError(f"the index places {absent[0]!r} in {wanted[absent[0]]!r}, which lacks it")
        self._place = dict(sorted(wanted.items()))
        self.tensors: Mapping[str, TensorInfo] = {
            tensor: self._shards[file].tensors[tensor] for tensor, file in self._place.items()
        }
        self.metadata: Mapping[str, str] = next(iter(self._shards.values())).metadata

    def read(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every tensor with its name."""
        try:
            with ExitStack() as stack:
                opened = {
                    file: stack.enter_context(safe_open(shard.files[0], "pt")) for file, shard in self._shards.items()
                }
                for tensor, file in self._place.items():
                    yield tensor, opened[file].get_tensor(tensor)
        except SafetensorError as error:
            raise ValueError(f"changed or became unreadable while open ({error})") from error


class TorchSource:
    """What ``torch.save``, ``torch.jit.save`` or ``pickle.dump`` wrote; nothing in it is run."""

    def __init__(self, path: Path, part: str | None) -> None:
        self.files = [path]
        self._part = part
        found, self.parts = find_state_dict(self._file.root, part)
        self._stored = dict(sorted(found.items()))
        self.refused = sorted(self._file.refused)
        self.tensors: Mapping[str, TensorInfo] = {
            name: TensorInfo(tensor.shape, tensor.dtype) for name, tensor in self._stored.items()
        }
        claimed = sum(info.dtype.itemsize * torch.Size(info.shape).numel() for info in self.tensors.values())
        if claimed > _MAX_SHARING * path.stat().st_size:
            raise PickleError(f"its tensors claim {claimed:,} bytes, many times the size of the file")
        self.metadata: Mapping[str, str] = {}

    @cached_property
    def _file(self) -> TorchFile:
        return TorchFile(self.files[0])

    def read(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every tensor with its name."""
        for name, tensor in self._stored.items():
            yield name, self._file.read(tensor)


def open_source(path: Path, part: str | None = None) -> Source:
    """Open a weight file by what is in it, whatever its name ends with.

    Raises
    ------
    ValueError
        When it is none of the formats, or damaged, or hostile.
    """
    if path.name.endswith(INDEX_ENDING):
        source: Source = ShardedSource(path)
    else:
        with open(path, "rb") as file:
            start = file.read(9)
        is_safetensors = len(start) == 9 and int.from_bytes(start[:8], "little") <= _MAX_HEADER and start[8:] == b"{"
        if is_safetensors or path.suffix == ".safetensors":
            source = SafetensorsSource(path)
        else:
            return TorchSource(path, part)
    if part is not None:
        raise ValueError(f"it has no part {part!r}: safetensors files have none")
    return source


def _info(name: str, piece: object) -> TensorInfo:
    dtype = piece.get_dtype()  # type: ignore[attr-defined]
    if dtype not in SAFETENSORS_DTYPES:
        raise ValueError(f"tensor {name!r} has the dtype {dtype}, which cannot be mixed")
    return TensorInfo(tuple(piece.get_shape()), SAFETENSORS_DTYPES[dtype])  # type: ignore[attr-defined]
