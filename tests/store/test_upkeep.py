"""What is in a store, what is damaged, and what goes."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from soupwidgets.commands.store import app
from soupwidgets.store import Finding, Measurement, Store, StoreError, beyond, check, existing_store, info, remove

RUNNER = CliRunner()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Six measurements of three recipes; `same` and `twin` have one array."""
    made = Store(tmp_path / "store")
    for number, key in enumerate(["whole", "gone", "wrong", "same", "twin"]):
        logits = np.full((10, 2), min(number, 3), np.float32)
        made.put(key, Measurement(f"recipe {number % 3}", "val", 10, 7, 0.25), logits)
    made.put("numbers", Measurement("recipe 0", "test", 10, 7, 0.25), None)
    return made


def array(store: Store, value: int) -> Path:
    logits = np.full((10, 2), value, np.float32)
    (path,) = [path for path in store.folder.glob(f"logits/*/{'?' * 64}.npy") if np.array_equal(np.load(path), logits)]
    return path


@pytest.fixture
def damaged(store: Store) -> Store:
    """`gone` lost its array, that of `wrong` has one wrong bit, `bad` cannot be read, and two arrays are nobody's."""
    array(store, 1).unlink()
    wrong = array(store, 2)
    wrong.write_bytes(wrong.read_bytes()[:-1] + b"\x07")
    store.put("bad", Measurement("recipe 0", "test", 10, 7, 0.25), None)
    with sqlite3.connect(store.folder / "measurements.sqlite") as database:
        database.execute("UPDATE measurements SET total = 'x' WHERE key = 'bad'")
    for name in ("orphan.npy", ".killed.npy.0.tmp", "young.npy"):
        (array(store, 0).parent / name).write_bytes(b"12345")
        if name != "young.npy":
            os.utime(array(store, 0).parent / name, (0, 0))
    return store


def test_info(store: Store) -> None:
    found = info(store)
    assert (found.place, found.measurements, found.with_logits, found.recipes) == (str(store.folder), 6, 5, 3)
    files = [path for path in store.folder.rglob("*") if path.is_file() and "claims" not in path.parts]
    assert found.bytes == sum(path.stat().st_size for path in files)
    assert found.oldest is not None
    assert found.newest is not None
    assert found.oldest <= found.newest
    with sqlite3.connect(store.folder / "measurements.sqlite") as database:
        database.execute("DELETE FROM measurements")
    assert info(store).oldest is None


def test_a_whole_store_has_nothing_to_report(store: Store) -> None:
    assert check(store) == []


def test_check_finds_everything_and_changes_nothing(damaged: Store) -> None:
    for _ in range(2):
        found = {(finding.what, finding.key or Path(finding.path).name) for finding in check(damaged)}
        assert found == {
            ("unreadable row", "bad"),
            ("missing array", "gone"),
            ("damaged array", "wrong"),
            ("orphaned array", "orphan.npy"),
            ("orphaned array", ".killed.npy.0.tmp"),
        }


def test_remove_takes_those_and_nothing_else(damaged: Store) -> None:
    size = array(damaged, 0).stat().st_size
    assert remove(damaged, check(damaged)) == size + 10
    assert check(damaged) == []
    assert set(damaged.get(["whole", "gone", "wrong", "same", "twin", "numbers", "bad"], with_logits=False)) == {
        "whole", "same", "twin", "numbers"
    }  # fmt: skip
    assert sorted(path.name for path in damaged.folder.glob("logits/*/*") if len(path.name) < 40) == ["young.npy"]


def test_an_array_that_another_row_has_stays(store: Store) -> None:
    path = str(array(store, 3).relative_to(store.folder))
    assert remove(store, [Finding("too old", "same", path, 208)]) == 0
    assert (store.logits("twin") == 3).all()
    assert remove(store, [Finding("too old", "twin", path, 208)]) > 0
    assert not (store.folder / path).exists()


def test_older_and_larger(store: Store) -> None:
    with sqlite3.connect(store.folder / "measurements.sqlite") as database:
        database.execute("UPDATE measurements SET made_at = '2020-01-01T00:00:00+00:00' WHERE key = 'whole'")
        database.execute("UPDATE measurements SET made_at = 'long ago' WHERE key = 'gone'")
    store.put("large", Measurement("recipe 0", "test", 10, 7, 0.25), np.zeros((1000, 10), np.float32))
    assert [(finding.what, finding.key) for finding in beyond(store, days=30)] == [("too old", "whole")]
    assert [(finding.what, finding.key) for finding in beyond(store, megabytes=0.04)] == [("too large", "large")]
    assert {finding.key for finding in beyond(store, days=30, megabytes=0.04)} == {"whole", "large"}
    assert beyond(store) == []


def test_a_slip_of_the_pen_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        existing_store(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def run(*arguments: str, code: int = 0) -> str:
    done = RUNNER.invoke(app, list(arguments))
    assert done.exit_code == code, done.output
    return done.output


def test_the_commands_say_what_the_functions_find(damaged: Store, tmp_path: Path) -> None:
    place = ("--store", str(damaged.folder))
    said = run("info", *place)
    assert "7 measurements (5 with logits) of 3 recipes" in said
    assert json.loads(run("info", *place, "--json", "-"))["measurements"] == 7
    assert "1 x damaged array" in run("check", *place, code=1)
    assert len(json.loads(run("check", *place, "--json", "-", code=1))["findings"]) == 5
    # Nothing goes before somebody says so.
    assert "nothing was removed yet: add --yes" in run("prune", *place, "--older-than", "30")
    assert len(check(damaged)) == 5
    assert "MB freed" in run("prune", *place, "--yes", "--json", str(tmp_path / "out.json"))
    assert json.loads((tmp_path / "out.json").read_text())["done"] is True
    assert "every measurement is intact" in run("check", *place)
    assert "nothing to remove" in run("prune", *place)
    assert len(damaged) == 4
