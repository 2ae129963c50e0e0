"""A suite written to a folder, in the form that `Suite.open` reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.checkpoints import atomic_path
from soupwidgets.stats.metrics import METRICS
from soupwidgets.suites.content import SuiteError, examples_hash
from soupwidgets.suites.opening import MANIFEST
from soupwidgets.suites.split import Split

_LONGEST = 60


def save_suite(
    folder: Path, name: str, classes: Sequence[str], templates: Sequence[str], splits: Mapping[str, Split]
) -> Path:
    """Write splits to a folder, the manifest last: see `Suite.save`.

    Raises
    ------
    SuiteError
        As in `Suite.save`.
    """
    if (folder / MANIFEST).exists():
        raise SuiteError(f"{folder} has a suite already: name another folder, or remove that one")
    kept = [split for split in splits.values() if split.role not in ("slice", "probe")]
    for split in kept:
        metric = METRICS.get(split.scoring.metric)
        if metric is None or metric.identity != metric.name:
            raise SuiteError(
                f"split {split.name!r} is scored by {split.scoring.metric}, a function of your own, which no file can "
                "hold: save the suite as scored by a metric of soupwidgets, and use scored_by after opening it"
            )
    taken: set[str] = set()
    try:
        entries = [_write(folder, split, taken) for split in kept]
        manifest: dict[str, Any] = {"name": name, "classes": list(classes), "task": kept[0].scoring.task}
        manifest |= {"templates": list(templates), "splits": entries}
        with atomic_path(folder / MANIFEST) as path:
            path.write_text(json.dumps(manifest, indent=1) + "\n")
    except OSError as error:
        raise SuiteError(f"{folder}: the suite cannot be written ({error})") from error
    return folder


def _write(folder: Path, split: Split, taken: set[str]) -> dict[str, Any]:
    stem = _file_name(split.name, taken)
    scoring, examples = split.scoring, split.examples
    entry: dict[str, Any] = {"name": split.name, "role": split.role, "metric": scoring.metric}

    def array(what: str, content: NDArray[Any]) -> str:
        with atomic_path(folder / f"{stem}.{what}.npy") as path, open(path, "wb") as file:
            np.save(file, content, allow_pickle=False)
        return f"{stem}.{what}.npy"

    def listed(what: str, content: Sequence[Any]) -> str:
        with atomic_path(folder / f"{stem}.{what}.json") as path:
            path.write_text(json.dumps(content))
        return f"{stem}.{what}.json"

    entry["labels"] = array("labels", split.labels)
    if list(examples) == ["images"] and _pixels(examples["images"]):
        entry["images"] = array("images", examples["images"])
    else:
        names: set[str] = {"labels", "groups"}
        entry["inputs"] = {key: array(_file_name(key, names), content) for key, content in examples.items()}
    if split.texts is not None:
        entry["texts"] = listed("texts", split.texts)
    if split.file_names is not None:
        entry["names"] = listed("names", split.file_names)
    if split.source.made_of:
        entry["made_of"] = split.source.made_of
    if scoring.class_map is not None:
        entry |= {"class_map": scoring.class_map.columns, "classes": list(scoring.classes)}
    if split.groups is not None:
        entry |= {"groups": array("groups", split.groups), "group_names": list(scoring.group_names)}
    if split.label_sets is not None:
        entry["label_sets"] = listed("label_sets", split.label_sets.sets)
    return {**entry, "sha256": examples_hash(examples, split.labels)}


def _pixels(array: NDArray[Any]) -> bool:
    return array.dtype == np.uint8 and (array.ndim == 3 or (array.ndim == 4 and array.shape[3] == 3))


def _file_name(name: str, taken: set[str]) -> str:
    """A name that every file system has room for, and that no other split or array has."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:_LONGEST] or "_"
    number, made = 2, stem
    while made.lower() in taken:
        made, number = f"{stem}-{number}", number + 1
    taken.add(made.lower())
    return made
