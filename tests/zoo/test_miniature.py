"""What is installed with the package is a part of the repository's data, and is enough to begin with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Store
from soupwidgets.miniature import SUITE_FOLDER, ZOO_FOLDER
from soupwidgets.zoo import write_miniature
from tests.command import run
from tests.fixtures import ROOT, SUITE, ZOO


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_its_models_are_the_zoos_byte_for_byte() -> None:
    shipped = files(ZOO_FOLDER)
    assert len(shipped) == 6
    assert all(content == (ZOO / name).read_bytes() for name, content in shipped.items())


def test_its_images_and_labels_are_the_first_of_the_suites() -> None:
    for name, images in (("val", 1000), ("test", 2000)):
        for kind in ("images", "labels"):
            file = f"{name}.{kind}.npy"
            assert np.array_equal(np.load(SUITE_FOLDER / file), np.load(SUITE / file)[:images])
    _, small = sw.demo()
    whole = sw.Suite.open(SUITE)
    assert {shift.name: shift.source.shift for shift in small.shifts} == {
        shift.name: shift.source.shift for shift in whole.shifts
    }
    shown = [row for shift in small.shifts for row in shift.source.rows or ()]
    assert sorted(shown) == list(range(2000)), "every test image is under exactly one shift"


def test_the_command_writes_the_same_again(tmp_path: Path) -> None:
    done = run("zoo", "miniature", "--data", str(ROOT / "data"), "--out", str(tmp_path / "again"))
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "again") == {
        **{f"zoo/{name}": content for name, content in files(ZOO_FOLDER).items()},
        **{f"suite/{name}": content for name, content in files(SUITE_FOLDER).items()},
    }
    assert write_miniature(ROOT / "data", tmp_path / "again") == tmp_path / "again"


def test_its_licence_lies_beside_it_and_travels_in_the_metadata() -> None:
    import tomllib

    licence = ZOO_FOLDER.parent / "LICENCE.txt"
    assert "Copyright (c) 2017 Zalando SE" in licence.read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert licence.relative_to(ROOT).as_posix() in project["license-files"]


def test_it_shows_what_the_zoo_shows(zoo_store: Store) -> None:
    """The numbers that the README gives for its five lines, and why averaging is worth a look."""
    pool, suite = sw.demo()
    ev = sw.Evaluator(pool, suite, device="cpu", store=zoo_store)
    zero_shot, tuned = ev.evaluate("zero-shot"), ev.evaluate("ft-03")
    mixed = ev.evaluate(sw.wise_ft(pool, "ft-03", alpha=0.7))
    assert mixed.accuracy["test"] == pytest.approx(0.839, abs=0.002)
    assert tuned.accuracy["test"] == pytest.approx(0.8355, abs=0.002)
    assert zero_shot.accuracy["test"] == pytest.approx(0.759, abs=0.002)
    assert mixed.shift_accuracy == pytest.approx(0.614, abs=0.002)
    assert tuned.shift_accuracy == pytest.approx(0.548, abs=0.002)
    with_bad = ev.evaluate(sw.uniform_soup(pool, [*pool.fine_tuned, "bad-lr"]))
    assert with_bad.accuracy["test"] < 0.2


def test_the_command_says_where_it_lies() -> None:
    done = run("demo")
    assert done.returncode == 0, done.stderr
    assert str(ZOO_FOLDER) in done.stdout
    assert "rotate (250)" in done.stdout
    assert f"soupwidgets sweep --pool {ZOO_FOLDER} --suite {SUITE_FOLDER} --fine-tuned ft-03" in done.stdout
