"""A split: one set of labelled images, what it may be used for, and how it is scored."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from soupwidgets.checkpoints.hash_cache import remembered_hash
from soupwidgets.suites.class_map import ClassMap
from soupwidgets.suites.shifts import Shift

Role = Literal["validation", "id_test", "shift", "train", "slice", "probe"]
Metric = Literal["accuracy", "macro_f1", "worst_group"]


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

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """Pixels ``[n, height, width]`` or ``[n, height, width, 3]``; memory-mapped unless shifted."""
        stored = self._stored
        if self.source.rows is not None:
            stored = stored[np.asarray(self.source.rows)]
        return self.source.shift.apply(stored) if self.source.shift else stored

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class indices ``[n]``."""
        stored = load_array(self.source.labels)
        if stored.ndim != 1 or stored.dtype.kind not in "iu":
            raise SuiteError(
                f"{self.source.labels}: expected integer labels, found {stored.dtype} of shape {stored.shape}"
            )
        picked = stored if self.source.rows is None else stored[np.asarray(self.source.rows)]
        return picked.astype(np.int64)

    @cached_property
    def file_names(self) -> tuple[str, ...] | None:
        """What the data set calls each image ``[n]``; None where the suite does not say."""
        if self.source.names is None:
            return None
        try:
            stored = json.loads(self.source.names.read_text())
        except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise SuiteError(f"{self.source.names}: not a readable list of names ({error})") from error
        rows = range(len(self)) if self.source.rows is None else self.source.rows
        if not isinstance(stored, list) or len(stored) <= max(rows, default=-1):
            raise SuiteError(f"{self.source.names}: expected a list with a name for each of {len(self)} images")
        return tuple(str(stored[row]) for row in rows)

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
        stored = load_array(self.source.images)
        if stored.dtype != np.uint8 or stored.ndim not in (3, 4):
            raise SuiteError(
                f"{self.source.images}: expected uint8 images, found {stored.dtype} of shape {stored.shape}"
            )
        return stored

    @cached_property
    def groups(self) -> NDArray[np.int64] | None:
        """Each image's group ``[n]``, -1 where none counts; None where the metric needs none."""
        if self.scoring.groups is None:
            return None
        stored: NDArray[np.int64] = load_array(self.scoring.groups).astype(np.int64)
        if stored.shape != self.labels.shape:
            raise SuiteError(f"{self.scoring.groups}: of shape {stored.shape}, one group for each image is needed")
        return stored

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


def load_array(path: Path) -> NDArray[Any]:
    """Map a ``.npy`` file into memory; `SuiteError` where it is none, or needs a pickle."""
    try:
        loaded: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise SuiteError(f"{path}: cannot be read as a plain .npy array ({error})") from error
    return loaded
