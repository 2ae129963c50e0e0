from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Recipe, Store, Suite, alpha_sweep, greedy_soup
from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.methods import SoupMethod, all_methods, method_named
from soupwidgets.suites import SliceSplit, write_slice
from soupwidgets.topics.soup.report import make_soup, to_text
from tests.command import run
from tests.fixtures import ROOT, SUITE, ZOO
from tests.suites import trees


def test_the_command_is_there_and_ends_with_a_status() -> None:
    """As a shell calls it: a process of its own. All other tests stay within theirs."""
    command = [sys.executable, "-m", "soupwidgets.cli", "inspect", "nowhere.pt"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert "nowhere.pt" in done.stderr
    assert "Traceback" not in done.stderr


def test_sweep_prints_the_evaluators_numbers(tiny_evaluator: Evaluator, small_folder: Path, tmp_path: Path) -> None:
    evaluator = tiny_evaluator
    pool = str(evaluator.pool.checkpoints["ft-a"].path.parent)
    done = run(
        "sweep", "--pool", pool, "--suite", str(small_folder), "--fine-tuned", "ft-a", "--alphas", "3",
        "--json", str(tmp_path / "out.json"), "--store", str(evaluator.store.folder),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sweep = alpha_sweep(evaluator, "ft-a", alphas=3, progress=False)
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["best_alpha_by_validation"] == sweep.best_alpha()
    for entry in written["alphas"]:
        evaluation = sweep[entry["alpha"]]
        assert {name: row["accuracy"] for name, row in entry["splits"].items()} == evaluation.accuracy
        assert entry["mean_ood"]["accuracy"] == evaluation.shift_accuracy
    assert f"{100 * sweep[0.5].accuracy['test']:.2f}" in done.stdout


def test_frontier_prints_what_the_store_knows(tiny_evaluator: Evaluator, small_folder: Path, tmp_path: Path) -> None:
    evaluator = tiny_evaluator
    pool = str(evaluator.pool.checkpoints["ft-a"].path.parent)
    alpha_sweep(evaluator, "ft-a", alphas=3, progress=False)
    done = run(
        "frontier", "--pool", pool, "--suite", str(small_folder), "--baselines", "data/baselines/fashion.csv",
        "--json", str(tmp_path / "out.json"), "--store", str(evaluator.store.folder),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out.json").read_text())
    front = sw.frontier.models(evaluator)
    assert [row["model"] for row in report["models"]] == [m.name for m in front.models]
    assert [row["model"] for row in report["models"] if row["not_beaten"]] == sorted(
        front.pareto(), key=[m.name for m in front.models].index
    )
    others = sw.frontier.read_accuracy_table(ROOT / "data" / "baselines" / "fashion.csv")
    shifts = [s.name for s in evaluator.suite.shifts]
    line = sw.frontier.fit_baseline(sw.frontier.matching_points(others, shifts, None), "logit")
    assert report["baseline"]["slope"] == pytest.approx(line.slope)
    zero_shot = report["models"][0]
    expected = sw.frontier.effective_robustness(front.points()["zero-shot"], line)
    assert zero_shot["effective_robustness"]["value"] == pytest.approx(expected.value)
    assert f"effective robustness {expected.value:+.1f}" in done.stdout
    wrong = run("frontier", "--pool", pool, "--suite", str(small_folder), "--shift", "fog", "--store", str(tmp_path))
    assert wrong.returncode == 2
    assert "no shift 'fog'; it has rotate, noise" in wrong.stderr


def test_suite_build_says_what_is_missing_and_check_what_changed(tmp_path: Path) -> None:
    root = trees.imagenet(tmp_path / "imagenet")
    (root / "val" / "n01440764" / "n01440764_1.JPEG").write_bytes(b"cut")
    trees.by_folder(tmp_path / "fog", ["tench", "loggerhead sea turtle"])
    done = run(
        "suite", "build", "--out", str(tmp_path / "suite"), "--id", f"imagenet={root}", "--val", f"imagenet={root}",
        "--shift", f"fog:folder={tmp_path / 'fog'}", "--size", "24", "--json", str(tmp_path / "out.json"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    splits = {row["split"]: row for row in json.loads((tmp_path / "out.json").read_text())["splits"]}
    assert (splits["test"]["images"], splits["val"]["images"], splits["fog"]["images"]) == (14, 15, 4)
    assert "n01440764_1.JPEG: cannot be read as an image" in done.stdout
    assert "995 of 1000 classes have no folder" in done.stdout
    again = run("suite", "check", str(tmp_path / "suite"))
    assert again.returncode == 0, again.stderr
    assert again.stdout == done.stdout
    pixels = np.load(tmp_path / "suite" / "fog.images.npy")
    np.save(tmp_path / "suite" / "fog.images.npy", 255 - pixels)
    changed = run("suite", "check", str(tmp_path / "suite"))
    assert changed.returncode == 2
    assert "content differs from the suite's manifest" in changed.stderr
    wrong = run("suite", "build", "--out", str(tmp_path / "x"), "--id", "imagenet", "--val", f"imagenet={root}")
    assert "KIND=PATH is expected" in wrong.stderr


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


def test_soups_are_written_with_their_trace(small_evaluator: Evaluator, small_folder: Path, tmp_path: Path) -> None:
    evaluator, out = small_evaluator, tmp_path / "soup.safetensors"
    common = (
        "--pool",
        str(ZOO),
        "--suite",
        str(small_folder),
        "--store",
        str(evaluator.store.folder),
        "--out",
        str(out),
    )
    names = [word for name in ("ft-00", "ft-03", "ft-05") for word in ("--ingredient", name)]
    done = run("soup", "greedy", *common, *names, "--json", str(tmp_path / "trace.json"))
    assert done.returncode == 0, done.stderr
    made = greedy_soup(evaluator, ["ft-00", "ft-03", "ft-05"], progress=False)
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert trace["recipe"] == dict(made.recipe)
    assert [step["candidate"] for step in trace["steps"]] == [step.candidate for step in made.steps]
    assert trace["splits"]["test"]["accuracy"] == evaluator.evaluate(made.recipe).accuracy["test"]
    assert CheckpointFile(out).card.name == "soup"

    assert trace["share_of_passes"] == made.share_of_passes

    done = run("soup", "uniform", "--pool", str(ZOO), "--out", str(tmp_path / "all.pt"))
    assert done.returncode == 0, done.stderr
    assert "uniform, 22 checkpoints mixed" in done.stdout
    for method in ("greedy", "fisher"):
        done = run("soup", method, "--pool", str(ZOO), "--out", str(out))
        assert done.returncode == 2
        assert "--suite" in done.stderr


# The tiny network has no layers that `lines` could tell apart.
METHODS = [method for method in all_methods() if method.name != "lines"]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_leaves_a_file_that_is_measured_as_it_was(
    method: SoupMethod, tiny_evaluator: Evaluator, tmp_path: Path
) -> None:
    ev, out = tiny_evaluator, tmp_path / "soup.safetensors"
    options = {name: 0.5 for name in ("scale", "density", "drop") if name in method.options}
    report = make_soup(method, ev.pool, ev, out, options=options)
    saved = Evaluator(Pool.open([out]), ev.suite, device="cpu", store=Store(tmp_path / "other"))
    again = saved.evaluate(Recipe({"soup": 1}))
    assert {name: row["accuracy"] for name, row in report["splits"].items()} == again.accuracy
    assert json.loads(json.dumps(report)) == report
    assert f"{100 * again.accuracy['test']:.2f}" in to_text(report)
    assert ("recipe" in report) == (not method.writes_file)


def test_without_a_suite_nothing_is_measured(small_evaluator: Evaluator, tmp_path: Path) -> None:
    report = make_soup(method_named("lines"), small_evaluator.pool, None, tmp_path / "soup.safetensors")
    assert "splits" not in report
    assert report["by_tensor"]["head.weight"]["ft-00"] == pytest.approx(1 / 22)
    assert report["by_tensor"]["visual.conv1.weight"] == {"zero-shot": 1}
    with pytest.raises(ValueError, match="name two with --ingredient, not 22"):
        make_soup(method_named("slerp"), small_evaluator.pool, None, tmp_path / "other.safetensors")


def test_the_report_says_what_is_odd(small_evaluator: Evaluator, tmp_path: Path) -> None:
    names, uniform = ["zero-shot", "ft-03", "bad-lr"], method_named("uniform")
    report = make_soup(uniform, small_evaluator.pool, small_evaluator, tmp_path / "soup.safetensors", names)
    zero_shot, *barriers = report["advice"]
    assert "'zero-shot' is the zero-shot model" in zero_shot
    assert any("'bad-lr'" in advice and "barrier" in advice for advice in barriers)
    assert "note: " in to_text(report)


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


def test_a_slice_is_an_axis_and_a_row(tiny_evaluator: Evaluator, small_folder: Path, tmp_path: Path) -> None:
    suite = tiny_evaluator.suite
    path = write_slice(tmp_path / "mine.json", SliceSplit("mine", suite.id_test, range(0, 390, 3), "they matter"))
    pool = str(Path(tiny_evaluator.pool.checkpoints["ft-a"].path).parent)
    common = ["--pool", pool, "--suite", str(small_folder), "--store", str(tmp_path / "cli")]
    common += ["--slice", str(path), "--json", "-"]
    done = run("sweep", *common, "--fine-tuned", "ft-a", "--alphas", "2")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)["alphas"][1]["splits"]["mine"]
    logits = tiny_evaluator.evaluate(Recipe({"ft-a": 1}), ["test"]).logits["test"]
    assert (row["n"], row["role"]) == (130, "slice")
    assert row["correct"] == (logits.argmax(1) == suite.id_test.labels)[0:390:3].sum()
    done = run("frontier", *common, "--shift", "mine")
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["ood"], json.loads(done.stdout)["ood_name"]) == ("mine", "mine (single-label)")
    # A slice has two accuracies; the tables say which of them they show.
    tables = [word for word in common if word not in ("--json", "-")]
    head, *_ = run("sweep", *tables, "--fine-tuned", "ft-a", "--alphas", "2").stdout.splitlines()
    assert head.split("  ")[-2].strip() == "mine (single-label)"
    assert "  mine (single-label) %" in run("frontier", *tables, "--shift", "mine").stdout.splitlines()[0]
    assert "  Mean OOD %" in run("frontier", *tables).stdout.splitlines()[0]
    assert "has no shift 'fog'; it has rotate" in run("frontier", *common, "--shift", "fog").stderr


@pytest.mark.parametrize("command", ["sweep --fine-tuned zero-shot", "frontier --sweep zero-shot"])
def test_no_sweep_goes_from_the_zero_shot_model_to_itself(
    tiny_evaluator: Evaluator, small_folder: Path, tmp_path: Path, command: str
) -> None:
    pool = str(tiny_evaluator.pool.checkpoints["ft-a"].path.parent)
    words = ["--pool", pool, "--suite", str(small_folder), "--store", str(tmp_path / "cli"), "--device", "cpu"]
    done = run(*command.split(), *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(
        "'zero-shot' is the zero-shot model, where the sweep begins: name a model that was fine-tuned from it, "
        "for example ft-a\n"
    )


def test_frontier_takes_the_baselines_test_by_its_name(
    tiny_evaluator: Evaluator, small_folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "others.csv"
    table.write_text("model,dataset,accuracy\na,mine,0.5\na,noise,0.25\nb,mine,0.75\nb,noise,0.5\n")
    pool = str(tiny_evaluator.pool.checkpoints["ft-a"].path.parent)
    words = ["frontier", "--pool", pool, "--suite", str(small_folder), "--baselines", str(table), "--shift", "noise",
             "--store", str(tiny_evaluator.store.folder)]  # fmt: skip
    wrong = run(*words)
    assert wrong.returncode == 2
    assert "none of which is known as the in-distribution test" in wrong.stderr
    assert "--id-test NAME" in wrong.stderr
    done = run(*words, "--id-test", "mine")
    assert done.returncode == 0, done.stderr
    assert "line of 2 baseline models" in done.stdout


def test_suites_of_arrays_are_checked(tmp_path: Path) -> None:
    x = np.zeros((6, 5), dtype=np.float32)
    several = np.eye(3, dtype=np.int64)[[0, 1, 1, 0, 1, 0]]
    for task, labels, said in (
        ("regression", x[:, 0], "numbers to predict, scored by r2"),
        ("multi-label", several, "2 of 3 classes, scored by average_precision"),
    ):
        suite = Suite.of("mine", dict.fromkeys(("val", "test"), (x, labels)), task=task)  # type: ignore[arg-type]
        done = run("suite", "check", str(suite.save(tmp_path / task)), "--json", str(tmp_path / "out.json"))
        assert done.returncode == 0, done.stderr
        assert f"val: validation, 6 examples (inputs [5]), {said}" in done.stdout
        row = json.loads((tmp_path / "out.json").read_text())["splits"][0]
        assert (row["task"], row["size"], row["examples"]) == (task, None, "inputs [5]")
