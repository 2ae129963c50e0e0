"""Runs in the SQLite file of MLflow, in which it keeps them unless it is told of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soupwidgets.records.database import Rows
from soupwidgets.records.record import Record, record

# A table that only MLflow has.
TABLE = "latest_metrics"


def mlflow_rows(path: Path, rows: Rows) -> list[Record]:
    """The runs that were not deleted, with their parameters, last metrics and tags.

    Parameters
    ----------
    path
        The database, ``mlflow.db``, for messages.
    rows
        Reads it.

    Notes
    -----
    The tables are those of MLflow's ``SqlAlchemyStore`` since version 1.11.
    """
    found: dict[Any, dict[str, Any]] = {}
    for run, name, stage in rows("SELECT run_uuid, name, lifecycle_stage FROM runs ORDER BY start_time, run_uuid"):
        if stage != "deleted":
            found[run] = {"tags.mlflow.runName": name}
    for kind, table in (("params", "params"), ("metrics", TABLE), ("tags", "tags")):
        for run, key, value in rows(f"SELECT run_uuid, key, value FROM {table}"):
            if run in found:
                found[run][f"{kind}.{key}"] = value
    return [record(f"{path}, run {run!s:.40}", entries) for run, entries in found.items()]
