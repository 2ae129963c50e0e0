"""Arrays of a split: mapped from their files, and the hash of what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites.arrays import map_array
from soupwidgets.suites.manifest import MOST_IMAGES


class SuiteError(ValueError):
    """A suite on disk is missing, incomplete or damaged; the message names the file and what to do."""


def content_hash(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> str:
    """SHA-256 over the shape, the pixels and the labels (as 64-bit integers) of a split."""
    digest = hashlib.sha256(repr(images.shape).encode())
    digest.update(np.ascontiguousarray(images).data)
    digest.update(np.ascontiguousarray(labels, dtype="<i8").data)
    return digest.hexdigest()


def load_array(path: Path, *axes: int) -> NDArray[Any]:
    """Map a ``.npy`` file into memory.

    Parameters
    ----------
    path
        The file.
    axes
        How many it may have; any number when none is given.

    Raises
    ------
    SuiteError
        When it is none, needs a pickle, or has another number of axes, no pixels, or more images than a suite may.
    """
    try:
        loaded = map_array(path)
    except ValueError as error:
        raise SuiteError(str(error)) from error
    if not loaded.ndim:
        raise SuiteError(f"{path}: a single number; an array with a row for each example is expected")
    if axes and (loaded.ndim not in axes or 0 in loaded.shape[1:]):
        raise SuiteError(f"{path}: an array of shape {loaded.shape}; {' or '.join(map(str, axes))} axes are expected")
    if axes and len(loaded) > MOST_IMAGES:
        raise SuiteError(f"{path}: {len(loaded):,} images; a suite may have {MOST_IMAGES:,}")
    return loaded


def examples_hash(examples: Mapping[str, NDArray[Any]], labels: NDArray[Any]) -> str:
    """SHA-256 over names, precisions, shapes and contents of a split's arrays, and its labels.

    Images alone have the hash of `content_hash`, which is that of every suite built so far.
    """
    if list(examples) == ["images"] and labels.ndim == 1 and labels.dtype.kind in "iu":
        return content_hash(examples["images"], labels)
    digest = hashlib.sha256()
    for name, array in [*sorted(examples.items()), ("labels", labels)]:
        little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(repr((name, little.dtype.str, array.shape)).encode())
        digest.update(little.data)
    return digest.hexdigest()
