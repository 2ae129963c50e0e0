"""Trials in the SQLite file of an Optuna study."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from soupwidgets.records.database import Rows
from soupwidgets.records.record import Record, record


def optuna_trials(path: Path, rows: Rows) -> list[Record]:
    """The trials of all studies in a file, with their parameters, user attributes and values.

    Parameters
    ----------
    path
        The database, as ``optuna.create_study(storage="sqlite:///...")`` makes it, for messages.
    rows
        Reads it.

    Notes
    -----
    The tables are those of ``optuna.storages.RDBStorage`` since version 2.4. A parameter is a float there; its
    distribution says which choice or whole number that is.
    """
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
