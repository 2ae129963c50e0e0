"""A record: what was written down about one training run, by the names its author used."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from soupwidgets.text import one_line

Value = str | int | float | bool
T = TypeVar("T")

MOST_RECORDS = 100_000
_MOST_FIELDS = 1000
_LONGEST_NAME = 200
_LONGEST_TEXT = 1000
_DEEPEST = 4
# Beyond this a whole number is an identifier, and as a float it may not exist.
_LARGEST = 1 << 63
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Tables of Optuna and MLflow and nested exports of Weights & Biases say first what an entry is.
_PREFIX = re.compile(r"params[_.]|user_attrs_|metrics\.|tags\.|config\.|summary\.")
# The trackers' own bookkeeping, and the index that pandas writes.
_BOOKKEEPING = re.compile(
    r"_.*|datetime_(start|complete)|duration|system_attrs_.*|tags\.mlflow\..*|Unnamed: \d+|", re.S
)
_RUN_NAME = "tags.mlflow.runName"
_NOTES = ("Notes", "notes", "note", "tags.mlflow.note.content")


@dataclass(frozen=True)
class Record:
    """One training run.

    Parameters
    ----------
    where
        Its file and its place in it, for messages.
    fields
        Name to value; texts are on one line.
    note
        One line for human readers.
    """

    where: str
    fields: Mapping[str, Value]
    note: str = ""

    def hyperparameters(self, without: str) -> dict[str, Value]:
        """The fields but one; texts that are numbers, or true and false, are read as such."""
        read = ((name, _read(value)) for name, value in self.fields.items() if name != without)
        return {name: value for name, value in read if value is not None}


def record(where: str, found: Mapping[str, Any]) -> Record:
    """A record of what a file holds, which may be nested, too long, or anything.

    Parameters
    ----------
    where
        Its file and its place in it.
    found
        Entries as a tracker names them.

    Raises
    ------
    ValueError
        When it has more than a thousand entries.

    Examples
    --------
    >>> record("a", {"config": {"optimizer": {"lr": 0.1}}, "summary": {"loss": float("nan")}, "_step": 3}).fields
    {'optimizer.lr': 0.1}
    """
    fields: dict[str, Value] = {}
    note = ""
    # What was given comes before what was measured under the same name.
    for name, value in sorted(flattened(found), key=lambda entry: entry[0].startswith(("metrics.", "summary."))):
        kept = _kept(value)
        if name in _NOTES:
            note = note or ("" if kept is None else str(kept))
        elif name == _RUN_NAME or not _BOOKKEEPING.fullmatch(name):
            short = "run_name" if name == _RUN_NAME else _PREFIX.sub("", name, count=1)
            short = one_line(name if short in fields else short)[:_LONGEST_NAME]
            if kept is not None and not _BOOKKEEPING.fullmatch(short):
                fields.setdefault(short, kept)
        if len(fields) > _MOST_FIELDS:
            raise ValueError(f"{where}: more than {_MOST_FIELDS:,} entries, which is the most that is read")
    return Record(where, fields, note)


def flattened(found: Mapping[str, Any], depth: int = _DEEPEST) -> Iterator[tuple[str, Any]]:
    """Nested entries by names with dots."""
    for name, value in found.items():
        if isinstance(value, Mapping) and value and depth:
            yield from ((f"{name}.{inner}", own) for inner, own in flattened(value, depth - 1))
        else:
            yield str(name), value


def limited(where: str, rows: Iterable[T], most: int = MOST_RECORDS) -> Iterator[T]:
    """The rows, as long as there are not too many."""
    for number, row in enumerate(rows):
        if number == most:
            raise ValueError(f"{where}: more than {most:,} rows, which is the most that is read")
        yield row


def _kept(value: Any) -> Value | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and abs(value) < _LARGEST:
        return value
    try:
        text = value or "" if value is None or isinstance(value, str) else json.dumps(value, default=str)
    except (ValueError, RecursionError):
        return None
    return one_line(text[:_LONGEST_TEXT].strip()) or None


def _read(value: Value) -> Value | None:
    if not isinstance(value, str):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    if value.lower() == "nan":
        return None
    if len(value) > 40 or not _NUMBER.fullmatch(value):
        return value
    number = float(value)
    if value.lstrip("+-").isdigit():
        return int(value) if abs(number) < _LARGEST else value
    return number if math.isfinite(number) else None
