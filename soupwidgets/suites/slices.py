"""Slices: some images of a split, under a name of their own. What was measured on the split is known of the slice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.checkpoints import atomic_path
from soupwidgets.json_files import decode
from soupwidgets.stats.label_metrics import LABEL_SET_METRICS, MULTI_LABEL_TOP1
from soupwidgets.suites.content import SuiteError, examples_hash
from soupwidgets.suites.label_sets import LabelSets
from soupwidgets.suites.manifest import SliceFile
from soupwidgets.suites.split import Form, Scoring, Split, scored_hash
from soupwidgets.suites.task import USUAL_METRIC

if TYPE_CHECKING:
    from soupwidgets.suites.suite import Suite

FORMAT = "soupwidgets slice 1"
# Versions that know the first format alone would score these by one label.
FORMAT_OF_SETS = "soupwidgets slice 2"
# Below this many images chance alone may move an accuracy by more than ten points.
_SMALL = 100


class SliceSplit(Split):
    """Some images of another split.

    Parameters
    ----------
    name
        Of the slice.
    parent
        Where its images are from.
    rows
        Which: places in the parent, each once.
    why
        Why these images matter.
    labels
        Other labels than the parent's, by row of the parent; a review may have found them.
    label_sets
        All accepted labels of its images, by row of the parent; images that are not there do not count. The slice is
        then scored by ``"multi_label_top1"``, whatever the parent is scored by.

    Raises
    ------
    SuiteError
        When there is no image, an image twice, or one that the parent does not have, or no image would count.
    """

    def __init__(
        self,
        name: str,
        parent: Split,
        rows: Sequence[int],
        why: str = "",
        labels: Mapping[int, int] | None = None,
        label_sets: Mapping[int, Iterable[int]] | None = None,
    ) -> None:
        chosen = np.asarray(rows, dtype=np.int64)
        if not len(chosen) or len(np.unique(chosen)) < len(chosen):
            raise SuiteError(f"slice {name!r}: needs at least one image, and each of them once")
        if chosen.min() < 0 or chosen.max() >= len(parent):
            raise SuiteError(f"slice {name!r}: {parent.name!r} has images 0..{len(parent) - 1}")
        # Worst groups and class means are of no use for a handful of images.
        own = parent.scoring
        scoring = Scoring(USUAL_METRIC[own.task], own.class_map, own.classes, task=own.task)
        if label_sets is not None:
            places = {int(row): place for place, row in enumerate(chosen)}
            if outside := [row for row in label_sets if row not in places]:
                raise SuiteError(f"slice {name!r}: labels of images that are not in it: {outside[:5]}")
            given = {places[row]: some for row, some in label_sets.items()}
            sets = LabelSets.from_rows(given, len(chosen), f"slice {name!r}")
            scoring = replace(scoring, metric=MULTI_LABEL_TOP1, label_sets=sets)
        elif own.metric in LABEL_SET_METRICS and parent.label_sets is not None:
            part = parent.label_sets.take(chosen)
            scoring = replace(scoring, metric=own.metric, label_sets=part) if part.counted else scoring
        super().__init__(name, "slice", parent.source, scoring=scoring)
        self.parent, self.rows, self.why = parent, chosen, why
        self._changed = dict(labels or {})
        self.own_label_sets = label_sets is not None

    @property
    def caution(self) -> str:
        """What to keep in mind of an accuracy on few images; empty when there are a hundred or more."""
        if len(self) >= _SMALL:
            return ""
        # Half of a 95 % interval at its widest, which is at an accuracy of one half.
        points = 100 * 1.96 * (0.25 / len(self)) ** 0.5
        images = "1 image" if len(self) == 1 else f"{len(self)} images"
        return (
            f"{self.name!r} has {images}: an accuracy on it may be up to {points:.0f} points off by chance alone. "
            "Look at its interval, and at the images. "
            "This holds for both of its accuracies, single-label and multi-label."
        )

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """Pixels of the parent's images."""
        return self.parent.images[self.rows]

    @property
    def examples(self) -> Mapping[str, NDArray[Any]]:
        """Those of the parent."""
        if "images" in self.parent.form:
            return {"images": self.images}
        return {name: array[self.rows] for name, array in self.parent.examples.items()}

    @property
    def form(self) -> Form:
        """As in the parent."""
        return self.parent.form

    @cached_property
    def texts(self) -> tuple[str, ...] | None:
        """What each example says, if these are texts."""
        said = self.parent.texts
        return None if said is None else tuple(said[row] for row in self.rows)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class indices ``[n]``."""
        found = self.parent.labels[self.rows]
        for place, row in enumerate(self.rows.tolist()):
            found[place] = self._changed.get(row, found[place])
        return found

    @cached_property
    def file_names(self) -> tuple[str, ...] | None:
        """What the data set calls each image."""
        names = self.parent.file_names
        return None if names is None else tuple(names[row] for row in self.rows)

    @cached_property
    def image_numbers(self) -> NDArray[np.int64]:
        """The parent's: these are its images."""
        found: NDArray[np.int64] = self.parent.image_numbers[self.rows]
        return found

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of shape, pixels, labels and classes."""
        found = examples_hash(self.examples, self.labels)
        if self.scoring.class_map is None or self.scoring.metric in LABEL_SET_METRICS:
            return scored_hash(found, self)
        return hashlib.sha256(json.dumps([found, self.scoring.class_map.columns]).encode()).hexdigest()


def write_slice(path: str | Path, given: SliceSplit) -> Path:
    """Write a slice as a small JSON file: rows, labels, and accepted labels of its own; no pixels.

    Parameters
    ----------
    path
        The file.
    given
        The slice.
    """
    content = {
        "format": FORMAT,
        "name": given.name,
        "why": given.why,
        "split": given.parent.name,
        "sha256": given.parent.content_hash,
        "rows": given.rows.tolist(),
        "labels": given.labels.tolist(),
    }
    if given.own_label_sets and given.label_sets is not None:
        content |= {"format": FORMAT_OF_SETS, "label_sets": given.label_sets.sets}
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
    return Path(path)


def read_slice(path: str | Path, suite: Suite) -> SliceSplit:
    """Read a slice's file.

    Parameters
    ----------
    path
        As `write_slice` writes it.
    suite
        Has the split whose images these are.

    Raises
    ------
    SuiteError
        When the file is none, or is about other images than the suite has.
    """
    try:
        content = decode(path, SliceFile)
        sets = content.label_sets
        if content.format != (FORMAT if sets is None else FORMAT_OF_SETS):
            raise SuiteError(f"{path}: not a file of the format {FORMAT!r}, nor with sets of labels {FORMAT_OF_SETS!r}")
        if content.split not in suite.splits:
            raise SuiteError(f"{path}: of the split {content.split!r:.300}; the suite has {', '.join(suite.splits)}")
    except ValueError as error:
        raise SuiteError(str(error)) from error
    try:
        parent = suite.splits[content.split]
        if not content.name.strip():
            raise SuiteError("it has no name")
        if content.sha256 != parent.content_hash:
            raise SuiteError(f"made for other images or labels of {parent.name!r} than the suite has")
        if len(content.rows) != len(content.labels):
            raise SuiteError(f"{len(content.labels):,} labels for {len(content.rows):,} rows")
        classes = len(suite.class_names(parent.name))
        every = [*content.labels, *(one for some in sets or [] for one in some or [])]
        if max(every, default=0) >= classes:
            raise SuiteError(f"a label is not of the classes 0..{classes - 1}")
        labels = dict(zip(content.rows, content.labels, strict=True))
        if sets is None:
            return SliceSplit(content.name, parent, content.rows, content.why, labels)
        if len(sets) != len(content.rows):
            raise SuiteError(f"{len(sets):,} sets of labels for {len(content.rows):,} rows")
        accepted = {row: some for row, some in zip(content.rows, sets, strict=True) if some is not None}
        return SliceSplit(content.name, parent, content.rows, content.why, labels, accepted)
    except SuiteError as error:
        raise SuiteError(f"{path}: {error}") from error
