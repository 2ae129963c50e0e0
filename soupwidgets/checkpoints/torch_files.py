"""Files that ``torch.save``, ``torch.jit.save`` or plain ``pickle.dump`` wrote: what they hold, with tensors unread."""

from __future__ import annotations

import math
import mmap
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from soupwidgets.checkpoints.pickles import Budget, Global, PickleError, PickleReader

_MAGIC = 0x1950A86A20F9469CFC6C
_LOCAL_HEADER = 30
_MAX_ENTRIES = 1_000_000

_STORAGE_DTYPES = {
    "DoubleStorage": torch.float64, "FloatStorage": torch.float32, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool, "UntypedStorage": torch.uint8,
}  # fmt: skip
_DTYPES = {
    str(dtype): dtype
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
        torch.int8, torch.uint8, torch.bool,
    )
}  # fmt: skip


@dataclass(eq=False)
class Storage:
    """A run of numbers; its place is known once the pickle that refers to it was read."""

    dtype: torch.dtype
    numel: int
    key: str
    place: memoryview | None = None


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor that was not read yet."""

    storage: Storage
    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


class TorchFile:
    """A PyTorch file, mapped into memory and not executed.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    root
        What the file holds: dictionaries, lists, `StoredTensor`, and `Inert` for objects of classes.
    refused
        Functions and classes that the file names and that were not called.

    Raises
    ------
    PickleError
        When the file is none of these formats, is damaged, or asks for something that no weights need.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._storages: dict[str, Storage] = {}
        with open(path, "rb") as file:
            if file.seek(0, 2) == 0:
                raise PickleError("the file is empty")
            # A private copy on write: nothing that is done to a tensor reaches the file.
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        self._content = memoryview(self._map)
        self._budget = Budget(len(self._content))
        self._nested_files = 0
        self.refused: set[str] = set()
        if bytes(self._content[:4]) == b"PK\x03\x04":
            self.root = self._read_zip()
        else:
            self.root = self._read_stream()

    def read(self, tensor: StoredTensor) -> Tensor:
        """The tensor; its numbers are copied when they are first touched."""
        size, place = tensor.dtype.itemsize, tensor.storage.place
        assert place is not None
        if len(place) == 0 or math.prod(tensor.shape) == 0:
            return torch.empty(tensor.shape, dtype=tensor.dtype)
        flat = torch.frombuffer(place, dtype=torch.uint8)
        if flat.data_ptr() % size:
            # Vector instructions want numbers at multiples of their size.
            flat = flat.clone()
        return flat.view(tensor.dtype).as_strided(tensor.shape, tensor.stride, tensor.offset)

    # The three containers.

    def _read_zip(self) -> Any:
        places = self._zip_entries()
        pickles = [name for name in places if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise PickleError("a zip archive, but none that PyTorch wrote: it has no data.pkl")
        folder = pickles[0].removesuffix("data.pkl")
        start, length = places.get(f"{folder}byteorder", (0, 0))
        if length and bytes(self._content[start : start + length]) != b"little":
            raise PickleError("it was written on a big-endian machine; load and save it there as safetensors")
        start, length = places[pickles[0]]
        root = self._reader(self._content[start : start + length]).load()
        for key, storage in self._storages.items():
            if f"{folder}data/{key}" not in places:
                raise PickleError(f"the numbers of storage {key[:50]!r} are missing from the archive")
            start, length = places[f"{folder}data/{key}"]
            needed = storage.numel * storage.dtype.itemsize
            if length < needed:
                raise PickleError(f"storage {key[:50]!r} has {length:,} bytes, {needed:,} were announced")
            storage.place = self._content[start : start + needed]
        return root

    def _zip_entries(self) -> dict[str, tuple[int, int]]:
        places: dict[str, tuple[int, int]] = {}
        try:
            with zipfile.ZipFile(self.path) as archive:
                entries = archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError) as error:
            raise PickleError(f"a damaged or truncated zip archive ({error})") from error
        if len(entries) > _MAX_ENTRIES:
            raise PickleError(f"a zip archive of {len(entries):,} entries")
        for entry in entries:
            name = entry.filename
            if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
                raise PickleError(f"an archive entry that points out of its folder: {name[:100]!r}")
            if name in places:
                raise PickleError(f"an archive with two entries named {name[:100]!r}")
            if entry.compress_type != zipfile.ZIP_STORED:
                # TorchScript compresses its source code, which is never read here; weights are always stored plainly.
                if "/code/" in name:
                    continue
                raise PickleError(f"a compressed archive entry ({name[:100]!r}), which PyTorch never writes")
            header = self._content[entry.header_offset : entry.header_offset + _LOCAL_HEADER]
            if len(header) < _LOCAL_HEADER or bytes(header[:4]) != b"PK\x03\x04":
                raise PickleError(f"a damaged archive entry: {name[:100]!r}")
            extra = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
            start = entry.header_offset + _LOCAL_HEADER + extra
            if start + entry.file_size > len(self._content):
                raise PickleError(f"an archive entry that ends after the file: {name[:100]!r}")
            places[name] = (start, entry.file_size)
        return places

    def _read_stream(self) -> Any:
        reader = self._reader(self._content)
        first = reader.load()
        if first != _MAGIC:
            if isinstance(first, int | str | bytes | memoryview | None):
                raise PickleError("neither safetensors nor a PyTorch file")
            return first
        return self._read_legacy(reader, self._content, "")

    def _read_legacy(self, reader: PickleReader, content: memoryview, prefix: str) -> Any:
        """The format before PyTorch 1.6, after its magic number: pickles, then storages one after the other."""
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
            length = int.from_bytes(content[reader.position : reader.position + 8], "little")
            if storage is None or length != storage.numel:
                raise PickleError("a damaged file of PyTorch's old format: a storage of another length than stated")
            start = reader.position + 8
            reader.position = start + storage.numel * storage.dtype.itemsize
            if reader.position > len(content):
                raise PickleError("the file ends within its numbers: the download or copy was cut short")
            storage.place = content[start : reader.position]
        if any(self._storages[key].place is None for key in self._storages.keys() - before):
            raise PickleError("a damaged file of PyTorch's old format: a storage is missing")
        return root

    # What pickles refer to.

    def _reader(self, content: memoryview, prefix: str = "") -> PickleReader:
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
        return PickleReader(content, 0, persistent, builders, self._budget, self.refused)

    def _nested(self, content: Any) -> Any:
        """A storage inside a plain pickle: a whole file of the old format, as a string of bytes."""
        if not isinstance(content, memoryview | bytes):
            raise PickleError("a nested storage that is no string of bytes")
        self._budget.spend(100)
        if isinstance(content, bytes):
            content = memoryview(bytearray(content))  # tensors want memory that may be written to
        self._nested_files += 1
        prefix = f"{self._nested_files}:"
        reader = self._reader(content, prefix)
        if reader.load() != _MAGIC:
            raise PickleError("a nested storage that PyTorch did not write")
        return self._read_legacy(reader, content, prefix)

    def _storage(self, identity: Any, prefix: str) -> Storage | Global:
        if isinstance(identity, tuple) and identity[:1] == ("module",) and isinstance(identity[1], Global):
            # The old format keeps a module's source code beside its class: ("module", class, file, text).
            return identity[1]
        if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
            raise PickleError("a reference that is no storage")
        kind, key, numel = identity[1], identity[2], identity[4]
        dtype = _STORAGE_DTYPES.get(kind.name) if isinstance(kind, Global) else None
        if dtype is None:
            raise PickleError(f"numbers of the kind {str(kind)[:50]}, which cannot be mixed")
        if not isinstance(key, str | int) or not isinstance(numel, int) or numel < 0:
            raise PickleError("a malformed reference to a storage")
        if len(identity) > 5 and identity[5] is not None:
            raise PickleError("a storage that is a view of another, as only very old versions of PyTorch wrote")
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
    numbers = (offset, *shape, *stride)
    if len(shape) != len(stride) or not all(isinstance(n, int) and 0 <= n < 1 << 48 for n in numbers):
        raise PickleError(f"a tensor of the impossible shape {tuple(shape)} with strides {tuple(stride)}")
    numel = math.prod(shape)
    room = storage.numel * storage.dtype.itemsize // dtype.itemsize
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    # A tensor with more numbers than its storage repeats them: a few bytes could claim any amount of memory.
    if numel > 0 and (last >= room or numel > room):
        raise PickleError(f"a tensor of shape {tuple(shape)} that reaches outside of its storage of {room:,} numbers")
    return StoredTensor(storage, dtype, tuple(shape), tuple(stride), offset)


def _parameter(data: Any, *_: Any) -> Any:
    return data
