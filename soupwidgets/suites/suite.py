"""A suite: one classification task with its validation split, its test and its distribution shifts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites.shifts import Shift

Role = Literal["validation", "id_test", "shift"]
MANIFEST = "suite.json"


class SuiteError(ValueError):
    """A suite on disk is missing, incomplete or damaged; the message names the file and what to do."""


@dataclass(frozen=True)
class Source:
    """Images and labels as they lie on disk, and for a shift what is done to them.

    ``rows`` picks images of the arrays (all of them when None); ``shift`` is
    applied to the picked images when they are first asked for.
    """

    images: Path
    labels: Path
    rows: tuple[int, ...] | None = None
    shift: Shift | None = None


class Split:
    """One set of labelled images. Pixels are read, or made, when first asked for.

    Parameters
    ----------
    name
        ``"val"``, ``"test"``, or the name of the shift.
    role
        What the split may be used for: choosing (``validation``), reporting
        in-distribution accuracy (``id_test``) or robustness (``shift``).
    source
        Where the images come from.
    sha256
        The content hash that the manifest states, if it states one.
    """

    def __init__(self, name: str, role: Role, source: Source, sha256: str | None = None) -> None:
        self.name = name
        self.role: Role = role
        self.source = source
        self._stated_sha256 = sha256

    def __repr__(self) -> str:
        return f"Split({self.name!r}, role={self.role!r}, n={len(self)})"

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """Pixels ``[n, height, width]`` or ``[n, height, width, 3]``; memory-mapped unless shifted."""
        stored = _load(self.source.images)
        if stored.dtype != np.uint8 or stored.ndim not in (3, 4):
            raise SuiteError(
                f"{self.source.images}: expected uint8 images, found {stored.dtype} of shape {stored.shape}"
            )
        if self.source.rows is not None:
            stored = stored[np.asarray(self.source.rows)]
        return self.source.shift.apply(stored) if self.source.shift else stored

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class indices ``[n]``."""
        stored = _load(self.source.labels)
        if stored.ndim != 1 or stored.dtype.kind not in "iu":
            raise SuiteError(
                f"{self.source.labels}: expected integer labels, found {stored.dtype} of shape {stored.shape}"
            )
        picked = stored if self.source.rows is None else stored[np.asarray(self.source.rows)]
        return picked.astype(np.int64)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of shape, pixels and labels: what a stored measurement is filed under.

        Raises
        ------
        SuiteError
            When files on disk are not those that the manifest was written for.
        """
        found = content_hash(self.images, self.labels)
        # A shift is computed here; another processor may round a pixel otherwise, which is another
        # split (its measurements are filed apart) and no damage.
        if self._stated_sha256 and self.source.shift is None and found != self._stated_sha256:
            raise SuiteError(
                f"{self.source.images}: content differs from the suite's manifest (damaged or edited); "
                "restore the file, or rebuild the suite"
            )
        return found


def content_hash(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> str:
    """SHA-256 over the shape, the pixels and the labels (as 64-bit integers) of a split."""
    digest = hashlib.sha256(repr(images.shape).encode())
    digest.update(np.ascontiguousarray(images).data)
    digest.update(np.ascontiguousarray(labels, dtype="<i8").data)
    return digest.hexdigest()


def _load(path: Path) -> NDArray[Any]:
    try:
        loaded: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise SuiteError(f"{path}: cannot be read as a plain .npy array ({error})") from error
    return loaded


class Suite:
    """The splits of one task, by name.

    Examples
    --------
    >>> suite = Suite.open("data/suites/fashion")
    >>> suite.validation.name, suite.id_test.name
    ('val', 'test')
    >>> [shift.name for shift in suite.shifts][:3]
    ['rotate', 'noise', 'blur']
    """

    def __init__(self, name: str, classes: Sequence[str], splits: Mapping[str, Split]) -> None:
        self.name = name
        self.classes = tuple(classes)
        self.splits = dict(splits)

    def __repr__(self) -> str:
        return f"Suite({self.name!r}, {len(self.classes)} classes, splits={list(self.splits)})"

    @classmethod
    def open(cls, folder: str | Path) -> Suite:
        """Open a suite's folder and check that it is complete.

        Parameters
        ----------
        folder
            Holds ``suite.json`` and the ``.npy`` arrays that it names.

        Returns
        -------
        Suite
            No pixel is read yet.

        Raises
        ------
        SuiteError
            When the manifest or an array is missing or malformed, when a name
            points out of the folder, or when labels and images do not match.
        """
        folder = Path(folder)
        path = folder / MANIFEST
        try:
            manifest = json.loads(path.read_text())
        except FileNotFoundError:
            raise SuiteError(f"{path} is missing: {folder} is not the folder of a suite") from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise SuiteError(f"{path}: not a readable manifest ({error})") from error
        try:
            splits = [_split(folder, entry) for entry in manifest["splits"]]
            suite = cls(str(manifest["name"]), [str(c) for c in manifest["classes"]], {s.name: s for s in splits})
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, SuiteError):
                raise
            raise SuiteError(f"{path}: malformed ({error!r})") from error
        suite._check(path)
        return suite

    def _check(self, path: Path) -> None:
        roles = [split.role for split in self.splits.values()]
        for role in ("validation", "id_test"):
            if roles.count(role) != 1:
                raise SuiteError(f"{path}: needs exactly one split with the role {role!r}, has {roles.count(role)}")
        for split in self.splits.values():
            labels, stored = split.labels, _load(split.source.images)
            images = len(stored) if split.source.rows is None else len(split.source.rows)
            if images != len(labels):
                raise SuiteError(f"{path}: split {split.name!r} has {images} images but {len(labels)} labels")
            if len(labels) == 0:
                raise SuiteError(f"{path}: split {split.name!r} is empty")
            if labels.min() < 0 or labels.max() >= len(self.classes):
                raise SuiteError(
                    f"{path}: split {split.name!r} has labels {labels.min()}..{labels.max()}, "
                    f"but the suite names {len(self.classes)} classes"
                )

    @property
    def validation(self) -> Split:
        """The held-out split; the only one that may choose anything."""
        return next(split for split in self.splits.values() if split.role == "validation")

    @property
    def id_test(self) -> Split:
        """The in-distribution (ID) test."""
        return next(split for split in self.splits.values() if split.role == "id_test")

    @property
    def shifts(self) -> list[Split]:
        """The distribution shifts (OOD), in the manifest's order."""
        return [split for split in self.splits.values() if split.role == "shift"]


def _inside(folder: Path, name: Any) -> Path:
    if not isinstance(name, str) or Path(name).name != name:
        raise SuiteError(f"{folder / MANIFEST}: {name!r} is not the name of a file in this folder")
    return folder / name


def _split(folder: Path, entry: Mapping[str, Any]) -> Split:
    if entry["role"] not in get_args(Role):
        raise SuiteError(f"{folder / MANIFEST}: {entry['role']!r} is not a role; known are {get_args(Role)}")
    rows = None
    if "rows" in entry:
        order = np.random.default_rng(int(entry["rows"]["seed"])).permutation(int(entry["rows"]["of"]))
        rows = tuple(int(r) for r in order[int(entry["rows"]["start"]) : int(entry["rows"]["stop"])])
    source = Source(
        images=_inside(folder, entry["images"]),
        labels=_inside(folder, entry["labels"]),
        rows=rows,
        shift=Shift.from_json(entry["shift"]) if "shift" in entry else None,
    )
    return Split(str(entry["name"]), entry["role"], source, entry.get("sha256"))
