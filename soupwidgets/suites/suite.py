"""A suite: one task with its validation split, its test and its distribution shifts."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any

from soupwidgets.checkpoints import is_url
from soupwidgets.json_files import decode
from soupwidgets.stats.label_metrics import LABEL_SET_METRICS, MULTI_LABEL
from soupwidgets.stats.metrics import Metric, metric_named
from soupwidgets.suites.checks import check_files, check_roles, label_misfit
from soupwidgets.suites.class_names import agreed_classes
from soupwidgets.suites.collapsed_classes import CollapsedClasses
from soupwidgets.suites.content import SuiteError
from soupwidgets.suites.in_memory import array_split, labelled_examples
from soupwidgets.suites.label_sets import LabelSets
from soupwidgets.suites.manifest import Manifest
from soupwidgets.suites.opening import MANIFEST, opened_split, remote_suite, what_is_in
from soupwidgets.suites.saving import save_suite
from soupwidgets.suites.slices import SliceSplit, read_slice
from soupwidgets.suites.split import Scoring, Split, html_head
from soupwidgets.suites.task import Task, misfit

# Permutations of this many images take a second and a gigabyte.
_MOST_ROWS = 1 << 25
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
        return f"Suite({self.name!r}, {self._what}, {sizes}{more})"

    def _repr_html_(self) -> str:
        """Its splits as a table."""
        splits = list(self._every.values())
        rows = "".join(split.to_html_row() for split in splits)
        return f"<p><b>{escape(self.name)}</b>: {self._what}</p><table>{html_head(splits)}{rows}</table>"

    @property
    def _what(self) -> str:
        """Its task and classes, in words."""
        # A suite may be put together without a validation split, and is then only shown.
        task = next((split.scoring.task for split in self.splits.values()), "single-label")
        if task == "regression":
            return "regression"
        return f"{'' if task == 'single-label' else f'{task}, '}{len(self.classes):,} classes"

    def __getitem__(self, name: str) -> Split:
        """A split by name; that of training as well.

        Raises
        ------
        KeyError
            When there is none of this name.
        """
        splits = self._every
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
        return self.reference.scoring.task

    @property
    def texts(self) -> dict[str, tuple[str, ...]]:
        """What each example says, by the name of the split, where these are texts."""
        return {name: split.texts for name, split in self._every.items() if split.texts is not None}

    @property
    def outputs(self) -> int:
        """How many numbers a model gives for each example (for each pixel, in segmentation)."""
        labels = self.reference.labels
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
            Names of the classes, in the order of the labels. Labels may be these names. When empty, those that the
            data states (``ClassLabel`` of Hugging Face, ``classes`` of torchvision's data sets), else numbers.
        task
            What labels are.
        metric
            What splits are scored by; accuracy, average precision, R2 or mean IoU when None, whichever suits the task.
        progress
            Whether to show a bar while a large data set is read.

        Raises
        ------
        SuiteError
            When there is no validation split or no test, examples and labels do not belong together, or splits state
            different classes.

        Examples
        --------
        >>> import numpy as np
        >>> x, y = np.zeros((8, 3), dtype=np.float32), np.arange(8) % 2
        >>> Suite.of("mine", {"val": (x[:4], y[:4]), "test": (x[4:], y[4:])}, classes=["no", "yes"])
        Suite('mine', 2 classes, val=4, test=4)
        """
        read = {split: labelled_examples(split, data, progress=progress) for split, data in splits.items()}
        if not classes and task != "regression":
            classes = agreed_classes({split: one.classes for split, one in read.items() if not isinstance(one, Split)})
        made = {
            split: one if isinstance(one, Split) else array_split(split, one, task=task, classes=classes)
            for split, one in read.items()
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
        check_roles(suite, f"the suite {name!r}")
        for split in splits.values():
            if why := label_misfit(suite, split):
                raise SuiteError(f"split {split.name!r}: {why}")
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
        scoring = {}
        for name, split in self._every.items():
            if known == "worst_group" and split.groups is None:
                raise SuiteError(f"split {name!r} names no groups, and cannot be scored by its worst")
            if known in LABEL_SET_METRICS and split.accepted is None:
                raise SuiteError(f"split {name!r} has no sets of labels: name them with `with_label_sets`")
            if why := misfit(known, split.scoring.task):
                raise SuiteError(f"split {name!r}: {why}")
            scoring[name] = replace(split.scoring, metric=known)
        return self._rescored(scoring, f".scored_by({known!r})")

    def with_label_sets(self, given: Mapping[str, Mapping[int, Iterable[int]]]) -> Suite:
        """The same suite, with splits whose examples may have several correct labels, or should not count.

        These splits, and slices of them, are scored by ``"multi_label_accuracy"`` from now on.

        Parameters
        ----------
        given
            By the split's name: the accepted classes of an example by its place in the split. Examples that are not
            there (problematic ones) do not count. Of reviewed mistakes these are ``multi.label_sets`` of
            `soupwidgets.mistakes.MultiLabels`, which count 'perhaps' as right; those of
            `soupwidgets.review.without_perhaps` of it do not, and the two accuracies are the range that is left open.

        Raises
        ------
        SuiteError
            When there is no such split, example or class, or none would count.

        Notes
        -----
        Shankar et al., 'Evaluating machine accuracy on ImageNet' (2020), section 3: right if the prediction is among
        the accepted labels; the mean over the original classes.

        Examples
        --------
        >>> import numpy as np
        >>> x, y = np.zeros((4, 3), dtype=np.float32), np.arange(4) % 2
        >>> suite = Suite.of("mine", {"val": (x, y), "test": (x, y)})
        >>> suite.with_label_sets({"test": {0: [0, 1], 1: [1]}})["test"].scoring.metric
        'multi_label_accuracy'
        """
        scoring, sets = {}, {}
        for name, mapping in given.items():
            classes = self[name].scoring.classes or self.classes
            sets[name] = LabelSets.of(mapping, self[name], len(classes))
            scoring[name] = replace(self[name].scoring, metric=MULTI_LABEL, label_sets=sets[name])
        for one in self.slices:
            own = sets.get(one.parent.name)
            inherits = one.name not in given and not one.own_label_sets
            if own is not None and inherits and (part := own.take(one.rows)).counted:
                scoring[one.name] = replace(one.scoring, metric=MULTI_LABEL, label_sets=part)
        return self._rescored(scoring)

    def collapsed(self, given: CollapsedClasses) -> Suite:
        """The same suite, in which a prediction may also name a class that means the same as the label, or contains it.

        Every split that was scored by accuracy is scored by ``"multi_label_top1"`` from now on; those that have sets of
        labels keep their metric, with larger sets. Training images stay as they are.

        Parameters
        ----------
        given
            Which classes these are: `soupwidgets.suites.imagenet_collapsed_classes`, or a file of one's own
            (`soupwidgets.suites.read_collapsed_classes`).

        Raises
        ------
        SuiteError
            When it names a class that the suite does not have, or a split is scored by something else.

        Examples
        --------
        >>> from soupwidgets.suites import CollapsedClasses
        >>> suite = Suite.open("data/suites/fashion").collapsed(CollapsedClasses({"sneaker": ["ankle boot"]}))
        >>> suite.validation.scoring.metric
        'multi_label_top1'
        """
        scoring = {name: given.scoring(split, self.classes) for name, split in self.splits.items()}
        return self._rescored(scoring)

    def _rescored(self, scoring: Mapping[str, Scoring], opened: str = "") -> Suite:
        """The same splits, some of them scored otherwise; ``opened`` is the Python that does it."""
        changed: dict[str, Split] = {}
        for name, split in self._every.items():
            own = changed[name] = copy.copy(split)
            # What was made for the other score.
            for cached in ("content_hash", "label_sets"):
                vars(own).pop(cached, None)
            own.scoring, own.rescored = scoring.get(name, split.scoring), split
        for own in changed.values():
            if isinstance(own, SliceSplit):
                own.parent = changed.get(own.parent.name, own.parent)
        suite = Suite(self.name, self.classes, changed, self.templates)
        suite.opened = f"{self.opened}{opened}" if self.opened and opened else ""
        return suite

    @property
    def _every(self) -> dict[str, Split]:
        return {**self.splits, **({self.training.name: self.training} if self.training else {})}

    def save(self, folder: str | Path) -> Path:
        """Write the suite to a folder, from which `Suite.open` and every command read it.

        Parameters
        ----------
        folder
            A new one, or one without a suite.

        Returns
        -------
        Path
            The same folder, with ``suite.json`` and an array for each split's examples and labels, with their hash.
            Shifts are written as the images that they make. Slices have files of their own (`write_slice`).

        Raises
        ------
        SuiteError
            When the folder has a suite already, or cannot be written, or a split is scored by a function of one's own,
            which no file holds.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> x, y = np.zeros((8, 3), dtype=np.float32), np.arange(8) % 2
        >>> suite = Suite.of("mine", {"val": (x[:4], y[:4]), "test": (x[4:], y[4:])})
        >>> Suite.open(suite.save(tempfile.mkdtemp()))
        Suite('mine', 2 classes, val=4, test=4)
        """
        return save_suite(Path(folder), self.name, self.classes, self.templates, self._every)

    @classmethod
    def open(cls, folder: str | Path, slices: Sequence[str | Path] = (), *, choosing: bool = True) -> Suite:
        """Open a suite's folder and check that it is complete.

        Parameters
        ----------
        folder
            Holds ``suite.json`` and the ``.npy`` arrays that it names; ``"s3://bucket/suite"`` (``gs://``,
            ``memory://``, ``file://``) is copied to a local cache, verified, and copied again when it has changed.
        slices
            Files of slices of its splits.
        choosing
            Whether there must be a validation split. Without one nothing can be chosen or calibrated; what only looks
            at predictions, such as mistakes, needs none.

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
        said, folder = str(folder), remote_suite(folder) if is_url(folder) else Path(folder)
        path = folder / MANIFEST
        if not path.is_file():
            raise SuiteError(f"{path} is missing: {folder} is not the folder of a suite; {what_is_in(folder)}")
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
        if not manifest.classes and manifest.task != "regression":
            raise SuiteError(
                f"{path}: names of classes, a list of length >= 1, are expected for a {manifest.task} task"
            )
        splits = {entry.name: opened_split(folder, entry, manifest.task) for entry in manifest.splits}
        suite = cls(manifest.name, [str(c) for c in manifest.classes], splits, manifest.templates)
        check_files(suite, path, choosing=choosing)
        suite.opened = f"sw.Suite.open({said!r})"
        return suite.with_slices(slices) if slices else suite

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
        splits = self._every
        for one in slices:
            opened = one if isinstance(one, SliceSplit) else read_slice(one, self)
            own = opened.label_sets.accepted.max() if opened.own_label_sets and opened.label_sets else -1
            if own >= (classes := len(opened.scoring.classes or self.classes)):
                raise SuiteError(f"slice {opened.name!r}: a label of its sets is not of the classes 0..{classes - 1}")
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
        """The held-out split; the only one that may choose anything.

        Raises
        ------
        SuiteError
            When a suite was put together without one.
        """
        for split in self.splits.values():
            if split.role == "validation":
                return split
        raise SuiteError(f"the suite {self.name!r} has no validation split, and nothing else may choose anything")

    @property
    def reference(self) -> Split:
        """The validation split, or the test of a suite without one: what labels and examples of the suite are like."""
        return next((split for split in self.splits.values() if split.role == "validation"), None) or self.id_test

    @property
    def id_test(self) -> Split:
        """The in-distribution (ID) test."""
        return next(split for split in self.splits.values() if split.role == "id_test")

    @property
    def shifts(self) -> list[Split]:
        """The distribution shifts (OOD), in the manifest's order."""
        return [split for split in self.splits.values() if split.role == "shift"]
