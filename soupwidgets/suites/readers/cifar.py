"""CIFAR-10 and the two test sets that were made after it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.checkpoints.pickles import Inert, PickleError, PickleReader
from soupwidgets.json_files import read_bytes
from soupwidgets.suites.arrays import read_arrays
from soupwidgets.suites.content import SuiteError, load_array
from soupwidgets.suites.listing import Listing, PixelItem
from soupwidgets.suites.readers.reader import reader
from soupwidgets.suites.split import Role
from soupwidgets.suites.tables import load_table

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_SIDE = 32
# Ten times the largest of the releases' files.
_MOST_BYTES = 1 << 31
_RECORD = 1 + 3 * _SIDE * _SIDE
# CIFAR-10 has no validation set of its own; the last of its five training batches serves as one.
_BATCHES = {
    "train": [f"data_batch_{i}" for i in range(1, 5)],
    "validation": ["data_batch_5"],
    "id_test": ["test_batch"],
    "shift": ["test_batch"],
}


@reader("cifar10")
def cifar10(path: Path, role: Role) -> Listing:
    """CIFAR-10, in its binary or its Python version; the fifth training batch is the validation split."""
    parts = [_batch(path, name) for name in _BATCHES[role]]
    images = np.concatenate([images for images, _ in parts])
    labels = np.concatenate([labels for _, labels in parts])
    return _listing(path, images, labels).expect(10_000 * len(parts), f"CIFAR-10 ({', '.join(_BATCHES[role])})")


@reader("cifar10.1")
def cifar10_1(path: Path, _role: Role) -> Listing:
    """CIFAR-10.1, version 6: 2,000 new images (arXiv 1806.00451)."""
    images, labels = (_array(path / f"cifar10.1_v6_{part}.npy") for part in ("data", "labels"))
    return _listing(path, images, labels).expect(2_000, "CIFAR-10.1 v6")


@reader("cifar10.2")
def cifar10_2(path: Path, _role: Role) -> Listing:
    """The test half of CIFAR-10.2: 2,000 more new images (Lu et al. 2020)."""
    for file in (path / "cifar102_test.npz", path / "cifar102_test.npy"):
        if file.exists():
            images, labels = _named_arrays(file, "images", "labels")
            return _listing(path, images, labels).expect(2_000, "CIFAR-10.2's test")
    raise SuiteError(f"{path}: cifar102_test.npz is not there")


def _listing(source: Path, images: Any, labels: Any) -> Listing:
    pixels, classes = np.asarray(images), _classes(source, labels)
    if pixels.dtype != np.uint8 or pixels.shape[1:] != (_SIDE, _SIDE, 3):
        raise SuiteError(f"{source}: images of {_SIDE} x {_SIDE} x 3 bytes are expected, found {pixels.shape}")
    if classes.shape != (len(pixels),) or not ((classes >= 0) & (classes < len(CLASSES))).all():
        raise SuiteError(
            f"{source}: {len(pixels)} images and labels of shape {classes.shape}; one of 0..9 an image is due"
        )
    items = [PixelItem(source, row, image) for row, image in enumerate(pixels)]
    templates = tuple(load_table("templates.json")["cifar10"])
    return Listing(source, items, classes.astype(np.int64), CLASSES, templates=templates)


def _batch(path: Path, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    for folder in (path / "cifar-10-batches-bin", path):
        if (folder / f"{name}.bin").is_file():
            return _binary(folder / f"{name}.bin")
    for folder in (path / "cifar-10-batches-py", path):
        if (folder / name).is_file():
            flat, labels = _pickled(folder / name, "data", "labels")
            if not isinstance(flat, np.ndarray) or flat.ndim != 2 or flat.shape[1] != _RECORD - 1:
                raise SuiteError(f"{folder / name}: rows of {_RECORD - 1:,} bytes are expected")
            return _planes(flat), _classes(folder / name, labels)
    raise SuiteError(f"{path}: not CIFAR-10: cifar-10-batches-bin/{name}.bin or cifar-10-batches-py/{name} is expected")


def _classes(file: Path, labels: Any) -> NDArray[np.int64]:
    try:
        found = np.asarray(labels)
    except ValueError as error:
        # Lists of different lengths.
        raise SuiteError(f"{file}: labels are no list of whole numbers ({error})"[:500]) from error
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise SuiteError(
            f"{file}: labels are {found.dtype} of shape {found.shape}; a list of whole numbers is expected"
        )
    return found.astype(np.int64)


def _binary(file: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    raw = np.fromfile(file, dtype=np.uint8)
    if not len(raw) or len(raw) % _RECORD:
        raise SuiteError(f"{file}: {len(raw):,} bytes are not whole records of {_RECORD:,}; the file was cut short")
    records = raw.reshape(-1, _RECORD)
    return _planes(records[:, 1:]), records[:, 0].astype(np.int64)


def _planes(flat: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return flat.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)


def _array(file: Path) -> NDArray[Any]:
    return load_array(file)


def _named_arrays(file: Path, *names: str) -> list[Any]:
    if file.suffix == ".npy":
        # The older release is a dictionary in a pickle in an array.
        return _pickled(file, *names)
    try:
        found = read_arrays(file, names, _MOST_BYTES)
    except ValueError as error:
        raise SuiteError(str(error)) from error
    lacking = [name for name in names if name not in found]
    if lacking:
        raise SuiteError(f"{file}: it has no array named {lacking[0]!r}")
    return [found[name] for name in names]


def _pickled(file: Path, *names: str) -> list[Any]:
    """Entries of a dictionary in a pickle, which is read and not run."""
    content = memoryview(read_bytes(file, _MOST_BYTES))
    start = 0
    if bytes(content[:6]) == b"\x93NUMPY":
        wide = content[6] > 1
        start = (12 if wide else 10) + int.from_bytes(content[8 : 12 if wide else 10], "little")
    try:
        root = _plain(PickleReader(content, start).load())
        if isinstance(root, list) and len(root) == 1:
            (root,) = root
        entries = {key.decode() if isinstance(key, bytes) else key: value for key, value in root.items()}
        return [_plain(entries[name]) for name in names]
    except (PickleError, ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise SuiteError(f"{file}: not a pickled dictionary with {', '.join(names)} ({error})") from error


def _plain(value: Any) -> Any:
    """The numbers of a pickled array, or the list in one of objects."""
    if not isinstance(value, Inert) or not str(value.function).endswith("multiarray._reconstruct"):
        return value
    _version, shape, kind, fortran, data = value.state
    code = str(kind.arguments[0])
    if code in ("O", "O8"):
        return list(data)
    if code not in ("u1", "i8", "i4", "u4", "i2", "f8") or fortran:
        raise ValueError(f"an array of the type {code[:20]!r}")
    if not isinstance(data, str | bytes | memoryview):
        raise ValueError(f"an array whose numbers are {type(data).__name__}")
    raw = data.encode("latin-1") if isinstance(data, str) else bytes(data)
    numbers = np.frombuffer(raw, dtype=f"<{code}" if code != "u1" else code)
    if len(numbers) != math.prod(shape):
        raise ValueError("an array with fewer numbers than its shape has")
    return numbers.reshape(shape)
