"""What a worker needs to measure as the driver would: pool, suite and model, without what can be read again."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from soupwidgets.checkpoints.remote import record_of
from soupwidgets.pool import Pool
from soupwidgets.stats.metrics import METRICS, Metric
from soupwidgets.suites import SliceSplit, Split, Suite
from soupwidgets.suites.transforms.transform import TRANSFORMS, Transform


@dataclass(frozen=True)
class Luggage:
    """A pool and a suite to be opened elsewhere.

    Files are named, not sent: a worker reads its own copies, and their content is compared with the hashes that the
    driver knows. Arrays in memory and modules in Python are sent.

    Parameters
    ----------
    pool, suite
        Without what was read of their files.
    options
        Further arguments of the evaluator.
    folder
        The driver's working folder, which relative paths start from.
    version
        Of this package.
    hashes
        Content of each split, by name.
    copies
        Folders that are copies of remote ones: where from, and which files; a worker without them fetches its own.
    metrics, transforms
        Somebody's own, which the suite names.
    """

    pool: Pool
    suite: Suite
    options: Mapping[str, Any]
    folder: Path
    version: str
    hashes: Mapping[str, str]
    copies: Mapping[Path, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    transforms: Mapping[str, Transform] = field(default_factory=dict)

    @property
    def files(self) -> dict[Path, int | None]:
        """All files that it names, with their sizes in bytes where these are known."""
        found: dict[Path, int | None] = {}
        for file in self.pool.checkpoints.values():
            found |= {path: stamp[1] for path, stamp in zip(file.source.files, file.source.stamps, strict=True)}
        for split in _every(self.suite):
            found |= dict.fromkeys(files_of(split))
        return found


def pack(pool: Pool, suite: Suite, options: Mapping[str, Any]) -> Luggage:
    """Pack what a worker needs.

    Parameters
    ----------
    pool, suite
        Of the evaluator. The content hashes of all checkpoints and splits are computed, if they are not known yet.
    options
        Further arguments of the evaluator.
    """
    # A checkpoint that travels without its hash could not be compared with the file that is found there.
    for file in pool.checkpoints.values():
        _ = file.content_hash
    splits = _every(suite)
    named = {split.scoring.metric for split in splits}
    shifts = {split.source.shift.corruption for split in splits if split.source.shift is not None}
    packed = Luggage(pool, unread(suite), options, Path.cwd(), version("soupwidgets"), {})
    folders = {folder for path in packed.files for folder in (path.parent, path.parent.parent)}
    records = {folder: record for folder in sorted(folders) if (record := record_of(folder)) is not None}
    return replace(
        packed,
        hashes={split.name: split.content_hash for split in splits},
        copies={folder: (record.url, tuple(record.files)) for folder, record in records.items()},
        metrics=tuple(METRICS[name] for name in sorted(named) if METRICS[name].identity != name),
        transforms={name: TRANSFORMS[name] for name in shifts if not _bundled(TRANSFORMS[name])},
    )


def unread(suite: Suite) -> Suite:
    """The same suite without what was read, or made, of its files: small enough to be sent."""
    light = {split.name: _unread(split) for split in _every(suite)}
    for split in light.values():
        if isinstance(split, SliceSplit):
            split.parent = light.get(split.parent.name) or _unread(split.parent)
    return Suite(suite.name, suite.classes, light, suite.templates)


def files_of(split: Split) -> list[Path]:
    """The files that a split is read from; none of arrays in memory."""
    source, scoring = split.source, split.scoring
    # In memory there are no files, and the name stands in their place.
    if not source.inputs and source.images == source.labels:
        return []
    more = [one for one in (scoring.groups, scoring.label_sets) if isinstance(one, Path)]
    return [*(source.inputs.values() or [source.images]), source.labels, *more]


def _unread(split: Split) -> Split:
    light = copy.copy(split)
    made = {
        name for one in type(split).__mro__ for name, what in vars(one).items() if isinstance(what, cached_property)
    }
    for name in made & set(vars(light)):
        del vars(light)[name]
    return light


def _every(suite: Suite) -> list[Split]:
    return [*suite.splits.values(), *([suite.training] if suite.training else [])]


def _bundled(made: Transform) -> bool:
    function = made.pixels or made.by_strength
    return function is None or function.__module__.startswith("soupwidgets.")
