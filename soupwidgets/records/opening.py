"""Which kind of file or folder the records of training runs are in."""

from __future__ import annotations

from pathlib import Path

from soupwidgets.json_files import is_regular, read_text
from soupwidgets.records.database import BEGINNING, reading
from soupwidgets.records.json_runs import json_runs
from soupwidgets.records.mlflow_database import TABLE, mlflow_rows
from soupwidgets.records.mlflow_runs import mlflow_runs
from soupwidgets.records.optuna_study import optuna_trials
from soupwidgets.records.record import Record
from soupwidgets.records.table import table_rows

_MOST_BYTES = 1 << 24


def read_records(source: str | Path) -> list[Record]:
    """Read what was written down about training runs; the content says in which format.

    - a CSV file with a row for each run: your own, the runs that Weights & Biases exports,
      ``study.trials_dataframe().to_csv(...)`` of Optuna, ``mlflow.search_runs().to_csv(...)``;
    - the SQLite file of an Optuna study;
    - JSON: a list of runs, one run a line, runs by name, or the history of one run, whose last values count;
    - the file ``mlflow.db`` or the folder ``mlruns`` of MLflow, or an experiment or run in that.

    Nothing is executed, no link is followed out of a folder, and none of these packages is needed.

    Parameters
    ----------
    source
        The file or folder.

    Returns
    -------
    list[Record]
        At least one.

    Raises
    ------
    ValueError
        When it cannot be read, or holds no run; the message names the file and the place in it.
    """
    path = Path(source)
    if path.is_dir():
        records = mlflow_runs(path)
    elif is_regular(path) and _begins_as_sqlite(path):
        with reading(path) as rows:
            tables = {name for (name,) in rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
            records = mlflow_rows(path, rows) if TABLE in tables else optuna_trials(path, rows)
    else:
        text = read_text(path, _MOST_BYTES)
        records = json_runs(path, text) if text.lstrip()[:1] in ("{", "[") else table_rows(path, text)
    if not records:
        raise ValueError(f"{path}: no training run is recorded in it")
    return records


def _begins_as_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(BEGINNING)) == BEGINNING
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error
