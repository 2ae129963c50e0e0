"""Writing files atomically: a reader sees the old file or the new one, never half of either."""

from __future__ import annotations

import errno
import json
import math
import os
import stat
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from soupwidgets.checkpoints.card import CARD_KEY
from soupwidgets.checkpoints.errors import CheckpointError
from soupwidgets.checkpoints.safetensors_files import DTYPES, TensorInfo

# Small files are complete before.
_FLUSH_SECONDS = 0.05


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Give a temporary path next to ``target``; on success it is renamed to the target.

    Parameters
    ----------
    target
        The file to create or replace. The permissions of a replaced file are kept, and for a symbolic link
        the file that it points to is replaced. The folder is created if necessary.

    Yields
    ------
    Path
        Where to write. If the block raises, this file is removed and the
        target is left unchanged.

    Raises
    ------
    OSError
        When the target is a folder, device or pipe, which is never replaced; or nothing can be written there.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with atomic_path(folder / "note.txt") as path:
    ...     _ = path.write_text("whole or not at all")
    >>> [file.name for file in folder.iterdir()]
    ['note.txt']
    """
    target, mode = _destination(Path(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _destination(target: Path) -> tuple[Path, int | None]:
    """The file that a path resolves to, and its permissions if it exists."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return Path(os.path.realpath(target)), None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "there is a folder of that name already", str(target))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "a device or pipe, which no file may replace; name a file", str(target))
    return Path(os.path.realpath(target)), stat.S_IMODE(mode)


@contextmanager
def _checkpoint_path(path: str | Path) -> Iterator[Path]:
    try:
        with atomic_path(path) as temporary:
            yield temporary
    except OSError as error:
        raise CheckpointError(
            path, f"cannot be written ({error.strerror or error}). A file that was there before is unchanged"
        ) from error


def write_checkpoint(path: str | Path, tensors: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Write tensors and a card to a safetensors file, atomically.

    Parameters
    ----------
    path
        The file to create or replace.
    tensors
        By name; written unchanged.
    card
        JSON values; see `Card` for the entries that are recognised.

    Raises
    ------
    CheckpointError
        When the file cannot be written: no space, no permission, a folder in its place.
    """
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with _checkpoint_path(path) as temporary:
        temporary.write_bytes(save(contiguous, metadata={CARD_KEY: json.dumps(card, sort_keys=True)}))


def write_stream(
    path: str | Path,
    tensors: Mapping[str, TensorInfo],
    *,
    values: Iterable[tuple[str, Tensor]],
    card: Mapping[str, Any],
) -> None:
    """Write tensors one by one as they arrive, so that a file needs only the memory of its largest tensor.

    Parameters
    ----------
    path
        The file to create or replace, atomically: ``.safetensors``, or ``.pt``,
        which PyTorch writes in one go and without a card.
    tensors
        Shape and dtype of all tensors that will arrive.
    values
        Name and tensor, each name once, in any order.
    card
        JSON values for the metadata.

    Raises
    ------
    ValueError
        When a tensor is missing, or differs from what was announced.
    CheckpointError
        When the file cannot be written: no space, no permission, a folder in its place.
    """
    if Path(path).suffix == ".pt":
        with _checkpoint_path(path) as temporary:
            _save_pt(dict(values), temporary)
        return
    write_pieces(path, tensors, _whole(tensors, values), card)


def write_pieces(
    path: str | Path,
    tensors: Mapping[str, TensorInfo],
    pieces: Iterable[tuple[str, int, Tensor]],
    card: Mapping[str, Any],
) -> None:
    """Write a safetensors file of flat pieces of its tensors, so that it needs the memory of one piece.

    Parameters
    ----------
    path, tensors, card
        As in `write_stream`.
    pieces
        Name, place of the piece in the flat tensor, and the piece, which is written before the next one is asked
        for. Those of one tensor come in their order; a tensor without numbers is one empty piece.

    Raises
    ------
    ValueError
        When a part of a tensor is missing, or is not what was announced.
    CheckpointError
        As in `write_stream`.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt", CARD_KEY: json.dumps(card, sort_keys=True)}}
    names = {dtype: name for name, dtype in DTYPES.items()}
    end = 0
    # The widest first: then every tensor begins at a multiple of its numbers' size.
    for name, info in sorted(tensors.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])):
        start, end = end, end + info.dtype.itemsize * math.prod(info.shape)
        header[name] = {"dtype": names[info.dtype], "shape": list(info.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    come: dict[str, int] = {}
    with _checkpoint_path(path) as temporary, open(temporary, "wb", buffering=0) as file:
        _reserve(file.fileno(), 8 + len(text) + end)
        _write_at(file.fileno(), memoryview(len(text).to_bytes(8, "little") + text), 0)
        with _flushed_meanwhile(file.fileno()):
            for name, start, piece in pieces:
                known = tensors.get(name)
                again = start == 0 and name in come
                if known is None or known.dtype != piece.dtype or start != come.get(name, 0) or again:
                    raise _unexpected(name)
                come[name] = start + len(piece)
                if come[name] > math.prod(known.shape):
                    raise _unexpected(name)
                place = 8 + len(text) + header[name]["data_offsets"][0] + start * piece.itemsize
                _write_at(file.fileno(), piece.view(torch.uint8).numpy().data, place)
        missing = [name for name, info in tensors.items() if come.get(name) != math.prod(info.shape)]
        if missing:
            raise ValueError(f"{len(missing)} tensors never came, among them {min(missing)!r}")


def _whole(
    tensors: Mapping[str, TensorInfo], values: Iterable[tuple[str, Tensor]]
) -> Iterator[tuple[str, int, Tensor]]:
    for name, tensor in values:
        if tensors.get(name) != TensorInfo(tuple(tensor.shape), tensor.dtype):
            raise _unexpected(name)
        yield name, 0, tensor.contiguous().reshape(-1)


def _unexpected(name: str) -> ValueError:
    return ValueError(f"tensor {name!r} is not what was announced, or came twice")


def _save_pt(tensors: dict[str, Tensor], path: Path) -> None:
    try:
        with open(path, "wb") as file:
            torch.save(tensors, file)
    except RuntimeError as error:
        # PyTorch's archive writer hides the system's error message.
        cause = error.__context__ if isinstance(error.__context__, OSError) else None
        raise cause or OSError(errno.EIO, f"PyTorch: {str(error).splitlines()[0][:200]}") from error


def _reserve(descriptor: int, size: int) -> None:
    """Allocate the file's space up front: writing is several times faster, and a full disk is noticed early."""
    # Not every system and file system supports it.
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                raise


@contextmanager
def _flushed_meanwhile(descriptor: int) -> Iterator[None]:
    """Have the disk write what is there while the rest is still made, so that little is left for the end."""
    done = threading.Event()

    def flush() -> None:
        while not done.wait(_FLUSH_SECONDS):
            os.fsync(descriptor)

    with ThreadPoolExecutor(1) as helper:
        flushing = helper.submit(flush)
        try:
            yield
        finally:
            done.set()
    # The system reports a failed write once: the last fsync would not hear of it again.
    flushing.result()


def _write_at(descriptor: int, data: memoryview, offset: int) -> None:
    # One call writes at most two gigabytes.
    while len(data):
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written
