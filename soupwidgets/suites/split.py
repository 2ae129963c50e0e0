"""A split: one set of labelled examples, what it may be used for, and how it is scored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from soupwidgets.checkpoints.hash_cache import remembered_hash
from soupwidgets.json_files import decode
from soupwidgets.stats.label_metrics import LABEL_SET_METRICS
from soupwidgets.stats.metrics import METRIC_WORDS, METRICS
from soupwidgets.suites.class_map import ClassMap
from soupwidgets.suites.content import SuiteError, examples_hash, load_array
from soupwidgets.suites.label_sets import LabelSets
from soupwidgets.suites.shifts import Shift
from soupwidgets.suites.task import Task, check_labels

# A file system's names have 255 bytes at most, each of which JSON may write as six characters.
_NAME_BYTES = 6 * 255
_TEXT_BYTES = 1 << 16

Role = Literal["validation", "id_test", "shift", "train", "slice", "probe"]

# Shape of one example (without their number) and precision, by the array's name.
Form = Mapping[str, tuple[tuple[int, ...], str]]


_MEANT: dict[Role, str] = {
    "validation": "chooses",
    "id_test": "test in distribution",
    "shift": "distribution shift",
    "train": "for fine-tuning",
    "slice": "slice of another split",
    "probe": "asks what no benchmark asks",
}


@dataclass(frozen=True)
class Source:
    """Examples and labels as they lie on disk, and for a shift what is done to them.

    ``rows`` picks images of the arrays (all of them when None); ``shift`` is
    applied to the picked images when they are first asked for; ``made_of`` names
    the split whose images these are, each in its place, where they were made of another;
    ``names`` is a JSON file with what the data set calls each of the arrays' images. Examples other than images are
    in ``inputs``, by the names that the model gives them, and ``texts`` is a JSON file with what they say.
    """

    images: Path
    labels: Path
    rows: tuple[int, ...] | None = None
    shift: Shift | None = None
    made_of: str | None = None
    names: Path | None = None
    inputs: Mapping[str, Path] = field(default_factory=dict)
    texts: Path | None = None

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
        Its name, such as ``"accuracy"``, ``"macro_f1"`` (iWildCam) or ``"worst_group"`` (FMoW).
    class_map
        Where the split's classes are not the suite's.
    classes
        Names of the split's classes, where there is a class map.
    groups
        File with each image's group (-1 for none that counts), for ``"worst_group"``.
    group_names
        What the groups are.
    task
        What labels are.
    label_sets
        All accepted labels of each example, or a file with them, for ``"multi_label_accuracy"`` and
        ``"multi_label_top1"``.
    """

    metric: str = "accuracy"
    class_map: ClassMap | None = None
    classes: tuple[str, ...] = ()
    groups: Path | None = None
    group_names: tuple[str, ...] = ()
    task: Task = "single-label"
    label_sets: LabelSets | Path | None = None


