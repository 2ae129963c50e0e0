"""Logits written by another program, checked image by image before they are compared with ours."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.evaluation import Logits
from soupwidgets.json_files import read_text
from soupwidgets.suites import Split, Suite
from soupwidgets.suites.arrays import read_arrays
from soupwidgets.topics.diversity.members import Member

_SHOWN = 5
# Bytes for an image's index and its name, which NumPy stores with four bytes per character.
_MOST_PER_IMAGE = 8 + 4 * 256
# Maximum number of characters of a number in a table.
_MOST_DIGITS = 64


def read_logits(path: str | Path, suite: Suite, *, split: str) -> Logits:
    """Read logits of one split, and arrange them in its order.

    Supported formats:

    - ``.npy``: an array ``[images, classes]``, in the split's own order;
    - ``.npz``: ``logits``, and ``indices`` or ``names`` of the images if they are in another order; or the
      output of ``numpy.savez`` for one unnamed array, or a bare array;
    - ``.pt`` (or safetensors): a dictionary with the tensors ``logits`` and optionally ``indices``; no code is run;
    - ``.csv``: a header, a column ``index`` or ``file``, and a column for each class, headed by the classes'
      names or by their numbers.

    Raises
    ------
    KeyError
        When the suite has no such split.
    ValueError
        When the file has none of these formats, or does not cover exactly these images and classes; the message says
        which image or class is missing, duplicated or unknown.
    """
    if split not in suite.splits:
        raise KeyError(f"the suite has no split {split!r}; it has {', '.join(suite.splits)}")
    path, where = Path(path), suite.splits[split]
    classes = suite.class_names(split)
    if path.suffix == ".csv":
        logits, indices, names = _csv(path, classes, len(where))
    elif path.suffix in (".npy", ".npz"):
        # Both are present if there is an unnamed array next to one called logits.
        logits, indices, names = _arrays(path, 2 * len(where) * (8 * len(classes) + _MOST_PER_IMAGE))
    elif path.suffix in (".pt", ".pth", ".safetensors"):
        logits, indices, names = _tensors(path)
    else:
        raise ValueError(f"{path}: logits are read from .npy, .npz, .pt, .pth, .safetensors and .csv")
    if logits.ndim != 2 or logits.dtype.kind not in "fiu":
        raise ValueError(f"{path}: expected numbers [images, classes], found {logits.dtype} of shape {logits.shape}")
    if logits.shape[1] != len(classes):
        raise ValueError(f"{path}: {logits.shape[1]} classes, {split!r} has {len(classes)}")
    if names is not None:
        indices = _rows_of(path, names, where)
    if indices is None:
        if len(logits) != len(where):
            raise ValueError(
                f"{path}: {len(logits):,} images, {split!r} has {len(where):,}; without indices or names they must "
                "be all of them, in the split's order"
            )
        indices = np.arange(len(where))
    return _ordered(path, logits, indices, where)


def import_member(
    name: str, files: Mapping[str, str | Path], *, suite: Suite, training: Mapping[str, str] | None = None
) -> Member:
    """A model known only by its logits.

    Parameters
    ----------
    files
        Split to file. Without validation it can be scored but has no temperature, so it cannot be used where
        probabilities or logits are averaged.
    suite
        The suite whose images it was shown.
    training
        How it was trained, for `divergence`.

    Raises
    ------
    KeyError, ValueError
        As in `read_logits`, and when there is no file.
    """
    if not files:
        raise ValueError(f"{name!r} has no file of logits")
    known = {split: read_logits(path, suite, split=split) for split, path in files.items()}

    def load(split: str) -> Logits:
        if split not in known:
            raise ValueError(f"{name!r} has no logits on {split!r}; it has those of {', '.join(known)}")
        return known[split]

    return Member(name, tuple(known), load, training or {})


_Content = tuple[NDArray[Any], NDArray[np.int64] | None, Sequence[str] | None]


def _arrays(path: Path, most: int) -> _Content:
    content = read_arrays(path, ("logits", "indices", "names", "arr_0"), most)
    if "logits" not in content and "arr_0" in content:
        content["logits"] = content["arr_0"]
    return _from_arrays(path, content)


def _tensors(path: Path) -> _Content:
    wanted = ("logits", "indices")
    found = ((name, tensor) for name, tensor in CheckpointFile(path).read() if name in wanted)
    # NumPy has no bfloat16.
    content = {name: (tensor.float() if tensor.is_floating_point() else tensor).numpy() for name, tensor in found}
    return _from_arrays(path, content)


def _from_arrays(path: Path, content: Mapping[str, NDArray[Any]]) -> _Content:
    if "logits" not in content:
        raise ValueError(f"{path}: it has no array named 'logits'")
    if "indices" in content and content["indices"].dtype.kind not in "iu":
        raise ValueError(f"{path}: indices are {content['indices'].dtype}, whole numbers are needed")
    indices = content["indices"].astype(np.int64).reshape(-1) if "indices" in content else None
    names = [str(name) for name in content["names"].reshape(-1)] if "names" in content else None
    return content["logits"], indices, names


def _csv(path: Path, classes: Sequence[str], images: int) -> _Content:
    most = (images + 1) * ((len(classes) + 1) * _MOST_DIGITS + _MOST_PER_IMAGE) + sum(map(len, classes)) * 4
    try:
        # Row by row: as strings, a large table takes ten times the memory of its numbers.
        rows = csv.reader(io.StringIO(read_text(path, most), newline=""))
        header = [title.strip() for title in next(rows, [])]
        key, columns = _titles(path, header, classes)
        logits: list[NDArray[np.float64]] = []
        said: list[str] = []
        for number, row in enumerate(rows, start=2):
            if len(row) != len(header):
                raise ValueError(f"{path}, line {number}: {len(row)} cells, the header has {len(header)}")
            try:
                logits.append(np.array([float(row[column]) for column in columns]))
            except ValueError:
                raise ValueError(f"{path}, line {number}: a logit is not a number") from None
            said.append(row[header.index(key)].strip())
    except csv.Error as error:
        raise ValueError(f"{path}: not a readable table ({error})") from error
    if not logits:
        raise ValueError(f"{path}: a header and a row for each image are needed")
    if key == "file":
        return np.array(logits), None, said
    try:
        return np.array(logits), np.array([int(text) for text in said], dtype=np.int64), None
    except (ValueError, OverflowError):
        raise ValueError(f"{path}: an index is not a whole number") from None


def _titles(path: Path, header: Sequence[str], classes: Sequence[str]) -> tuple[str, list[int]]:
    """The column that identifies the image of a row, and the column number of each class."""
    keys = [title for title in ("index", "file") if title in header]
    if len(keys) != 1 or len(set(header)) < len(header):
        raise ValueError(f"{path}: the header needs one column 'index' or 'file', and every title once")
    numbers = [str(i) for i in range(len(classes))]
    titles = list(classes) if set(classes) <= set(header) else numbers
    place = {title: column for column, title in enumerate(header)}
    lacking = [title for title in titles if title not in place]
    if lacking:
        raise ValueError(
            f"{path}: no column for class {lacking[0]!r:.200}; columns must be named like the classes, or 0, 1, ..."
        )
    extra = set(header) - set(titles) - {keys[0]}
    if extra:
        raise ValueError(f"{path}: the column {min(extra)!r:.100} is not a class of the suite")
    return keys[0], [place[title] for title in titles]


def _rows_of(path: Path, names: Sequence[str], split: Split) -> NDArray[np.int64]:
    known = split.file_names
    if known is None:
        raise ValueError(f"{path}: names its images, but the suite does not know what the images of {split.name!r} are"
                         " called; build the suite again, or give indices")  # fmt: skip
    place = {name: row for row, name in enumerate(known)}
    if len(place) < len(known):
        raise ValueError(f"{split.name!r} has images of equal names: give indices instead")
    # Folders differ from machine to machine; the last part of the name comes from the data set.
    bare = [name.replace("\\", "/").rsplit("/", 1)[-1] for name in names]
    foreign = [name for name in bare if name not in place]
    if foreign:
        raise ValueError(f"{path}: {len(foreign)} images are not of {split.name!r}: {_first(foreign)}")
    return np.array([place[name] for name in bare], dtype=np.int64)


def _ordered(path: Path, logits: NDArray[Any], indices: NDArray[np.int64], split: Split) -> Logits:
    if len(indices) != len(logits):
        raise ValueError(f"{path}: {len(indices):,} indices for {len(logits):,} rows of logits")
    outside = indices[(indices < 0) | (indices >= len(split))]
    if len(outside):
        raise ValueError(f"{path}: {split.name!r} has images 0..{len(split) - 1}, not {_first(outside.tolist())}")
    counts = np.bincount(indices, minlength=len(split))
    if counts.max() > 1:
        raise ValueError(f"{path}: twice or more: {_first(np.flatnonzero(counts > 1).tolist())}")
    if counts.min() == 0:
        lacking = np.flatnonzero(counts == 0).tolist()
        raise ValueError(f"{path}: {len(lacking):,} images of {split.name!r} are missing: {_first(lacking)}")
    made = np.empty((len(split), logits.shape[1]), dtype=np.float32)
    # A value too large for float32 becomes infinite, and so counts as no prediction.
    with np.errstate(over="ignore"):
        made[indices] = logits
    return made


def _first(values: Sequence[object]) -> str:
    return ", ".join(f"{value!s:.200}" for value in values[:_SHOWN]) + (", ..." if len(values) > _SHOWN else "")
