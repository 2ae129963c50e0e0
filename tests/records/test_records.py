"""Files of trackers are read by their documented formats, and no other way."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from soupwidgets.records import read_records
from tests.records import files


def _written(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def test_a_study_and_its_table_say_the_same(tmp_path: Path) -> None:
    study = read_records(files.write_optuna(tmp_path / "study.db"))
    table = read_records(_written(tmp_path / "study.csv", files.OPTUNA_CSV))
    assert [r.hyperparameters("file") for r in study] == [r.hyperparameters("file") for r in table]
    assert study[0].hyperparameters("file") == {
        "number": 0, "state": "COMPLETE", "value": 0.5, "lr": 0.01, "epochs": 9, "opt": "adam",
    }  # fmt: skip
    assert study[1].where.endswith("study.db, trial 1 of the study 'my study'")
    assert [r.fields["file"] for r in study] == ["runs/ft-a.pt", "runs/ft-b.pt"]


def test_several_objectives_have_a_number_each(tmp_path: Path) -> None:
    path = files.write_optuna(tmp_path / "study.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO trial_values VALUES (2, 1, 1, NULL, 'INF_POS')")
        connection.execute("INSERT INTO trial_values VALUES (3, 1, 2, 0.25, 'FINITE')")
    fields = read_records(path)[0].fields
    assert {name: value for name, value in fields.items() if "value" in name} == {"values_0": 0.5, "values_2": 0.25}


def test_both_exports_of_weights_and_biases(tmp_path: Path) -> None:
    page = read_records(_written(tmp_path / "page.csv", files.WANDB_CSV))
    assert page[0].note == "a long run"
    found = page[0].hyperparameters("Name")
    assert (found["lr"], found["epochs"], found["val/loss"]) == (0.01, 9, 0.4)
    assert "val/loss" not in page[1].fields
    python = read_records(_written(tmp_path / "python.csv", files.WANDB_PYTHON_CSV))
    assert python[1].fields == {"lr": 2e-05, "optimizer.name": "sgd", "name": "ft-b", "loss": 0.7}


def test_a_history_gives_its_last_values_under_the_name_of_its_file(tmp_path: Path) -> None:
    rows = files.WANDB_HISTORY
    by_column = {name: {str(n): row[name] for n, row in enumerate(rows)} for name in rows[0]}
    for content in (json.dumps(rows), "\n".join(map(json.dumps, rows)), json.dumps(by_column)):
        (one,) = read_records(_written(tmp_path / "ft-a.json", content))
        assert one.fields == {"loss": 0.4, "lr": 0.01, "file": "ft-a"}


def test_runs_as_json_by_name_in_a_list_and_alone(tmp_path: Path) -> None:
    by_name = read_records(_written(tmp_path / "a.json", '{"ft-a": {"lr": 0.1}, "ft-b": {"lr": 0.2}}'))
    assert [r.fields for r in by_name] == [{"name": "ft-a", "lr": 0.1}, {"name": "ft-b", "lr": 0.2}]
    listed = read_records(_written(tmp_path / "b.json", '[{"name": "ft-a", "config": {"lr": 0.1, "_x": 1}}]'))
    assert listed[0].fields["lr"] == 0.1
    assert "_x" not in listed[0].fields
    (alone,) = read_records(_written(tmp_path / "ft-a.json", '{"config": {"lr": 0.1}, "summary": {"lr": 9}}'))
    assert alone.fields == {"file": "ft-a", "lr": 0.1, "summary.lr": 9}


def test_a_folder_of_mlflow(tmp_path: Path) -> None:
    records = read_records(files.write_mlflow(tmp_path / "mlruns"))
    assert [r.fields["run_name"] for r in records] == ["ft-a", "ft-b"]
    assert records[1].hyperparameters("run_name") == {"lr": 0.02, "optimizer/name": "adam", "loss": 0.4, "seed": 1}
    assert records[0].note == r"a long\nrun"
    experiment = tmp_path / "mlruns" / "183221362838662027"
    assert [r.fields for r in read_records(experiment)] == [r.fields for r in records]
    table = "run_id,params.lr,metrics.loss,tags.mlflow.runName,tags.mlflow.user\n1,0.02,0.4,ft-b,robin\n"
    (row,) = read_records(_written(tmp_path / "runs.csv", table))
    assert row.hyperparameters("run_id") == {"lr": 0.02, "run_name": "ft-b", "loss": 0.4}


def test_a_database_of_mlflow_says_what_its_folder_does(tmp_path: Path) -> None:
    folder = read_records(files.write_mlflow(tmp_path / "mlruns"))
    database = read_records(files.write_mlflow_database(tmp_path / "mlflow.db"))
    assert [(r.hyperparameters(""), r.note) for r in database] == [(r.hyperparameters(""), r.note) for r in folder]
    assert database[1].where.endswith(f"mlflow.db, run {1:032x}")


def test_texts_that_share_pages_do_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soupwidgets.records.database._MOST_BYTES", 1 << 16)
    path = files.write_optuna(tmp_path / "study.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        view = "CREATE VIEW studies AS SELECT b.trial_id AS study_id, a.distribution_json AS study_name "
        connection.executescript(
            f"DROP TABLE studies; {view} FROM trial_params a, trial_params b, trial_params, trial_params"
        )
    assert path.stat().st_size < 1 << 16
    with pytest.raises(ValueError, match="texts are longer"):
        read_records(path)


def test_no_link_leads_out_of_a_folder(tmp_path: Path) -> None:
    secret = _written(tmp_path / "secret", "secret")
    run = next(files.write_mlflow(tmp_path / "mlruns", ("ft-a",)).glob("*/" + "0" * 32))
    (run / "params" / "stolen").symlink_to(secret)
    other = files.write_mlflow(tmp_path / "other", ("elsewhere",))
    (tmp_path / "mlruns" / "linked").symlink_to(other)
    (run / "tags").rename(run / "kept")
    (run / "tags").symlink_to(run / "kept")
    (one,) = read_records(tmp_path / "mlruns")
    assert "stolen" not in one.fields
    assert "run_name" not in one.fields


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "no training run"),
        ("a.csv", "file,lr\n", "no training run"),
        ("a.csv", "file,file\na,b\n", "two columns are named 'file'"),
        ("a.csv", "file\na,b\n", "line 2: 2 cells, the header has 1"),
        ("a.csv", "file" + "," * 9000 + "\na\n", "9,001 columns"),
        ("a.csv", "file," + ",".join(f"c{n}" for n in range(1200)) + "\n" + ",".join(["x"] * 1201), "more than 1,000"),
        ("a.csv", "name,config\nft-a,{__import__('os')}\n", "line 2: \"{__import__('os')}\" is no dictionary"),
        ("a.csv", "name,config\nft-a," + "{1:" * 5000 + "\n", "is no dictionary of plain values"),
        ("a.csv", 'a\n"' + "x" * 200_000, "cannot be read as a table"),
        ("a.json", "[1]", "run 1: 1 is not an object"),
        ("a.json", "{", "line 1: not JSON"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.db", "SQLite format 3\0" + "x" * 100, "cannot be read as a study of Optuna"),
    ],
)
def test_what_is_wrong_and_where(tmp_path: Path, name: str, content: str, said: str) -> None:
    path = _written(tmp_path / name, content)
    with pytest.raises(ValueError) as told:
        read_records(path)
    assert str(path) in str(told.value)
    assert said in str(told.value)
    assert len(str(told.value)) < 600


@pytest.mark.parametrize(
    "damage",
    [
        # What would run, loop for ever, or fill the memory when the tables are read.
        "DROP TABLE studies; CREATE VIEW studies AS SELECT 1 AS study_id, load_extension('/tmp/x') AS study_name",
        "DROP TABLE studies; CREATE VIEW studies AS SELECT 1 AS study_id, upper('x') AS study_name",
        "DROP TABLE studies; CREATE VIEW studies AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
        "SELECT n AS study_id, 'x' AS study_name FROM r",
        *(
            f"DROP TABLE trial_values; CREATE VIEW trial_values AS SELECT a.param_id AS trial_id, 0 AS objective, "
            f"1 AS value FROM trial_params a{', trial_params' * 14}, trial_params z WHERE {rows}"
            for rows in ("1", "a.param_value + z.param_value > 99")
        ),
        "UPDATE trial_params SET distribution_json = '{\"name\": 3}'",
        "UPDATE trial_params SET param_value = 7",
        "UPDATE trial_user_attributes SET value_json = 'file'",
        "UPDATE trial_user_attributes SET value_json = CAST(x'ff' AS TEXT)",
        "UPDATE trials SET state = zeroblob(2000000)",
    ],
)
def test_a_hostile_study_ends_in_a_sentence(tmp_path: Path, damage: str) -> None:
    path = files.write_optuna(tmp_path / "study.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(damage)
    with pytest.raises(ValueError, match="study") as told:
        read_records(path)
    assert str(path) in str(told.value)


def test_a_study_with_bytes_that_are_no_text_ends_in_a_sentence(tmp_path: Path) -> None:
    path = files.write_optuna(tmp_path / "study.db")
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE trials", b"CREATE \xffABLE trials"))
    with pytest.raises(ValueError, match="study") as told:
        read_records(path)
    assert type(told.value) is ValueError


def test_nothing_is_written_beside_a_study(tmp_path: Path) -> None:
    path = files.write_optuna(tmp_path / "what? a #study.db")
    before = path.read_bytes()
    assert len(read_records(path)) == 2
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_names_and_texts_are_one_line_and_short(tmp_path: Path) -> None:
    content = json.dumps([{"file": "ft-a", "a\n\x1b[31m" + "x" * 999: "b\r\n" + "y" * 9999, "big": 10**30, "no": None}])
    (one,) = read_records(_written(tmp_path / "a.json", content))
    (long,) = [name for name in one.fields if name.startswith("a")]
    assert long.startswith(r"a\n\x1b[31mx")
    assert len(long) == 200
    assert "\n" not in str(one.fields[long])
    assert len(str(one.fields[long])) < 1100
    assert one.fields["big"] == str(10**30)
    assert "no" not in one.fields


def test_texts_are_numbers_where_they_are_numbers(tmp_path: Path) -> None:
    cells = {
        "a": "1",
        "b": "-2.5e-3",
        "c": "TRUE",
        "d": "1_000",
        "e": "0x10",
        "f": "1e999",
        "g": "nan",
        "h": "none",
        "i": "9" * 30,
    }
    (one,) = read_records(_written(tmp_path / "a.csv", ",".join(cells) + "\n" + ",".join(cells.values())))
    assert one.hyperparameters("") == {
        "a": 1,
        "b": -0.0025,
        "c": True,
        "d": "1_000",
        "e": "0x10",
        "h": "none",
        "i": "9" * 30,
    }


def test_pipes_and_missing_files_are_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "missing"):
        with pytest.raises(ValueError, match=name):
            read_records(tmp_path / name)
