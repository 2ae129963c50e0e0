"""Runs in a folder of MLflow: a small text file for each parameter, metric and tag."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from soupwidgets.json_files import read_text
from soupwidgets.records.record import Record, limited, record

_KINDS = ("params", "metrics", "tags")
_ABOUT = "meta.yaml"
# Of a metric, the history of a long training; MLflow bounds the others itself, to less.
_MOST_BYTES = 1 << 24
_LONGEST = 1000
_DEEPEST = 6
_MOST_FILES = 5000
# The other tags of this kind are about the program that ran, and can be long.
_OWN_TAGS = ("mlflow.runName", "mlflow.note.content")
_DELETED = re.compile(r"^lifecycle_stage: *['\"]?deleted\b", re.M)


def mlflow_runs(folder: Path) -> list[Record]:
    """The runs in ``mlruns``, in one of its experiments, or the one run that a folder is.

    Parameters
    ----------
    folder
        Where to look; links are not followed.

    Notes
    -----
    A run is a folder with ``meta.yaml`` and the folders ``params``, ``metrics`` and ``tags``. The name of a file in
    those is that of the entry; a metric has a line ``time value step`` for each time that it was logged, and the
    last one counts. Runs that were deleted are left out.
    """
    try:
        return [_run(run) for run in limited(str(folder), _runs(folder, _DEEPEST))]
    except OSError as error:
        raise ValueError(f"{folder}: cannot be read ({error})") from error


def _runs(folder: Path, depth: int) -> Iterator[Path]:
    entries = {entry.name: entry for entry in os.scandir(folder)}
    inside = [name for name, entry in entries.items() if entry.is_dir(follow_symlinks=False)]
    about = entries.get(_ABOUT)
    if about is not None and about.is_file(follow_symlinks=False) and set(_KINDS) & set(inside):
        if not _DELETED.search(read_text(folder / _ABOUT, _MOST_BYTES)):
            yield folder
    elif depth:
        # `.trash` holds deleted experiments, and `artifacts` whatever a run has made.
        kept = sorted(name for name in inside if not name.startswith(".") and name != "artifacts")
        yield from (run for name in kept for run in _runs(folder / name, depth - 1))


def _run(run: Path) -> Record:
    kinds = [kind for kind in _KINDS if (run / kind).is_dir() and not (run / kind).is_symlink()]
    found: dict[str, str | float | None] = {}
    for kind in kinds:
        for name, path in limited(str(run), _files(run / kind, "", _DEEPEST), _MOST_FILES):
            if kind == "metrics":
                found[f"{kind}.{name}"] = _last_value(path, read_text(path, _MOST_BYTES))
            elif name in _OWN_TAGS or not name.startswith("mlflow."):
                found[f"{kind}.{name}"] = read_text(path, _MOST_BYTES)[:_LONGEST]
    return record(str(run), found)


def _files(folder: Path, before: str, depth: int) -> Iterator[tuple[str, Path]]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_file(follow_symlinks=False):
            yield f"{before}{entry.name}", folder / entry.name
        elif entry.is_dir(follow_symlinks=False) and depth:
            # An entry named a/b is a file b in a folder a.
            yield from _files(folder / entry.name, f"{before}{entry.name}/", depth - 1)


def _last_value(path: Path, text: str) -> float | None:
    lines = [line.split() for line in text.splitlines() if line.strip()]
    try:
        return float(lines[-1][1]) if lines else None
    except (ValueError, IndexError):
        raise ValueError(f"{path}: {' '.join(lines[-1])!r:.60} is not a time, a value and a step") from None
