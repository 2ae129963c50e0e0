"""Whether the splits of a suite belong together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from soupwidgets.stats.label_metrics import LABEL_SET_METRICS
from soupwidgets.suites.content import SuiteError, load_array
from soupwidgets.suites.split import Split
from soupwidgets.suites.task import IGNORED, misfit

if TYPE_CHECKING:
    from soupwidgets.suites.suite import Suite


def check_roles(suite: Suite, where: str | Path, *, choosing: bool = True) -> None:
    """Raise `SuiteError` unless there are one validation split, or perhaps none if not ``choosing``, and one test."""
    roles = [split.role for split in suite.splits.values()]
    for role in ("validation", "id_test"):
        if roles.count(role) != 1 and (choosing or role == "id_test" or roles.count(role)):
            raise SuiteError(f"{where}: needs exactly one split with the role {role!r}, has {roles.count(role)}")


def check_files(suite: Suite, path: Path, *, choosing: bool = True) -> None:
    """Raise `SuiteError` where files of a suite do not belong together; no pixel is read."""
    check_roles(suite, path, choosing=choosing)
    for split in [*suite.splits.values(), *([suite.training] if suite.training else [])]:
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
        if why := label_misfit(suite, split):
            raise SuiteError(f"{path}: split {split.name!r} {why}")
        class_map = split.scoring.class_map
        if class_map is not None and max(c for group in class_map.columns for c in group) >= len(suite.classes):
            raise SuiteError(f"{path}: the class map of {split.name!r} names classes that the suite does not have")
        if split.scoring.metric == "worst_group" and split.groups is None:
            raise SuiteError(f"{path}: split {split.name!r} is scored by its worst group and names no groups")
        if split.scoring.metric in LABEL_SET_METRICS and split.accepted is None:
            raise SuiteError(f"{path}: split {split.name!r} is scored by sets of labels and names none")
        if split.accepted is not None and split.accepted.max() >= len(split.scoring.classes or suite.classes):
            raise SuiteError(f"{path}: the label sets of {split.name!r} hold classes that there are not")
    if suite.reference.scoring.class_map is not None:
        raise SuiteError(
            f"{path}: the split {suite.reference.name!r} must have the classes of the suite, not some of them"
        )


def label_misfit(suite: Suite, split: Split) -> str:
    """Why a split's labels or metric are not those of the suite's task and classes; empty if they are."""
    labels, scoring = split.labels, split.scoring
    if scoring.task != suite.task:
        return f"is of the task {scoring.task}, the split {suite.reference.name!r} of {suite.task}"
    if scoring.task == "regression":
        shape = suite.reference.labels.shape[1:]
        same = labels.shape[1:] == shape
        return misfit(scoring.metric, scoring.task) if same else f"has labels of shape {labels.shape[1:]}, not {shape}"
    if scoring.class_map is not None and scoring.task != "single-label":
        return f"has a class map, which a {scoring.task} task cannot have"
    if scoring.task == "multi-label":
        if labels.shape[1] != len(suite.classes):
            return f"has labels of {labels.shape[1]} classes, the suite {len(suite.classes)}"
        return misfit(scoring.metric, scoring.task)
    known = len(suite.classes) if scoring.class_map is None else len(scoring.class_map)
    counted = labels
    if scoring.task == "segmentation":
        counted = labels[(labels >= 0) & (labels != IGNORED)]
    if len(counted) and (counted.min() < 0 or counted.max() >= known):
        whose = "the suite" if scoring.class_map is None else "its class map"
        return f"has labels {counted.min()}..{counted.max()}, but {whose} names {known} classes"
    return misfit(scoring.metric, scoring.task)