class Split:
    """One set of labelled examples. What they are made of is read, or made, when first asked for.

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

    Attributes
    ----------
    rescored
        The split that has the same examples and was scored otherwise, if this one was made from it.
    """

    def __init__(
        self, name: str, role: Role, source: Source, sha256: str | None = None, scoring: Scoring | None = None
    ) -> None:
        self.name = name
        self.role: Role = role
        self.source = source
        self.scoring = scoring or Scoring()
        self.rescored: Split | None = None
        self._stated_sha256 = sha256

    def __repr__(self) -> str:
        return f"Split({self.name!r}, role={self.role!r}, n={len(self)})"

    def _repr_html_(self) -> str:
        """What it is, as a table of one row."""
        return f"<table>{html_head([self])}{self.to_html_row()}</table>"

    def to_html_row(self) -> str:
        """Name, role, number of examples, form and metric as a row of a table; no pixel is read."""
        metric = METRIC_WORDS.get(self.scoring.metric, self.scoring.metric)
        cells = [self.name, _MEANT[self.role], f"{len(self):,}", form_words(self.form), metric]
        return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def examples(self) -> Mapping[str, NDArray[Any]]:
        """What models are shown: arrays ``[n, ...]`` by name; ``images`` are pixels 0..255."""
        return self._inputs if self.source.inputs else {"images": self.images}

    @cached_property
    def form(self) -> Form:
        """Shape of one example and precision of every array of `examples`; nothing is read."""
        arrays = self._inputs if self.source.inputs else {"images": self._stored}
        return {name: (array.shape[1:], str(array.dtype)) for name, array in arrays.items()}

    @cached_property
    def _inputs(self) -> dict[str, NDArray[Any]]:
        found = {name: load_array(path) for name, path in self.source.inputs.items()}
        for name, array in found.items():
            if array.ndim < 2 or 0 in array.shape[1:] or array.dtype.kind not in "fiub":
                raise SuiteError(
                    f"{self.source.inputs[name]}: an array of numbers with a row for each example is expected, "
                    f"found {array.dtype} of shape {array.shape}"
                )
        rows = self.source.rows
        return found if rows is None else {name: array[np.asarray(rows)] for name, array in found.items()}

    @cached_property
    def texts(self) -> tuple[str, ...] | None:
        """What each example says ``[n]``, if these are texts."""
        return self._listed(self.source.texts, "texts")

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """Pixels ``[n, height, width]`` or ``[n, height, width, 3]``; memory-mapped unless shifted.

        Raises
        ------
        SuiteError
            When the examples are no images.
        """
        stored = self._stored
        if self.source.rows is not None:
            stored = stored[np.asarray(self.source.rows)]
        return stored if self.source.shift is None else self.source.shift.apply(stored)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class indices ``[n]``; for other tasks as `soupwidgets.suites.task.check_labels` describes them."""
        stored = load_array(self.source.labels)
        try:
            checked = check_labels(stored, self.scoring.task)
        except ValueError as error:
            raise SuiteError(f"{self.source.labels}: {error}") from error
        return checked if self.source.rows is None else checked[np.asarray(self.source.rows)]

    @cached_property
    def file_names(self) -> tuple[str, ...] | None:
        """What the data set calls each image ``[n]``; None where the suite does not say."""
        return self._listed(self.source.names, "names")

    def _listed(self, path: Path | None, what: str) -> tuple[str, ...] | None:
        """A JSON file's strings, one for each example."""
        if path is None:
            return None
        number = len(load_array(self.source.labels))
        most = _NAME_BYTES if what == "names" else _TEXT_BYTES
        try:
            stored = decode(path, list[str], (number + 1) * most)
        except ValueError as error:
            raise SuiteError(f"{error}; a list of the examples' {what} is expected") from error
        if len(stored) != number:
            raise SuiteError(f"{path}: {len(stored):,} {what} for {number:,} examples")
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
        if self.source.inputs:
            raise SuiteError(f"the examples of {self.name!r} are no images: they are {', '.join(self.source.inputs)}")
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
    def label_sets(self) -> LabelSets | None:
        """All accepted labels of each example; None where it has one."""
        sets = self.scoring.label_sets
        return LabelSets.read(sets, len(self)) if isinstance(sets, Path) else sets

    @property
    def accepted(self) -> NDArray[np.int64] | None:
        """Accepted classes of each example, as `soupwidgets.stats.label_metrics.multi_label_accuracy` takes them."""
        return None if self.label_sets is None else self.label_sets.accepted

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
            read = [*(self.source.inputs.values() or [self.source.images]), self.source.labels]
            found = remembered_hash(read, None, lambda: examples_hash(self.examples, self.labels))
        else:
            found = examples_hash(self.examples, self.labels)
        # A shift is computed here; another processor may round a pixel otherwise, which is another
        # split (its measurements are filed apart) and no damage.
        if self._stated_sha256 and self.source.shift is None and found != self._stated_sha256:
            files = ", ".join(map(str, self.source.inputs.values())) or str(self.source.images)
            raise SuiteError(
                f"{files}: content differs from the suite's manifest (damaged or edited); "
                "restore the file, or rebuild the suite"
            )
        return scored_hash(found, self)


def scored_hash(found: str, split: Split) -> str:
    """The hash of a split's content together with how it is scored, where that is not the share of right answers."""
    scoring = split.scoring
    if scoring.class_map is None and scoring.metric == "accuracy" and scoring.task == "single-label":
        return found
    columns = scoring.class_map.columns if scoring.class_map else None
    # Numbers of somebody's own function are filed under its code, too.
    metric = METRICS[scoring.metric].identity if scoring.metric in METRICS else scoring.metric
    parts = [found, metric, columns] + ([] if scoring.task == "single-label" else [scoring.task])
    digest = hashlib.sha256(json.dumps(parts).encode())
    if split.groups is not None:
        digest.update(np.ascontiguousarray(split.groups, dtype="<i8").data)
    if scoring.metric in LABEL_SET_METRICS and split.accepted is not None:
        digest.update(np.ascontiguousarray(split.accepted, dtype="<i8").data)
    return digest.hexdigest()


def html_head(splits: Sequence[Split]) -> str:
    """What the columns of `Split.to_html_row` are."""
    images = all("images" in split.form for split in splits)
    heads = ("split", "role", *(("images", "pixels") if images else ("examples", "one example")), "scored by")
    return f"<tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"


def form_words(form: Form) -> str:
    """What one example is, in words.

    Examples
    --------
    >>> form_words({"images": ((28, 28), "uint8")}), form_words({"input_ids": ((32,), "uint16")})
    ('28 x 28', 'input_ids [32]')
    """
    if "images" in form:
        height, width = form["images"][0][:2]
        return f"{height} x {width}"
    return ", ".join(f"{name} {list(shape)}" for name, (shape, _) in form.items())
