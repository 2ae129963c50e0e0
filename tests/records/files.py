"""Small files as trackers write them; also for the fuzzer."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

# The tables of optuna.storages.RDBStorage (Optuna 5.0) that hold trials.
_TABLES = """
CREATE TABLE studies (study_id INTEGER NOT NULL, study_name VARCHAR(512) NOT NULL, PRIMARY KEY (study_id));
CREATE TABLE trials (trial_id INTEGER NOT NULL, number INTEGER, study_id INTEGER, state VARCHAR(8) NOT NULL,
  datetime_start DATETIME, datetime_complete DATETIME, PRIMARY KEY (trial_id));
CREATE TABLE trial_user_attributes (trial_user_attribute_id INTEGER NOT NULL, trial_id INTEGER, "key" VARCHAR(512),
  value_json TEXT, PRIMARY KEY (trial_user_attribute_id), UNIQUE (trial_id, "key"));
CREATE TABLE trial_params (param_id INTEGER NOT NULL, trial_id INTEGER, param_name VARCHAR(512), param_value FLOAT,
  distribution_json TEXT, PRIMARY KEY (param_id), UNIQUE (trial_id, param_name));
CREATE TABLE trial_values (trial_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, objective INTEGER NOT NULL,
  value FLOAT, value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_value_id), UNIQUE (trial_id, objective));
"""
_FLOAT = {"name": "FloatDistribution", "attributes": {"step": None, "low": 1e-05, "high": 0.1, "log": True}}
_INT = {"name": "IntDistribution", "attributes": {"log": False, "step": 1, "low": 1, "high": 10}}
_CHOICE = {"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", None]}}

# The tables of MLflow's SqlAlchemyStore (MLflow 3.17) that hold runs, with the columns that are read.
_MLFLOW_TABLES = """
CREATE TABLE runs (run_uuid VARCHAR(32) NOT NULL, name VARCHAR(250), start_time BIGINT, lifecycle_stage VARCHAR(20));
CREATE TABLE params ("key" VARCHAR(250) NOT NULL, value VARCHAR(8000) NOT NULL, run_uuid VARCHAR(32) NOT NULL);
CREATE TABLE latest_metrics ("key" VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT,
  step BIGINT NOT NULL, is_nan BOOLEAN NOT NULL, run_uuid VARCHAR(32) NOT NULL);
CREATE TABLE tags ("key" VARCHAR(250) NOT NULL, value VARCHAR(8000), run_uuid VARCHAR(32) NOT NULL);
"""

# `study.trials_dataframe().to_csv(...)` of the same.
OPTUNA_CSV = """,number,value,datetime_start,datetime_complete,duration,params_epochs,params_lr,params_opt,\
user_attrs_file,state
0,0,0.5,2026-11-27 22:41:20.007407,2026-11-27 22:41:20.160508,0 days 00:00:00.153101,9,0.01,adam,runs/ft-a.pt,COMPLETE
1,1,,2026-11-27 22:41:20.187482,2026-11-27 22:41:20.289421,0 days 00:00:00.101939,1,2e-05,,runs/ft-b.pt,PRUNED
"""
# The table of runs, as the page of Weights & Biases exports it; and as its documentation does in Python.
WANDB_CSV = """"Name","State","Notes","User","Tags","Created","Runtime","Sweep","lr","epochs","val/loss"
"ft-a","finished","a long run","robin","","2026-01-02T03:04:05.000Z","61","","0.01","9","0.4"
"ft-b","crashed","-","robin","","2026-01-02T03:04:06.000Z","9","","2e-05","1",""
"""
WANDB_PYTHON_CSV = """,summary,config,name
0,"{'loss': 0.4, '_step': 9, '_wandb': {'runtime': 61}}","{'lr': 0.01, 'optimizer': {'name': 'adam'}}",ft-a
1,"{'loss': 0.7, '_step': 3}","{'lr': 2e-05, 'optimizer': {'name': 'sgd'}}",ft-b
"""
WANDB_HISTORY = [
    {"_step": 0, "_runtime": 1.5, "_timestamp": 1.7e9, "loss": 0.9, "lr": 0.01},
    {"_step": 1, "_runtime": 2.5, "_timestamp": 1.7e9, "loss": 0.4, "lr": None},
]


def write_optuna(path: Path, files: tuple[str, ...] = ("runs/ft-a.pt", "runs/ft-b.pt")) -> Path:
    """A study of two trials."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_TABLES)
        connection.execute("INSERT INTO studies VALUES (1, 'my study')")
        tried = [("COMPLETE", 0.01, 9, 0), ("PRUNED", 2e-05, 1, 2)]
        for number, (file, (state, lr, epochs, choice)) in enumerate(zip(files, tried, strict=True)):
            trial = number + 1
            connection.execute("INSERT INTO trials VALUES (?, ?, 1, ?, NULL, NULL)", (trial, number, state))
            if file:
                attribute = (trial, "file", json.dumps(file))
                connection.execute("INSERT INTO trial_user_attributes VALUES (NULL, ?, ?, ?)", attribute)
            for name, value, kind in (("lr", lr, _FLOAT), ("epochs", epochs, _INT), ("opt", choice, _CHOICE)):
                parameter = (trial, name, float(value), json.dumps(kind))
                connection.execute("INSERT INTO trial_params VALUES (NULL, ?, ?, ?, ?)", parameter)
        connection.execute("INSERT INTO trial_values VALUES (1, 1, 0, 0.5, 'FINITE')")
    return path


def write_mlflow(folder: Path, names: tuple[str, ...] = ("ft-a", "ft-b")) -> Path:
    """A folder ``mlruns`` with an experiment of some runs, one more that was deleted, and what lies beside them."""
    for number, name in enumerate([*names, "deleted"]):
        run = folder / "183221362838662027" / f"{number:032x}"
        stage = "deleted" if name == "deleted" else "active"
        entries = {
            "meta.yaml": f"run_name: {name}\nlifecycle_stage: {stage}\nstatus: 3\n",
            "params/lr": f"{0.01 * (number + 1)}",
            "params/optimizer/name": "adam",
            "metrics/loss": "1700000000000 0.9 0\n1700000001000 0.4 1\n",
            "tags/mlflow.runName": name,
            "tags/mlflow.user": "robin",
            "tags/mlflow.note.content": "a long\nrun",
            "tags/seed": f"{number}",
            "artifacts/meta.yaml": "nothing",
        }
        for place, text in entries.items():
            (run / place).parent.mkdir(parents=True, exist_ok=True)
            (run / place).write_text(text)
    (folder / "0").mkdir()
    (folder / "0" / "meta.yaml").write_text("name: Default\n")
    (folder / ".trash").mkdir()
    return folder


def write_mlflow_database(path: Path, names: tuple[str, ...] = ("ft-a", "ft-b")) -> Path:
    """The same runs in a file."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_MLFLOW_TABLES)
        for number, name in enumerate([*names, "deleted"]):
            run, stage = f"{number:032x}", "deleted" if name == "deleted" else "active"
            connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?)", (run, name, number, stage))
            connection.execute("INSERT INTO latest_metrics VALUES ('loss', 0.4, 0, 1, 0, ?)", (run,))
            for key, value in (("lr", f"{0.01 * (number + 1)}"), ("optimizer/name", "adam")):
                connection.execute("INSERT INTO params VALUES (?, ?, ?)", (key, value, run))
            tags = {
                "mlflow.runName": name,
                "mlflow.user": "robin",
                "mlflow.note.content": "a long\nrun",
                "seed": number,
            }
            for key, value in tags.items():
                connection.execute("INSERT INTO tags VALUES (?, ?, ?)", (key, str(value), run))
    return path
