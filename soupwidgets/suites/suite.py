"""A suite: one task with its validation split, its test and its distribution shifts."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import numpy as np
from msgspec import UNSET, to_builtins

from soupwidgets.stats.metrics import METRICS, Metric, metric_named
from soupwidgets.suites.class_map import ClassMap
from soupwidgets.suites.content import SuiteError, load_array
from soupwidgets.suites.in_memory import array_split
from soupwidgets.suites.json_files import decode
from soupwidgets.suites.listing import some
from soupwidgets.suites.manifest import Manifest, SplitEntry
from soupwidgets.suites.shifts import Shift
from soupwidgets.suites.slices import SliceSplit, read_slice
from soupwidgets.suites.split import Role, Scoring, Source, Split
from soupwidgets.suites.task import IGNORED, USUAL_METRIC, Task

MANIFEST = "suite.json"
# Permutations of this many images take a second and a gigabyte.
_MOST_ROWS = 1 << 25
_MOST_LISTED = 1000
_LONGEST_FILE = 255
_SHOWN = 12


class Suite:
    """The splits of one task, by name.

    Examples
    --------
    >>> suite = Suite.open("data/suites/fashion")
    >>> suite.validation.name, suite.id_test.name
    ('val', 'test')
    >>> [shift.name for shift in suite.shifts][:3]
    ['rotate', 'noise', 'blur']
    >>> suite["rotate"]
    Split('rotate', role='shift', n=1250)
    """

    def __init__(
        self, name: str, classes: Sequence[str], splits: Mapping[str, Split], templates: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.classes = tuple(classes)
        self.templates = tuple(templates)
        # Training images are for `soupwidgets.fine_tune` alone: nothing is measured on them.
        self.splits = {split: s for split, s in splits.items() if s.role != "train"}
        # The Python that opens it again, where that is known.
        self.opened = ""
        self.training = next((s for s in splits.values() if s.role == "train"), None)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}={len(split):,}" for name, split in islice(self.splits.items(), _SHOWN))
        more = f", and {len(self.splits) - _SHOWN} more" if len(self.splits) > _SHOWN else ""
        return f"Suite({self.name!r}, {len(self.classes)} classes, {sizes}{more})"

    def _repr_html_(self) -> str:
        """Its splits as a table."""
        splits = [*self.splits.values(), *([self.training] if self.training else [])]
        rows = "".join(split.to_html_row() for split in splits)
        return (
            f"<p><b>{escape(self.name)}</b>: {len(self.classes):,} classes</p>"
            f"<table><tr><th>split</th><th>role</th><th>images</th><th>pixels</th><th>scored by</th></tr>{rows}</table>"
        )

    def __getitem__(self, name: str) -> Split:
        """A split by name; that of training as well.

        Raises
        ------
        KeyError
            When there is none of this name.
        """
        splits = {**self.splits, **({self.training.name: self.training} if self.training else {})}
        if name not in splits:
            raise KeyError(f"the suite has no split {name!r}; it has {', '.join(splits)}")
        return splits[name]

    def __contains__(self, name: object) -> bool:
        return name in self.splits or (self.training is not None and name == self.training.name)

    def __iter__(self) -> Iterator[str]:
        """Names of the splits that models are measured on."""
        return iter(self.splits)

    def __len__(self) -> int:
        return len(self.splits)

    @property
    def task(self) -> Task:
        """What labels are, the same for all splits."""
        return self.validation.scoring.task

    @property
    def outputs(self) -> int:
        """How many numbers a model gives for each example (for each pixel, in segmentation)."""
        labels = self.validation.labels
        if self.task == "regression":
            return 1 if labels.ndim == 1 else int(labels.shape[1])
        return len(self.classes)

    @classmethod
    def of(
        cls,
        name: str,
        splits: Mapping[str, Any],
        *,
        classes: Sequence[str] = (),
        task: Task = "single-label",
        metric: str | Metric | None = None,
        progress: bool = True,
    ) -> Suite:
        """A suite of one's own data.

        Parameters
        ----------
        name
            Of the suite.
        splits
            Data by the split's name: a pair of arrays (examples, labels), where examples may be a dictionary of arrays;
            a ``torch.utils.data.Dataset`` or ``DataLoader``, a ``datasets.Dataset``, or the folder of one (see
            `soupwidgets.suites.collect.collect`); what `soupwidgets.suites.read_texts` gives; a
            `soupwidgets.suites.ArraySplit`.
            ``"train"``, ``"val"`` and ``"test"`` have the roles these names say, all others are shifts.
        classes
            Names of the classes, in the order of the labels; numbers when empty. Labels may be these names.
        task
            What labels are.
        metric
            What splits are scored by; accuracy, average precision, R2 or mean IoU when None, whichever suits the task.
        progress
            Whether to show a bar while a large data set is read.

        Raises
        ------
        SuiteError
            When there is no validation split or no test, or examples and labels do not belong together.

        Examples
        --------
        >>> x, y = np.zeros((8, 3), dtype=np.float32), np.arange(8) % 2
        >>> Suite.of("mine", {"val": (x[:4], y[:4]), "test": (x[4:], y[4:])}, classes=["no", "yes"])
        Suite('mine', 2 classes, val=4, test=4)
        """
        made = {
            split: array_split(split, data, task=task, classes=classes, progress=progress)
            for split, data in splits.items()
        }
        return cls._of(name, made, classes=classes, metric=metric)

    @classmethod
    def _of(
        cls, name: str, splits: Mapping[str, Split], *, classes: Sequence[str], metric: str | Metric | None
    ) -> Suite:
        if not classes:
            largest = max(int(s.labels.max()) if s.labels.ndim == 1 else s.labels.shape[1] - 1 for s in splits.values())
            task = next(iter(splits.values())).scoring.task
            classes = [] if task == "regression" else [str(number) for number in range(largest + 1)]
        suite = cls(name, classes, splits)
        suite._check_roles(f"the suite {name!r}")
        for split in splits.values():
            if split.scoring.task == "single-label" and split.labels.min() < 0:
                row = int(split.labels.argmin())
                raise SuiteError(f"split {split.name!r}, row {row}: the label {split.labels[row]} is negative")
            if split.scoring.task in ("single-label", "segmentation") and split.labels.max() >= len(classes):
                if split.scoring.task == "segmentation" and split.labels.max() == IGNORED:
                    continue
                raise SuiteError(
                    f"split {split.name!r} has labels up to {split.labels.max()}, but {len(classes)} classes are named"
                )
        return suite if metric is None else suite.scored_by(metric)

    def scored_by(self, metric: str | Metric) -> Suite:
        """The same suite, with every split scored by another metric; selection then looks for its best value.

        Parameters
        ----------
        metric
            The name of one, or a `soupwidgets.stats.Metric`.

        Raises
        ------
        ValueError
            When there is no metric of that name.

        Examples
        --------
        >>> Suite.open("data/suites/fashion").scored_by("balanced_accuracy").validation.scoring.metric
        'balanced_accuracy'
        """
        known = metric_named(metric).name
        every = {**self.splits, **({self.training.name: self.training} if self.training else {})}
        changed: dict[str, Split] = {}
        for name, split in every.items():
            if known == "worst_group" and split.groups is None:
                raise SuiteError(f"split {name!r} names no groups, and cannot be scored by its worst")
            own = copy.copy(split)
            # A cached hash would be that of the other metric.
            vars(own).pop("content_hash", None)
            own.scoring = replace(split.scoring, metric=known)
            changed[name] = own
        suite = Suite(self.name, self.classes, changed, self.templates)
        suite.opened = f"{self.opened}.scored_by({known!r})" if self.opened else ""
        return suite

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
        if not path.is_file():
            raise SuiteError(f"{path} is missing: {folder} is not the folder of a suite; {_what_is_in(folder)}")
        try:
            manifest = decode(path, Manifest)
        except ValueError as error:
            raise SuiteError(str(error)) from error
        names = [entry.name for entry in manifest.splits]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise SuiteError(f"{path}: two splits are named {twice[0]!r}")
        if sum(entry.rows.of for entry in manifest.splits if entry.rows) > _MOST_ROWS:
            raise SuiteError(f"{path}: its splits pick among more than {_MOST_ROWS:,} images in all")
        splits = {entry.name: _split(folder, entry, manifest.task) for entry in manifest.splits}
        suite = cls(manifest.name, [str(c) for c in manifest.classes], splits, manifest.templates)
        suite._check(path)
        suite.opened = f"sw.Suite.open({str(folder)!r})"
        return suite.with_slices(slices) if slices else suite

    def _check_roles(self, where: str | Path) -> None:
        roles = [split.role for split in self.splits.values()]
        for role in ("validation", "id_test"):
            if roles.count(role) != 1:
                raise SuiteError(f"{where}: needs exactly one split with the role {role!r}, has {roles.count(role)}")

    def _check(self, path: Path) -> None:
        self._check_roles(path)
        for split in [*self.splits.values(), *([self.training] if self.training else [])]:
            labels = split.labels
            # Of a shift this would make all of its images.
            files = split.source.inputs or {"images": split.source.images}
            lengths = {load_array(file, *(() if split.source.inputs else (3, 4))).shape[0] for file in files.values()}
            picked = split.source.rows
            for stored in lengths:
                number = stored if picked is None else len(picked) if max(picked) < stored else 0
                if number != len(labels):
                    what = "examples" if split.source.inputs else "images"
                    raise SuiteError(f"{path}: split {split.name!r} has {number} {what} but {len(labels)} labels")
            if len(labels) == 0:
                raise SuiteError(f"{path}: split {split.name!r} is empty")
            if self.task == "multi-label" and labels.shape[1] != len(self.classes):
                have = f"{labels.shape[1]} classes, the suite {len(self.classes)}"
                raise SuiteError(f"{path}: split {split.name!r} has labels of {have}")
            if self.task != "single-label":
                continue
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


def _what_is_in(folder: Path) -> str:
    """What somebody finds there who looked for a suite, and what to do about it."""
    if folder.is_file():
        return "it is a file. Name the folder that suite.json is in"
    try:
        names = sorted(path.name for path in islice(folder.iterdir(), _MOST_LISTED))
    except OSError:
        return "there is no such folder, or it cannot be read"
    suites = [name for name in names if (folder / name / MANIFEST).is_file()]
    if suites:
        return f"suites are in it: {some([str(folder / name) for name in suites])}"
    return f"in it are {some(names) or 'no files'}. `soupwidgets suite build` makes a suite of data sets"


def _inside(folder: Path, name: str) -> Path:
    # A name of at most 255 bytes, as file systems have them, and without what a path may not hold.
    if Path(name).name != name or "\0" in name or not name.isprintable() or len(name) > _LONGEST_FILE:
        raise SuiteError(f"{folder / MANIFEST}: {name!r:.300} is not the name of a file in this folder")
    return folder / name


def _split(folder: Path, entry: SplitEntry, task: Task) -> Split:
    roles: list[Role] = [role for role in get_args(Role) if role not in ("slice", "probe")]
    role = next((role for role in roles if role == entry.role), None)
    if role is None:
        raise SuiteError(f"{folder / MANIFEST}: {entry.role!r:.300} is not a role; known are {', '.join(roles)}")
    labels = _inside(folder, entry.labels)
    rows = None
    if entry.rows:
        stored = len(load_array(labels))
        if not entry.rows.start < entry.rows.stop <= entry.rows.of or entry.rows.of != stored:
            raise SuiteError(
                f"{folder / MANIFEST}: split {entry.name!r} has rows {entry.rows.start} to {entry.rows.stop} of "
                f"{entry.rows.of:,} images, {labels.name} has {stored:,}"
            )
        order = np.random.default_rng(entry.rows.seed).permutation(entry.rows.of)
        rows = tuple(order[entry.rows.start : entry.rows.stop].tolist())
    if bool(entry.images) == bool(entry.inputs):
        raise SuiteError(f"{folder / MANIFEST}: split {entry.name!r} needs either images or inputs")
    if entry.inputs and entry.shift:
        raise SuiteError(f"{folder / MANIFEST}: split {entry.name!r}: a shift is made of images, and it has none")
    try:
        source = Source(
            images=_inside(folder, entry.images or entry.labels),
            inputs={name: _inside(folder, file) for name, file in entry.inputs.items()},
            texts=_inside(folder, entry.texts) if entry.texts else None,
            labels=labels,
            rows=rows,
            shift=Shift.from_json(to_builtins(entry.shift)) if entry.shift else None,
            made_of=entry.made_of or None,
            names=_inside(folder, entry.names) if entry.names else None,
        )
        return Split(entry.name, role, source, entry.sha256, _scoring(folder, entry, task))
    except SuiteError:
        raise
    except ValueError as error:
        raise SuiteError(f"{folder / MANIFEST}: split {entry.name!r}: {error}") from error


def _scoring(folder: Path, entry: SplitEntry, task: Task) -> Scoring:
    metric = entry.metric or USUAL_METRIC[task]
    if metric not in METRICS:
        raise SuiteError(f"{folder / MANIFEST}: {metric!r:.300} is not a metric; known are {', '.join(METRICS)}")
    class_map = None if entry.class_map is UNSET else ClassMap(entry.class_map)
    classes = tuple(str(name) for name in entry.classes)
    if class_map is not None and len(classes) != len(class_map):
        raise SuiteError(f"{folder / MANIFEST}: {entry.name!r} names {len(classes)} classes, maps {len(class_map)}")
    groups = _inside(folder, entry.groups) if entry.groups else None
    return Scoring(metric, class_map, classes, groups, tuple(entry.group_names), task)
