"""Trials in the SQLite file of an Optuna study."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from soupwidgets.records.record import MOST_RECORDS, Record, limited, record

SQLITE = b"SQLite format 3\0"
_MOST_BYTES = 1 << 28
_MOST_ROWS = 2 * MOST_RECORDS
_LONGEST = 1 << 20
# As many rows as are read take a tenth of it.
_MOST_STEPS = 1 << 26
_STEPS = 1 << 16
_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ)


def optuna_trials(path: Path) -> list[Record]:
    """The trials of all studies in a file, with their parameters, user attributes and values.

    Nothing of the file's own is run: functions that a view of it calls are refused, and it is opened for reading alone.

    Parameters
    ----------
    path
        The database, as ``optuna.create_study(storage="sqlite:///...")`` makes it.

    Notes
    -----
    The tables are those of ``optuna.storages.RDBStorage`` since version 2.4. A parameter is a float there; its
    distribution says which choice or whole number that is.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{path}: larger than {_MOST_BYTES >> 20} MiB, which is the most that is read")
    try:
        with closing(_opened(path)) as connection:
            return _trials(path, connection)
    except (sqlite3.Error, UnicodeError) as error:
        # SQLite's own messages quote the file, in whatever bytes it has.
        raise ValueError(f"{path}: cannot be read as a study of Optuna ({str(error)[:200]})") from error


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)
    left = iter(range(_MOST_STEPS // _STEPS))
    connection.set_progress_handler(lambda: next(left, None) is None, _STEPS)
    return connection


def _trials(path: Path, connection: sqlite3.Connection) -> list[Record]:
    def rows(query: str) -> Iterator[Any]:
        return limited(str(path), connection.execute(query), _MOST_ROWS)

    studies = dict(rows("SELECT study_id, study_name FROM studies"))
    # Named as in `study.trials_dataframe()`.
    found: dict[Any, dict[str, Any]] = {}
    for trial, name, value, distribution in rows(
        "SELECT trial_id, param_name, param_value, distribution_json FROM trial_params"
    ):
        found.setdefault(trial, {})[f"params_{name}"] = _parameter(path, value, _json(path, distribution))
    for trial, name, text in rows("SELECT trial_id, key, value_json FROM trial_user_attributes"):
        found.setdefault(trial, {})[f"user_attrs_{name}"] = _json(path, text)
    values: dict[Any, list[Any]] = {}
    for trial, value in rows("SELECT trial_id, value FROM trial_values ORDER BY trial_id, objective"):
        values.setdefault(trial, []).append(value)
    records = []
    for trial, number, study, state in rows("SELECT trial_id, number, study_id, state FROM trials ORDER BY trial_id"):
        measured = values.get(trial, [])
        several = len(measured) > 1
        named = {f"values_{place}" if several else "value": value for place, value in enumerate(measured)}
        where = f"{path}, trial {number!s:.20} of the study {str(studies.get(study))!r:.100}"
        records.append(record(where, {"number": number, "state": state, **named, **found.get(trial, {})}))
    return records


def _json(path: Path, text: object) -> Any:
    try:
        return json.loads(str(text))
    except (ValueError, RecursionError):
        raise ValueError(f"{path}: {str(text)!r:.60} stands where a study of Optuna has JSON") from None


def _parameter(path: Path, value: Any, distribution: Any) -> Any:
    try:
        name = distribution["name"]
        if name == "CategoricalDistribution":
            return distribution["attributes"]["choices"][int(value)]
        return int(value) if name.startswith("Int") else float(value)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError):
        what = json.dumps(distribution)[:60]
        raise ValueError(f"{path}: {value!r:.40} is no parameter of the distribution {what}") from None
