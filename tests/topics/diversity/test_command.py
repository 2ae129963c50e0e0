from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe
from tests.command import run


@pytest.fixture
def options(tiny_evaluator: Evaluator, small_folder: Path, tmp_path: Path) -> list[str]:
    pool = Path(tiny_evaluator.pool.checkpoints["ft-a"].path).parent
    return ["diversity", "--pool", str(pool), "--suite", str(small_folder), "--store", str(tmp_path / "cli")]


def test_pairs_and_imported_logits_have_the_numbers_of_the_functions(
    options: list[str], tiny_evaluator: Evaluator, tmp_path: Path
) -> None:
    soup = tiny_evaluator.evaluate(Recipe({"ft-a": 0.5, "ft-b": 0.5}), ["val", "test"])
    given = []
    for split in ("val", "test"):
        np.save(tmp_path / f"{split}.npy", soup.logits[split])
        given += ["--logits", f"soup:{split}={tmp_path / split}.npy"]
    done = run(*options, *given, "--json", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out.json").read_text())
    models = [*sw.diversity.members(tiny_evaluator, splits=["test"], progress=False), sw.diversity.member(soup, "soup")]
    expected = sw.diversity.matrix(models, tiny_evaluator.suite, progress=False)
    assert report["models"] == list(expected.names)
    assert [row["error inconsistency"] for row in report["pairs"]] == [p.error_inconsistency for p in expected.pairs]
    assert [row["ensemble"] for row in report["pairs"]] == [p.ensemble for p in expected.pairs]
    assert f"{100 * max(p.error_inconsistency for p in expected.pairs):.2f}" in done.stdout


def test_a_base_with_what_is_stated_of_it(options: list[str], tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    out = tmp_path / "base.json"
    stated = ["--training", "zero-shot:framework=contrastive", "--training", "ft-*:framework=supervised"]
    groups = ["--superclass", "shoes=sandal,sneaker,ankle boot", "--superclass", "bags=bag"]
    more = ["--base", "ft-a", "--combine", "plain logits", "--probe"]
    done = run(*options, *stated, *groups, *more, "--json", str(out))
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text())
    training = {"zero-shot": {"framework": "contrastive"}, "ft-*": {"framework": "supervised"}}
    known = sw.diversity.members(tiny_evaluator, splits=["test"], progress=False)
    base, *others = sw.diversity.stated_training(known, training)
    gains = sw.diversity.helper_gains(base, others, tiny_evaluator.suite, "test", combine="plain logits")
    assert [(one["name"], one["divergence"], one["ensemble"]) for one in report["helpers"]] == [
        (one.name, one.divergence, one.ensemble) for one in gains
    ]
    assert {one.divergence for one in gains} == {"siblings", "framework"}
    assert report["trend"]["base"] == "ft-a"
    assert report["combine"] == "plain logits"
    assert {name: len(found) for name, found in report["superclasses"].items()} == {"ft-b": 2, "zero-shot": 2}
    probed = [row for row in report["features"] if row["second"] == "ft-b"]
    assert [row["read by"] for row in probed][:1] == ["ft-a alone"]
    assert "What one more model adds to ft-a:" in done.stdout
    assert "Read from the features of ft-a and zero-shot:" in done.stdout
    assert "ensembles of plain logits" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--base", "x"], "--base x: no such model; there are ft-a, ft-b, zero-shot"),
        (["--probe"], "name it with --base"),
        (["--training", "ft-a:framework"], "expected NAME:LEVEL=WORDS"),
        (["--training", "x:framework=y"], "no model is called 'x'"),
        (["--superclass", "shoes"], "expected NAME=CLASS,CLASS"),
        (["--base", "ft-a", "--superclass", "shoes=clog"], "the superclass 'shoes' names 'clog'"),
        (["--split", "fog"], "no split 'fog'"),
        (["--logits", "soup=x.npy"], "expected NAME:SPLIT=FILE"),
        (["--logits", "soup:val=x.npy"], "x.npy: cannot be read"),
        (["--pool", "nowhere.safetensors"], "there is no such file"),
    ],
)
def test_what_is_wrong_is_one_sentence(options: list[str], arguments: list[str], why: str) -> None:
    done = run(*options, *arguments)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr
