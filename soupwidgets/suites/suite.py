"""A suite: one classification task with its validation split, its test and its distribution shifts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from soupwidgets.suites.class_map import ClassMap
from soupwidgets.suites.shifts import Shift
from soupwidgets.suites.slices import SliceSplit, read_slice
from soupwidgets.suites.split import Metric, Role, Scoring, Source, Split, SuiteError, load_array

MANIFEST = "suite.json"


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

    def __init__(
        self, name: str, classes: Sequence[str], splits: Mapping[str, Split], templates: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.classes = tuple(classes)
        self.templates = tuple(templates)
        # Training images are for `soupwidgets.fine_tune` alone: nothing is measured on them.
        self.splits = {split: s for split, s in splits.items() if s.role != "train"}
        self.training = next((s for s in splits.values() if s.role == "train"), None)

    def __repr__(self) -> str:
        return f"Suite({self.name!r}, {len(self.classes)} classes, splits={list(self.splits)})"

    @classmethod
    def open(cls, folder: str | Path, slices: Sequence[str | Path] = ()) -> Suite:
        """Open a suite's folder and check that it is complete.

        Parameters
        ----------
        folder
            Holds ``suite.json`` and the ``.npy`` arrays that it names.
        slices
            Files of slices of its splits.

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
            templates = [str(template) for template in manifest.get("templates", [])]
            classes = [str(c) for c in manifest["classes"]]
            suite = cls(str(manifest["name"]), classes, {s.name: s for s in splits}, templates)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, SuiteError):
                raise
            raise SuiteError(f"{path}: malformed ({error!r})") from error
        suite._check(path)
        return suite.with_slices(slices) if slices else suite

    def _check(self, path: Path) -> None:
        roles = [split.role for split in self.splits.values()]
        for role in ("validation", "id_test"):
            if roles.count(role) != 1:
                raise SuiteError(f"{path}: needs exactly one split with the role {role!r}, has {roles.count(role)}")
        for split in [*self.splits.values(), *([self.training] if self.training else [])]:
            labels, stored = split.labels, load_array(split.source.images)
            images = len(stored) if split.source.rows is None else len(split.source.rows)
            if images != len(labels):
                raise SuiteError(f"{path}: split {split.name!r} has {images} images but {len(labels)} labels")
            if len(labels) == 0:
                raise SuiteError(f"{path}: split {split.name!r} is empty")
            class_map = split.scoring.class_map
            known = len(self.classes) if class_map is None else len(class_map)
            if labels.min() < 0 or labels.max() >= known:
                raise SuiteError(
                    f"{path}: split {split.name!r} has labels {labels.min()}..{labels.max()}, "
                    f"but {'the suite' if class_map is None else 'its class map'} names {known} classes"
                )
            if class_map is not None and max(c for group in class_map.columns for c in group) >= len(self.classes):
                raise SuiteError(f"{path}: the class map of {split.name!r} names classes that the suite does not have")
            if split.scoring.metric == "worst_group" and split.groups is None:
                raise SuiteError(f"{path}: split {split.name!r} is scored by its worst group and names no groups")
        if self.validation.scoring.class_map is not None:
            raise SuiteError(f"{path}: the validation split must have the classes of the suite, not some of them")

    def class_names(self, split: str) -> tuple[str, ...]:
        """Names of the classes that a split's labels and logits count."""
        return self.splits[split].scoring.classes or self.classes

    def with_slices(self, slices: Sequence[SliceSplit | str | Path]) -> Suite:
        """The same suite with slices of its splits, which are measured and listed like any split.

        Means over shifts leave them out: they are other views of images that are counted already.

        Parameters
        ----------
        slices
            Slices, or their files.

        Raises
        ------
        SuiteError
            When a name is taken, or a file is no slice of this suite.

        Examples
        --------
        >>> suite = Suite.open("data/suites/fashion")
        >>> first = SliceSplit("the first ten", suite.id_test, range(10))
        >>> suite.with_slices([first]).splits["the first ten"]
        Split('the first ten', role='slice', n=10)
        """
        splits = {**self.splits, **({self.training.name: self.training} if self.training else {})}
        for one in slices:
            opened = one if isinstance(one, SliceSplit) else read_slice(one, self)
            if opened.name in splits:
                raise SuiteError(f"the suite has a split {opened.name!r} already: call the slice something else")
            splits[opened.name] = opened
        return Suite(self.name, self.classes, splits, self.templates)

    @property
    def slices(self) -> list[SliceSplit]:
        """Slices of other splits, in the order in which they were added."""
        return [split for split in self.splits.values() if isinstance(split, SliceSplit)]

    @property
    def axes(self) -> list[str]:
        """Names of what accuracy in distribution is drawn against: the shifts, then the slices."""
        return [split.name for split in [*self.shifts, *self.slices]]

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
    roles = [role for role in get_args(Role) if role not in ("slice", "probe")]
    if entry["role"] not in roles:
        raise SuiteError(f"{folder / MANIFEST}: {entry['role']!r} is not a role; known are {', '.join(roles)}")
    rows = None
    if "rows" in entry:
        order = np.random.default_rng(int(entry["rows"]["seed"])).permutation(int(entry["rows"]["of"]))
        rows = tuple(int(r) for r in order[int(entry["rows"]["start"]) : int(entry["rows"]["stop"])])
    source = Source(
        images=_inside(folder, entry["images"]),
        labels=_inside(folder, entry["labels"]),
        rows=rows,
        shift=Shift.from_json(entry["shift"]) if "shift" in entry else None,
        made_of=str(entry["made_of"]) if "made_of" in entry else None,
        names=_inside(folder, entry["names"]) if "names" in entry else None,
    )
    return Split(str(entry["name"]), entry["role"], source, entry.get("sha256"), _scoring(folder, entry))


def _scoring(folder: Path, entry: Mapping[str, Any]) -> Scoring:
    metric = entry.get("metric", "accuracy")
    if metric not in get_args(Metric):
        raise SuiteError(f"{folder / MANIFEST}: {metric!r} is not a metric; known are {get_args(Metric)}")
    class_map = ClassMap(entry["class_map"]) if "class_map" in entry else None
    classes = tuple(str(name) for name in entry.get("classes", ()))
    if class_map is not None and len(classes) != len(class_map):
        raise SuiteError(f"{folder / MANIFEST}: {entry['name']!r} names {len(classes)} classes, maps {len(class_map)}")
    groups = _inside(folder, entry["groups"]) if "groups" in entry else None
    return Scoring(metric, class_map, classes, groups, tuple(str(name) for name in entry.get("group_names", ())))
