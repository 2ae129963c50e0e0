"""Splits of a suite's folder, as its manifest describes them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import get_args

import numpy as np
from msgspec import UNSET, to_builtins

from soupwidgets.checkpoints import CheckpointError, fetch
from soupwidgets.stats.metrics import METRICS
from soupwidgets.suites.class_map import ClassMap
from soupwidgets.suites.content import SuiteError, load_array
from soupwidgets.suites.listing import some
from soupwidgets.suites.manifest import SplitEntry
from soupwidgets.suites.shifts import Shift
from soupwidgets.suites.split import Role, Scoring, Source, Split
from soupwidgets.suites.task import USUAL_METRIC, Task

MANIFEST = "suite.json"
_MOST_LISTED = 1000
_LONGEST_FILE = 255


def remote_suite(url: str | Path) -> Path:
    """Local copy of a suite's folder on another file system; raises `SuiteError` when it cannot be had."""
    try:
        return fetch(url, lambda names: [n for n in names if "/" not in n and n.endswith((".json", ".npy"))])
    except CheckpointError as error:
        raise SuiteError(str(error)) from error


def what_is_in(folder: Path) -> str:
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


def opened_split(folder: Path, entry: SplitEntry, task: Task) -> Split:
    """A split as its manifest describes it; raises `SuiteError` where that cannot be."""
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
    label_sets = _inside(folder, entry.label_sets) if entry.label_sets else None
    return Scoring(metric, class_map, classes, groups, tuple(entry.group_names), task, label_sets)
