"""One safetensors file: its header at once, its tensors when asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from soupwidgets.checkpoints.card import Card
from soupwidgets.checkpoints.errors import CheckpointError

_CHUNK_BYTES = 1 << 22

_TORCH_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip


@dataclass(frozen=True)
class TensorInfo:
    """Shape and dtype of a tensor on disk."""

    shape: tuple[int, ...]
    dtype: torch.dtype


class CheckpointFile:
    """A safetensors file, opened lazily.

    Parameters
    ----------
    path
        The file. Only its header is read now.

    Attributes
    ----------
    tensors
        Shape and dtype of every tensor, by name.
    metadata
        The texts in the file's header.
    card
        What the file says of itself.

    Raises
    ------
    CheckpointError
        When the file is missing, truncated, or not safetensors.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise CheckpointError(self.path, "there is no such file")
        try:
            with safe_open(self.path, "pt") as file:
                self.tensors: Mapping[str, TensorInfo] = {
                    name: self._info(name, file.get_slice(name)) for name in sorted(file.keys())
                }
                self.metadata: Mapping[str, str] = file.metadata() or {}
                self.card = Card.from_metadata(self.metadata)
        except SafetensorError as error:
            raise CheckpointError(self.path, f"not a whole safetensors file ({error})") from error
        except OSError as error:
            raise CheckpointError(self.path, f"cannot be read ({error})") from error
        except ValueError as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(self.path, str(error)) from error

    def _info(self, name: str, part: object) -> TensorInfo:
        dtype = part.get_dtype()  # type: ignore[attr-defined]
        if dtype not in _TORCH_DTYPES:
            raise CheckpointError(self.path, f"tensor {name!r} has the dtype {dtype}, which cannot be mixed")
        return TensorInfo(tuple(part.get_shape()), _TORCH_DTYPES[dtype])  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"CheckpointFile({str(self.path)!r}, {len(self.tensors)} tensors)"

    def read(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every tensor with its name, one at a time, so that one is in memory at a time."""
        try:
            with safe_open(self.path, "pt") as file:
                for name in self.tensors:
                    yield name, file.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(self.path, f"changed or became unreadable while open ({error})") from error

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the tensors with their names, shapes and dtypes; the metadata does not count."""
        digest = hashlib.sha256()
        with open(self.path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            digest.update(json.dumps(header, sort_keys=True).encode())
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()
