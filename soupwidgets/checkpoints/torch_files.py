"""Files written by ``torch.save``, ``torch.jit.save`` or ``pickle.dump``: their content, with tensors still unread."""

from __future__ import annotations

import math
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from soupwidgets.checkpoints.file_bytes import FileBytes, Pieces, fresh
from soupwidgets.checkpoints.pickles import Budget, Content, Global, PickleError, PickleReader, slice_of
from soupwidgets.checkpoints.safetensors_files import DTYPES, MAX_DIMENSIONS
from soupwidgets.checkpoints.stamps import stamp_of

_MAGIC = 0x1950A86A20F9469CFC6C
_LOCAL_HEADER, _END_RECORD, _LOCATOR, _END_RECORD_64 = 30, 22, 20, 56
# Limit for a zip archive's list of entries: 100,000 storages take half of it.
_MAX_DIRECTORY = 1 << 24
# A longer pickle is read piece by piece.
_MAX_WHOLE_PICKLE = 1 << 26

_STORAGE_DTYPES = {
    "DoubleStorage": torch.float64, "FloatStorage": torch.float32, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool, "UntypedStorage": torch.uint8,
}  # fmt: skip
_DTYPES = {str(dtype): dtype for dtype in DTYPES.values()}


@dataclass(eq=False)
class Storage:
    """A run of numbers; its offset is known once the pickle that refers to it has been read."""

    dtype: torch.dtype
    numel: int
    key: str
    place: Content | None = None


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor that has not been read yet."""

    storage: Storage
    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


class TorchFile:
    """A PyTorch file, read without executing anything in it.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    root
        What the file holds: dictionaries, lists, `StoredTensor`, and `Inert` for objects of classes.
    refused
        Functions and classes that the file refers to; none was called.
    stamp
        The stamp of the file that was read.

    Raises
    ------
    PickleError
        When the file is in none of these formats, is damaged, or asks for something that no weight file needs.
    """

    def __init__(self, path: Path) -> None:
        self._storages: dict[str, Storage] = {}
        self._nested_files = 0
        self.refused: set[str] = set()
        with FileIO(path) as file:
            status = os.fstat(file.fileno())
            self.stamp = stamp_of(status)
            if status.st_size == 0:
                raise PickleError("the file is empty")
            self._content = FileBytes(file, 0, status.st_size)
            self._budget = Budget(len(self._content))
            if bytes(self._content.part(0, 4)) == b"PK\x03\x04":
                self.root = self._read_zip(file)
            else:
                self.root = self._read_stream()

    # The three containers.

    def _read_zip(self, file: FileIO) -> Any:
        places = self._zip_entries(file)
        pickles = [name for name in places if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise PickleError("a zip archive, but not one written by PyTorch: it has no data.pkl")
        folder = pickles[0].removesuffix("data.pkl")
        start, length = places.get(f"{folder}byteorder", (0, 0))
        if length and bytes(self._content.part(start, start + min(length, 10))) != b"little":
            raise PickleError("it was written on a big-endian machine; load and save it there as safetensors")
        start, length = places[pickles[0]]
        pickle: Content = self._content.part(start, start + length)
        if length <= _MAX_WHOLE_PICKLE:
            pickle = memoryview(bytes(pickle))
        root = self._reader(pickle).load()
        for key, storage in self._storages.items():
            if f"{folder}data/{key}" not in places:
                raise PickleError(f"the numbers of storage {key[:50]!r} are missing from the archive")
            start, length = places[f"{folder}data/{key}"]
            needed = storage.numel * storage.dtype.itemsize
            if length < needed:
                raise PickleError(f"storage {key[:50]!r} has {length:,} bytes, but {needed:,} were announced")
            storage.place = self._content.part(start, start + needed)
        return root

    def _zip_entries(self, file: FileIO) -> dict[str, tuple[int, int]]:
        places: dict[str, tuple[int, int]] = {}
        if (directory := self._directory_bytes()) > _MAX_DIRECTORY:
            raise PickleError(f"a zip archive whose list of entries has {directory:,} bytes")
        try:
            with zipfile.ZipFile(file) as archive:
                entries = archive.infolist()
        except (
            zipfile.BadZipFile,
            OSError,
            ValueError,
            NotImplementedError,
            UnicodeDecodeError,
            struct.error,
        ) as error:
            raise PickleError(f"a damaged or truncated zip archive ({error})") from error
        for entry in entries:
            name = entry.filename
            if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
                raise PickleError(f"an archive entry that points outside its folder: {name[:100]!r}")
            if name in places:
                raise PickleError(f"an archive with two entries named {name[:100]!r}")
            if entry.compress_type != zipfile.ZIP_STORED:
                # TorchScript compresses its source code, which is never read here; weights are never compressed.
                if "/code/" in name:
                    continue
                raise PickleError(f"a compressed archive entry ({name[:100]!r}), which PyTorch never writes")
            header = bytes(self._content.part(entry.header_offset, entry.header_offset + _LOCAL_HEADER))
            if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
                raise PickleError(f"a damaged archive entry: {name[:100]!r}")
            extra = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
            start = entry.header_offset + _LOCAL_HEADER + extra
            if start + entry.file_size > len(self._content):
                raise PickleError(f"an archive entry that ends beyond the end of the file: {name[:100]!r}")
            places[name] = (start, entry.file_size)
        return places

    def _directory_bytes(self) -> int:
        """The stated length of the list of entries, read from where `zipfile` reads it."""
        size = len(self._content)
        before = _LOCATOR + _END_RECORD_64
        tail = bytes(before) + bytes(self._content.part(max(0, size - before - _END_RECORD - (1 << 16)), size))
        at = len(tail) - _END_RECORD
        if tail[at : at + 4] != b"PK\x05\x06":
            at = tail.rfind(b"PK\x05\x06")
        if at < before:
            return 0
        stated = int.from_bytes(tail[at + 12 : at + 16], "little")
        if tail[at - _LOCATOR : at - _LOCATOR + 4] == b"PK\x06\x07":
            # Large archives have a longer record right before it.
            longer = int.from_bytes(tail[at - before + 40 : at - before + 48], "little")
            stated = longer if stated == 0xFFFFFFFF else max(stated, longer)
        return stated

    def _read_stream(self) -> Any:
        reader = self._reader(self._content)
        first = reader.load()
        if first != _MAGIC:
            if isinstance(first, int | str | bytes | memoryview | FileBytes | None):
                raise PickleError("neither safetensors nor a PyTorch file")
            return first
        return self._read_legacy(reader, self._content, "")

    def _read_legacy(self, reader: PickleReader, content: Content, prefix: str) -> Any:
        """Read the format before PyTorch 1.6, after its magic number: pickles, then one storage after the other."""
        if not isinstance(reader.load(), int) or not isinstance(system := reader.load(), dict):
            raise PickleError("a damaged file of PyTorch's old format")
        if system.get("little_endian") is False:
            raise PickleError("it was written on a big-endian machine; load and save it there as safetensors")
        before = set(self._storages)
        root = reader.load()
        keys = reader.load()
        if not isinstance(keys, list):
            raise PickleError("a damaged file of PyTorch's old format: no list of storages")
        for key in keys:
            storage = self._storages.get(f"{prefix}{key}")
            length = int.from_bytes(bytes(slice_of(content, reader.position, reader.position + 8)), "little")
            if storage is None or length != storage.numel:
                raise PickleError(
                    "a damaged file of PyTorch's old format: a storage differs in length from what is stated"
                )
            start = reader.position + 8
            reader.position = start + storage.numel * storage.dtype.itemsize
            if reader.position > len(content):
                raise PickleError("the file ends within its numbers: the download or copy was cut short")
            storage.place = slice_of(content, start, reader.position)
        if any(self._storages[key].place is None for key in self._storages.keys() - before):
            raise PickleError("a damaged file of PyTorch's old format: a storage is missing")
        return root

    # What pickles refer to.

    def _reader(self, content: Content, prefix: str = "") -> PickleReader:
        def persistent(identity: Any) -> Storage | Global:
            return self._storage(identity, prefix)

        builders: dict[str, Callable[..., Any]] = {
            "torch._utils._rebuild_tensor": _tensor,
            "torch._utils._rebuild_tensor_v2": _tensor,
            "torch._utils._rebuild_tensor_v3": _typed_tensor,
            "torch._utils._rebuild_parameter": _parameter,
            "torch._utils._rebuild_parameter_with_state": _parameter,
            "torch.storage._load_from_bytes": self._nested,
            "torch.Size": lambda shape=(): tuple(shape),
        }
        return PickleReader(
            content, 0, persistent=persistent, builders=builders, budget=self._budget, refused=self.refused
        )

    def _nested(self, content: Any) -> Any:
        """A storage inside a plain pickle: a complete file in the old format, as a byte string."""
        if not isinstance(content, memoryview | FileBytes | bytes):
            raise PickleError("a nested storage that is not a byte string")
        self._budget.spend(100)
        if isinstance(content, bytes):
            content = memoryview(content)
        self._nested_files += 1
        prefix = f"{self._nested_files}:"
        reader = self._reader(content, prefix)
        if reader.load() != _MAGIC:
            raise PickleError("a nested storage that PyTorch did not write")
        return self._read_legacy(reader, content, prefix)

    def _storage(self, identity: Any, prefix: str) -> Storage | Global:
        if isinstance(identity, tuple) and identity[:1] == ("module",) and isinstance(identity[1], Global):
            # The old format stores a module's source code with its class: ("module", class, file, text).
            return identity[1]
        if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
            raise PickleError("a reference that is not a storage")
        kind, key, numel = identity[1], identity[2], identity[4]
        dtype = _STORAGE_DTYPES.get(kind.name) if isinstance(kind, Global) else None
        if dtype is None:
            raise PickleError(f"numbers of the kind {str(kind)[:50]}, which cannot be mixed")
        if not isinstance(key, str | int) or not isinstance(numel, int) or numel < 0:
            raise PickleError("a malformed reference to a storage")
        if len(identity) > 5 and identity[5] is not None:
            raise PickleError("a storage that is a view of another, which only very old versions of PyTorch wrote")
        storage = self._storages.setdefault(f"{prefix}{key}", Storage(dtype, numel, str(key)))
        if (storage.dtype, storage.numel) != (dtype, numel):
            raise PickleError(f"two descriptions of storage {str(key)[:50]!r} that differ")
        return storage


def _tensor(storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> StoredTensor:
    if not isinstance(storage, Storage):
        raise PickleError("a tensor without a storage")
    return _checked(storage, storage.dtype, offset, shape, stride)


def _typed_tensor(storage: Any, offset: Any, shape: Any, stride: Any, *rest: Any) -> StoredTensor:
    dtype = _DTYPES.get(str(rest[2])) if len(rest) > 2 else None
    if not isinstance(storage, Storage) or dtype is None:
        raise PickleError(f"a tensor of the kind {str(rest[2:3])[:60]}, which cannot be mixed")
    return _checked(storage, dtype, offset, shape, stride)


def _checked(storage: Storage, dtype: torch.dtype, offset: Any, shape: Any, stride: Any) -> StoredTensor:
    if not all(isinstance(part, tuple | list) and len(part) <= MAX_DIMENSIONS for part in (shape, stride)):
        raise PickleError("a tensor with an invalid shape or strides")
    # True would pass as a number.
    if len(shape) != len(stride) or not all(type(n) is int and 0 <= n < 1 << 48 for n in (offset, *shape, *stride)):
        raise PickleError(f"a tensor with the impossible shape {str(shape)[:200]} and strides {str(stride)[:200]}")
    numel = math.prod(shape)
    room = storage.numel * storage.dtype.itemsize // dtype.itemsize
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    # A tensor with more elements than its storage repeats them: a few bytes could claim any amount of memory.
    if numel > 0 and (last >= room or numel > room):
        raise PickleError(f"a tensor of shape {tuple(shape)} that reaches beyond its storage of {room:,} numbers")
    return StoredTensor(storage, dtype, tuple(shape), tuple(stride), offset)


def _parameter(data: Any, *_: Any) -> Any:
    return data


def read_tensor(file: FileIO, tensor: StoredTensor, pieces: Pieces) -> Iterator[Tensor]:
    """The tensor in flat pieces, read from its reopened file.

    Raises
    ------
    ValueError
        When the file is shorter than it was.
    """
    place, size, count = tensor.storage.place, tensor.dtype.itemsize, math.prod(tensor.shape)
    assert place is not None
    # From its first element to its last: for a column of a matrix that includes elements of other columns.
    span = 1 + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride, strict=True))
    start, whole = tensor.offset * size, torch.empty(0, dtype=tensor.dtype)
    if count and isinstance(place, FileBytes):
        if _in_order(tensor):
            yield from pieces.read(file, place.start + start, tensor.dtype, count)
            return
        (whole,) = Pieces(span, fresh).read(file, place.start + start, tensor.dtype, span)
    elif count:
        numbers = bytearray(bytes(slice_of(place, start, start + span * size)))
        whole = torch.frombuffer(numbers, dtype=tensor.dtype)
    # An expanded dimension is stored once, but its bytes are needed as often as it counts.
    flat = whole.as_strided(tensor.shape, tensor.stride).contiguous().reshape(-1)
    for first, last in pieces.spans(count):
        yield flat[first:last]


def _in_order(tensor: StoredTensor) -> bool:
    """Whether its elements are contiguous."""
    step = 1
    for size, stride in zip(reversed(tensor.shape), reversed(tensor.stride), strict=True):
        if size != 1 and stride != step:
            return False
        step *= size
    return True
