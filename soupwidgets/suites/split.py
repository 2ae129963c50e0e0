"""A split: one set of labelled images, what it may be used for, and how it is scored."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from soupwidgets.checkpoints.hash_cache import remembered_hash
from soupwidgets.suites.arrays import map_array
from soupwidgets.suites.class_map import ClassMap
from soupwidgets.suites.json_files import decode
from soupwidgets.suites.manifest import MOST_IMAGES
from soupwidgets.suites.shifts import Shift

# A file system's names have 255 bytes at most, each of which JSON may write as six characters.
_NAME_BYTES = 6 * 255

Role = Literal["validation", "id_test", "shift", "train", "slice", "probe"]
Metric = Literal["accuracy", "macro_f1", "worst_group"]


_MEANT: dict[Role, str] = {
    "validation": "chooses",
    "id_test": "test in distribution",
    "shift": "distribution shift",
    "train": "for fine-tuning",
    "slice": "slice of another split",
    "probe": "asks what no benchmark asks",
}
_METRICS: dict[Metric, str] = {"accuracy": "accuracy", "macro_f1": "macro F1", "worst_group": "worst group"}


class SuiteError(ValueError):
    """A suite on disk is missing, incomplete or damaged; the message names the file and what to do."""


@dataclass(frozen=True)
class Source:
    """Images and labels as they lie on disk, and for a shift what is done to them.

    ``rows`` picks images of the arrays (all of them when None); ``shift`` is
    applied to the picked images when they are first asked for; ``made_of`` names
    the split whose images these are, each in its place, where they were made of another;
    ``names`` is a JSON file with what the data set calls each of the arrays' images.
    """

    images: Path
    labels: Path
    rows: tuple[int, ...] | None = None
    shift: Shift | None = None
    made_of: str | None = None
    names: Path | None = None

    @property
    def as_stored(self) -> bool:
        """Whether the images are those on disk, all of them and unchanged."""
        return self.rows is None and self.shift is None


@dataclass(frozen=True)
class Scoring:
    """How a split's benchmark counts, where that is not the share of right images over the suite's classes.

    Parameters
    ----------
    metric
        ``"accuracy"``, ``"macro_f1"`` (iWildCam) or ``"worst_group"`` (FMoW).
    class_map
        Where the split's classes are not the suite's.
    classes
        Names of the split's classes, where there is a class map.
    groups
        File with each image's group (-1 for none that counts), for ``"worst_group"``.
    group_names
        What the groups are.
    """

    metric: Metric = "accuracy"
    class_map: ClassMap | None = None
    classes: tuple[str, ...] = ()
    groups: Path | None = None
    group_names: tuple[str, ...] = ()


class Split:
    """One set of labelled images. Pixels are read, or made, when first asked for.

    Parameters
    ----------
    name
        ``"val"``, ``"test"``, or the name of the shift.
    role
        What the split may be used for: choosing (``validation``), reporting
        in-distribution accuracy (``id_test``) or robustness (``shift``), fine-tuning (``train``), looking at
        some images of another split (``slice``), asking a model what no benchmark asks (``probe``).
    source
        Where the images come from.
    sha256
        The content hash that the manifest states, if it states one.
    scoring
        How it is scored.
    """

    def __init__(
        self, name: str, role: Role, source: Source, sha256: str | None = None, scoring: Scoring | None = None
    ) -> None:
        self.name = name
        self.role: Role = role
        self.source = source
        self.scoring = scoring or Scoring()
        self._stated_sha256 = sha256

    def __repr__(self) -> str:
        return f"Split({self.name!r}, role={self.role!r}, n={len(self)})"

    def _repr_html_(self) -> str:
        """What it is, as a table of one row."""
        head = "<tr><th>split</th><th>role</th><th>images</th><th>pixels</th><th>scored by</th></tr>"
        return f"<table>{head}{self.to_html_row()}</table>"

    def to_html_row(self) -> str:
        """Name, role, number of images, size and metric as a row of a table; no pixel is read."""
        height, width = self.image_size
        cells = [self.name, _MEANT[self.role], f"{len(self):,}", f"{height} x {width}", _METRICS[self.scoring.metric]]
        return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """Pixels ``[n, height, width]`` or ``[n, height, width, 3]``; memory-mapped unless shifted."""
        stored = self._stored
        if self.source.rows is not None:
            stored = stored[np.asarray(self.source.rows)]
        return stored if self.source.shift is None else self.source.shift.apply(stored)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class indices ``[n]``."""
        stored = load_array(self.source.labels, 1)
        if stored.dtype.kind not in "iu":
            raise SuiteError(f"{self.source.labels}: expected integer labels, found {stored.dtype}")
        picked = stored if self.source.rows is None else stored[np.asarray(self.source.rows)]
        return picked.astype(np.int64)

    @cached_property
    def file_names(self) -> tuple[str, ...] | None:
        """What the data set calls each image ``[n]``; None where the suite does not say."""
        if self.source.names is None:
            return None
        images = len(load_array(self.source.labels, 1))
        try:
            stored = decode(self.source.names, list[str], images * _NAME_BYTES + _NAME_BYTES)
        except ValueError as error:
            raise SuiteError(f"{error}; a list of the images' names is expected") from error
        if len(stored) != images:
            raise SuiteError(f"{self.source.names}: {len(stored):,} names for {images:,} images")
        return tuple(stored) if self.source.rows is None else tuple(stored[row] for row in self.source.rows)

    @cached_property
    def image_numbers(self) -> NDArray[np.int64]:
        """A number for the image behind each row ``[n]``; equal numbers in two splits are the same image."""
        rows = np.arange(len(self)) if self.source.rows is None else np.asarray(self.source.rows)
        origin = self.source.made_of or self.source.images.name.split(".")[0]
        start = int.from_bytes(hashlib.sha256(origin.encode()).digest()[:3], "big")
        found: NDArray[np.int64] = (start << 32) + rows
        return found

    @cached_property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels, known without reading any."""
        height, width = self._stored.shape[1:3]
        return int(height), int(width)

    @cached_property
    def _stored(self) -> NDArray[np.uint8]:
        stored = load_array(self.source.images, 3, 4)
        if stored.dtype != np.uint8 or stored.shape[3:] not in ((), (3,)):
            raise SuiteError(
                f"{self.source.images}: expected uint8 images, grey or in three colours, "
                f"found {stored.dtype} of shape {stored.shape}"
            )
        return stored

    @cached_property
    def groups(self) -> NDArray[np.int64] | None:
        """Each image's group ``[n]``, -1 where none counts; None where the metric needs none."""
        if self.scoring.groups is None:
            return None
        stored = load_array(self.scoring.groups, 1)
        if stored.shape != self.labels.shape or stored.dtype.kind not in "iu":
            raise SuiteError(
                f"{self.scoring.groups}: {stored.dtype} of shape {stored.shape}; one whole number an image is due"
            )
        found: NDArray[np.int64] = stored.astype(np.int64)
        return found

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of shape, pixels, labels and scoring: what a stored measurement is filed under.

        Raises
        ------
        SuiteError
            When files on disk are not those that the manifest was written for.
        """
        if self.source.as_stored:
            # Gigabytes of pixels are read for their hash once, and again only when their file changes.
            files = [self.source.images, self.source.labels]
            found = remembered_hash(files, None, lambda: content_hash(self.images, self.labels))
        else:
            found = content_hash(self.images, self.labels)
        # A shift is computed here; another processor may round a pixel otherwise, which is another
        # split (its measurements are filed apart) and no damage.
        if self._stated_sha256 and self.source.shift is None and found != self._stated_sha256:
            raise SuiteError(
                f"{self.source.images}: content differs from the suite's manifest (damaged or edited); "
                "restore the file, or rebuild the suite"
            )
        scoring = self.scoring
        if scoring.class_map is None and scoring.metric == "accuracy":
            return found
        columns = scoring.class_map.columns if scoring.class_map else None
        digest = hashlib.sha256(json.dumps([found, scoring.metric, columns]).encode())
        if self.groups is not None:
            digest.update(np.ascontiguousarray(self.groups, dtype="<i8").data)
        return digest.hexdigest()


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
    if axes and (loaded.ndim not in axes or 0 in loaded.shape[1:]):
        raise SuiteError(f"{path}: an array of shape {loaded.shape}; {' or '.join(map(str, axes))} axes are expected")
    if axes and len(loaded) > MOST_IMAGES:
        raise SuiteError(f"{path}: {len(loaded):,} images; a suite may have {MOST_IMAGES:,}")
    return loaded
