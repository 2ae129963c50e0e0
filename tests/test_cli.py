from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from soupwidgets import Evaluator, alpha_sweep, greedy_soup
from soupwidgets.checkpoints import CheckpointFile
from tests.fixtures import ROOT, SUITE, ZOO


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "soupwidgets.cli", *arguments], capture_output=True, text=True, cwd=ROOT, timeout=300
    )


def test_sweep_prints_the_evaluators_numbers(evaluator: Evaluator, tmp_path: Path) -> None:
    done = run(
        "sweep", "--pool", str(ZOO), "--suite", str(SUITE), "--fine-tuned", "ft-03", "--alphas", "3",
        "--json", str(tmp_path / "out.json"), "--store", str(evaluator.store.folder),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sweep = alpha_sweep(evaluator, "ft-03", 3, progress=False)
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["best_alpha_by_validation"] == sweep.best_alpha()
    for entry in written["alphas"]:
        evaluation = sweep[entry["alpha"]]
        assert {name: row["accuracy"] for name, row in entry["splits"].items()} == evaluation.accuracy
        assert entry["mean_ood"]["accuracy"] == evaluation.shift_accuracy
    assert f"{100 * sweep[0.5].accuracy['test']:.2f}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pool", "nowhere", "--suite", str(SUITE), "--fine-tuned", "x"], "nowhere: no weight file"),
        (["--pool", str(ZOO), "--suite", "nowhere", "--fine-tuned", "x"], "suite.json is missing"),
        (["--pool", str(ZOO), "--suite", str(SUITE), "--fine-tuned", "nobody"], "not in the pool: 'nobody'"),
    ],
)
def test_errors_are_sentences(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = run("sweep", *arguments, "--store", str(tmp_path))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_soups_are_written_with_their_trace(evaluator: Evaluator, tmp_path: Path) -> None:
    out = tmp_path / "soup.safetensors"
    common = ("--pool", str(ZOO), "--suite", str(SUITE), "--store", str(evaluator.store.folder), "--out", str(out))
    names = [word for name in ("ft-00", "ft-03", "ft-05") for word in ("--ingredient", name)]
    done = run("soup", "greedy", *common, *names, "--json", str(tmp_path / "trace.json"))
    assert done.returncode == 0, done.stderr
    made = greedy_soup(evaluator, ["ft-00", "ft-03", "ft-05"], progress=False)
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert trace["recipe"] == dict(made.recipe)
    assert [step["candidate"] for step in trace["steps"]] == [step.candidate for step in made.steps]
    assert trace["splits"]["test"]["accuracy"] == evaluator.evaluate(made.recipe).accuracy["test"]
    assert CheckpointFile(out).card.name == "soup"

    done = run("soup", "uniform", "--pool", str(ZOO), "--out", str(tmp_path / "all.pt"))
    assert done.returncode == 0, done.stderr
    assert "average of 22 checkpoints" in done.stdout
    done = run("soup", "greedy", "--pool", str(ZOO), "--out", str(out))
    assert done.returncode == 2
    assert "--suite" in done.stderr


def test_inspect(tmp_path: Path) -> None:
    files = [str(ZOO / f"{name}.safetensors") for name in ("zero-shot", "ft-03", "other-seed")]
    done = run("inspect", *files, "--json", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    assert "2 FAMILIES" in done.stdout
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["kinship"]["families"] == [["zero-shot", "ft-03"], ["other-seed"]]
    (tmp_path / "evil.pt").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    done = run("inspect", str(tmp_path / "evil.pt"))
    assert done.returncode == 2
    assert "os.system" in done.stderr
    assert "Traceback" not in done.stderr
