"""Which record of a training run belongs to which checkpoint."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from soupwidgets.checkpoints import AdapterFile, CheckpointFile
from soupwidgets.pool.errors import PoolError, SoupWarning, some
from soupwidgets.pool.opening import name_of
from soupwidgets.records import Record, Value
from soupwidgets.text import one_line

# The entry by which Optuna counts its trials.
_NUMBER = "number"
_NUMBER_AT_THE_END = re.compile(r"(\d{1,18})$", re.ASCII)


def with_hyperparameters(
    checkpoints: Mapping[str, CheckpointFile], records: Sequence[Record], source: str | Path, *, by: str | None
) -> dict[str, CheckpointFile]:
    """The checkpoints with cards that say what the records do; those that were given are unchanged."""
    found, by = _matched(checkpoints, records, source, by)
    belonging: dict[str, Record] = {}
    for record, name in zip(records, found, strict=True):
        if name is not None and name in belonging:
            raise PoolError(
                f"{record.where}: it names the checkpoint {name!r} by {by!r}, as does {belonging[name].where}; "
                "leave one of them out"
            )
        if name is not None:
            belonging[name] = record
    _warn(checkpoints, records, found, source=source, by=by)
    copies = {name: copy.copy(file) for name, file in checkpoints.items()}
    bases = {id(file): copies[name] for name, file in checkpoints.items()}
    for name, file in copies.items():
        if isinstance(file, AdapterFile):
            file.base = bases.get(id(file.base), file.base)
        if name in belonging:
            one, card = belonging[name], file.card
            own = {**card.hyperparameters, **one.hyperparameters(without=by)}
            file.card = replace(card, hyperparameters=own, note=one.note or card.note)
    return copies


def _matched(
    checkpoints: Mapping[str, CheckpointFile], records: Sequence[Record], source: str | Path, by: str | None
) -> tuple[list[str | None], str]:
    """The name of each record's checkpoint, and the entry that says so."""
    known = dict.fromkeys(name for record in records for name in record.fields)
    if by is not None and by not in known:
        raise PoolError(f"{source}: its runs have no entry {by!r}; they have {some([*known])}")
    entries = [*known] if by is None else [by]
    numbers = [entry for entry in entries if entry in (by, _NUMBER)]
    for look_up, tried in ((_by_name(checkpoints), entries), (_by_number(checkpoints), numbers)):
        found = {entry: _found(records, entry, look_up) for entry in tried}
        best = max(found, key=lambda entry: len({*found[entry]} - {None}), default=None)
        if best is not None and {*found[best]} != {None}:
            return found[best], best
    shown = by or next(iter(known))
    values = [str(record.fields[shown]) for record in records if shown in record.fields]
    raise PoolError(
        f"{source}: none of its {len(records)} runs names a checkpoint of the pool ({some([*checkpoints])}) by its "
        f"name, file or folder. Their {shown!r} are {some(values)[:300]}. by= says which entry does: {some([*known])}"
    )


def _found(records: Sequence[Record], entry: str, look_up: Callable[[Value], str | None]) -> list[str | None]:
    return [look_up(record.fields[entry]) if entry in record.fields else None for record in records]


def _by_name(checkpoints: Mapping[str, CheckpointFile]) -> Callable[[Value], str | None]:
    """Finds a checkpoint by its name, its file's name, or the folder of the file; nothing is opened."""
    keys: dict[str, set[str]] = {}
    for name, file in checkpoints.items():
        for key in (one_line(file.path.name), one_line(name_of(file.path))):
            keys.setdefault(key, set()).add(name)
    known = {key: min(names) for key, names in keys.items() if len(names) == 1} | {name: name for name in checkpoints}

    def look_up(value: Value) -> str | None:
        if not isinstance(value, str):
            return None
        # A path of another machine, which may be of another system.
        *above, last = re.split(r"[\\/]", value.rstrip("\\/"))
        tried = (value, last, name_of(Path(last)), *above[-1:])
        return next((known[key] for key in tried if key in known), None)

    return look_up


def _by_number(checkpoints: Mapping[str, CheckpointFile]) -> Callable[[Value], str | None]:
    """Finds a checkpoint by the number at the end of its name."""
    ends = [(name, _NUMBER_AT_THE_END.search(name)) for name in checkpoints]
    numbers = [(int(end[1]), name) for name, end in ends if end]
    known = {number: name for number, name in numbers if sum(other == number for other, _ in numbers) == 1}
    return lambda value: known.get(int(value)) if re.fullmatch(r"[0-9]{1,18}", str(value)) else None


def _warn(
    checkpoints: Mapping[str, CheckpointFile],
    records: Sequence[Record],
    found: Sequence[str | None],
    *,
    source: str | Path,
    by: str,
) -> None:
    without = [
        f"{r.fields.get(by, 'no ' + by)} ({r.where.removeprefix(f'{source}, ')})"
        for r, name in zip(records, found, strict=True)
        if name is None
    ]
    lacking = [n for n, file in checkpoints.items() if n not in found and file.card.role != "zero_shot"]
    said = (
        [f"{len(without)} of its {len(records)} runs name no checkpoint of the pool: {some(without)}"]
        if without
        else []
    )
    said += [f"{len(lacking)} checkpoints have no run: {some(lacking)}"] if lacking else []
    if said:
        warnings.warn(f"{source}, by {by!r}: {'; '.join(said)}", SoupWarning, stacklevel=4)
