from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe
from soupwidgets.evaluation import score
from tests.command import run


@pytest.fixture
def options(tiny_evaluator: Evaluator, small_folder: Path, tmp_path: Path) -> list[str]:
    pool = Path(tiny_evaluator.pool.checkpoints["ft-a"].path).parent
    return ["--pool", str(pool), "--suite", str(small_folder), "--store", str(tmp_path / "cli"), "--json", "-"]


def test_a_plane_has_the_numbers_of_the_function(options: list[str], tiny_evaluator: Evaluator) -> None:
    done = run("landscape", "plane", *options, "--checkpoints", "zero-shot", "ft-a", "ft-b", "--grid", "3")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    expected = sw.landscape.plane(tiny_evaluator, ("zero-shot", "ft-a", "ft-b"), grid=3, progress=False)
    np.testing.assert_array_equal(report["error"], expected.error)
    np.testing.assert_allclose(report["loss"], expected.loss, rtol=1e-9)
    assert report["coefficients"][0][1] == pytest.approx(dict(expected.recipe(0, 1)))
    own = score(tiny_evaluator, Recipe({"ft-b": 1}), tiny_evaluator.suite.validation)
    assert report["models"]["ft-b"]["own"]["error"] == 1 - own.accuracy
    assert report["models"]["ft-b"]["off"] == 0


def test_a_line_has_the_numbers_of_the_function(options: list[str], tiny_evaluator: Evaluator) -> None:
    done = run("landscape", "line", "--checkpoints", "zero-shot", "ft-a", "--grid", "3", "--split", "noise", *options)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    expected = sw.landscape.line(tiny_evaluator, "zero-shot", "ft-a", steps=3, split="noise", progress=False)
    assert [point["t"] for point in report["points"]] == list(expected.errors)
    assert [point["error"] for point in report["points"]] == list(expected.errors.values())
    assert (report["barrier"], report["rise"]) == (expected.barrier, expected.rise)


def test_barriers_of_all_pairs_and_in_words(options: list[str], tiny_evaluator: Evaluator) -> None:
    done = run("landscape", "barriers", *options[:-2], "--grid", "3", "--json", "-")
    assert done.returncode == 0, done.stderr
    matrix = sw.landscape.barrier_matrix(tiny_evaluator, points=3, progress=False)
    report = json.loads(done.stdout)
    assert {(p["first"], p["second"]): p["barrier"] for p in report["pairs"]} == {
        pair: line.barrier for pair, line in matrix.lines.items()
    }
    words = run("landscape", "barriers", *options[:-2], "--grid", "3")
    assert f"{100 * matrix.heights[0, 1]:.2f}" in words.stdout
    assert "Error barriers on val in percentage points" in words.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["plane", "--checkpoints", "zero-shot", "ft-a"], "goes through three models, got 2"),
        (["plane", "--checkpoints", "zero-shot", "ft-a", "ft-a"], "needs three different models"),
        (["line", "--checkpoints", "zero-shot"], "two checkpoints, got 1"),
        (["line", "--checkpoints", "zero-shot", "nobody"], "nobody"),
        (["barriers", "--checkpoints", "ft-a"], "at least two are needed"),
        (["barriers", "--grid", "4"], "odd number"),
        (["line", "--checkpoints", "zero-shot", "ft-a", "--batch-norm", "recompute"], "no batch normalisation"),
        (["line", "--checkpoints", "zero-shot", "ft-a", "--split", "fog"], "no split 'fog'"),
    ],
)
def test_what_is_wrong_is_one_sentence(options: list[str], arguments: list[str], why: str) -> None:
    done = run("landscape", *arguments, *options)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr
