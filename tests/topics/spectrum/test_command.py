"""``soupwidgets spectrum`` and ``soupwidgets augment`` give the numbers of the functions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe
from soupwidgets.suites import augmentation
from soupwidgets.topics.augmentation.study import read_augmentation_study
from soupwidgets.topics.spectrum.label_noise import read_label_noise_study
from soupwidgets.topics.spectrum.training_result import read_training_study
from tests.command import run


@pytest.fixture
def pool(tiny_evaluator: Evaluator) -> Path:
    return Path(tiny_evaluator.pool.checkpoints["ft-a"].path).parent


def test_paths(pool: Path, tiny_evaluator: Evaluator, small_folder: Path, tmp_path: Path) -> None:
    done = run(
        "spectrum", "paths", "--pool", str(pool), "--suite", str(small_folder), "--store", str(tmp_path / "cli"),
        "--pairs", "6", "--samples", "8", "--to", "invert", "--model", "ft-a", "--json", "-",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert list(report["pairs"]) == ["within a class", "between classes", "to invert"]
    paths = sw.spectrum.image_paths(tiny_evaluator.suite.id_test, "between", 6, 8)
    expected = sw.spectrum.path_spectrum(tiny_evaluator, Recipe({"ft-a": 1}), paths, progress=False)
    (model,) = report["models"]
    found = model["spectra"]["between classes"]
    assert found["centroid"]["value"] == pytest.approx(expected.centroid.value)
    assert found["density"] == pytest.approx(expected.mean.tolist())
    assert (report["window"], report["detrend"], report["unit"]) == ("hann", "linear", "cycles per path")
    made = report["provenance"]
    assert made["checkpoints"] == {"ft-a": tiny_evaluator.pool.checkpoints["ft-a"].content_hash}
    assert made["images"]["test"] == tiny_evaluator.suite.id_test.content_hash
    where = [(one["where"], one["number"], one["points"], one["seed"]) for one in made["paths"]]
    assert where[:2] == [("within a class", 6, 48, 0), ("between classes", 6, 48, 0)]
    assert made["paths"][1]["sha256"] == paths.split.content_hash


def test_images_and_the_table(pool: Path, small_folder: Path, tmp_path: Path) -> None:
    done = run(
        "spectrum", "images", "--suite", str(small_folder), "--pool", str(pool), "--images", "3",
        "--store", str(tmp_path / "cli"), "--json", str(tmp_path / "x.json"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "zero-shot on test: error" in done.stdout
    report = json.loads((tmp_path / "x.json").read_text())
    assert [one["split"] for one in report["spectra"]][:2] == ["val", "test"]
    assert len(report["sensitivity"]["error"]) == len(report["sensitivity"]["frequency"])


def test_noise_and_diversity_train_once(pool: Path, small_folder: Path, tmp_path: Path) -> None:
    common = ["--suite", str(small_folder), "--model", str(pool / "zero-shot.safetensors")]
    common += ["--epochs", "1", "--images", "64", "--workers", "1"]
    noise = ["spectrum", "noise", *common, "--radial", "0.1", "--uniform", "--independent", "--of-class", "shirt:0.2"]
    noise += ["--out", str(tmp_path / "noise.json"), "--work", str(tmp_path / "noise")]
    done = run(*noise)
    assert done.returncode == 0, done.stderr
    assert "4 of 4 trainings to do" in done.stderr
    study = read_label_noise_study(tmp_path / "noise.json")
    assert study.directions == ["radial", "uniform", "independent", "radial (shirt alone)"]
    assert study.results[3].name == "radial 0.2 of class 6"
    for word in ("minimum", "low", "high", "epoch", "radial 0.2 of class 6"):
        assert word in done.stdout
    assert "trainings" not in run(*noise).stderr

    diversity = ["augment", "diversity", *common, "--augmentation", "flip", "--augmentation", "rotate:0.5"]
    diversity += ["--seeds", "1", "--out", str(tmp_path / "aug.json"), "--work", str(tmp_path / "aug"), "--json", "-"]
    done = run(*diversity)
    assert done.returncode == 0, done.stderr
    study = read_augmentation_study(tmp_path / "aug.json")
    assert [r.name for r in study.results] == ["flip", "rotate 0.5"]
    assert json.loads(done.stdout)["results"][0]["name"] == "flip"


def test_trainings(pool: Path, small_folder: Path, tmp_path: Path) -> None:
    command = [
        "spectrum", "trainings", "--suite", str(small_folder), "--model", str(pool / "zero-shot.safetensors"),
        "--epochs", "2", "--images", "64", "--workers", "1", "--seeds", "1", "--pairs", "10", "--samples", "8",
        "--after", "1", "--augmentation", "bluenoise:0.5", "--out", str(tmp_path / "x.json"),
        "--work", str(tmp_path / "work"),
    ]  # fmt: skip
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 trainings to do" in done.stderr
    study = read_training_study(tmp_path / "x.json")
    assert [one.name for one in study.results] == ["epochs 1", "bluenoise 0.5"]
    assert "within a class, change" in done.stdout


def test_affinity(pool: Path, tiny_evaluator: Evaluator, small_folder: Path, tmp_path: Path) -> None:
    done = run(
        "augment", "affinity", "--pool", str(pool), "--suite", str(small_folder), "--store", str(tmp_path / "cli"),
        "--augmentation", "flip", "--augmentation", "invert:0.5", "--json", "-",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    expected = sw.augmentation.affinity(tiny_evaluator, Recipe({"zero-shot": 1}), augmentation("flip"))
    assert first["ratio"]["value"] == pytest.approx(expected.ratio.value)
    assert second["augmentation"] == "invert 0.5"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["spectrum", "paths", "--to", "fog"], "the suite has no split 'fog'"),
        (["spectrum", "paths", "--model", "nobody"], "nobody"),
        (["augment", "affinity", "--augmentation", "shake"], "--augmentation shake: there is no augmentation"),
        (["augment", "affinity", "--augmentation", "flip:much"], "--augmentation flip:much"),
        (["augment", "affinity", "--split", "fog"], "the suite has no split 'fog'"),
        (["spectrum", "trainings"], "one training that differs from the base"),
        (["spectrum", "trainings", "--augmentation", "shake"], "--augmentation shake: there is no augmentation"),
        (
            ["spectrum", "noise", "--of-class", "hat:1"],
            "--of-class hat:1: expected CLASS:FREQUENCY with one of the suite's",
        ),
        (["spectrum", "noise", "--of-class", "bag:much"], "such as bag:0.1"),
        (["spectrum", "noise", "--wave", "1:0.5"], "--wave 1:0.5: expected VERTICAL,HORIZONTAL:FREQUENCY"),
    ],
)
def test_bad_input_is_one_sentence(
    pool: Path, small_folder: Path, tmp_path: Path, command: list[str], words: str
) -> None:
    given = ["--pool", str(pool), "--store", str(tmp_path / "cli")]
    if "noise" in command or "trainings" in command:
        given = ["--model", str(pool / "zero-shot.safetensors"), "--out", str(tmp_path / "x.json")]
    done = run(*command, *given, "--suite", str(small_folder))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_window_and_trend_of_paths(pool: Path, tiny_evaluator: Evaluator, small_folder: Path, tmp_path: Path) -> None:
    done = run(
        "spectrum", "paths", "--pool", str(pool), "--suite", str(small_folder), "--store", str(tmp_path / "cli"),
        "--pairs", "6", "--samples", "8", "--model", "ft-a", "--window", "boxcar", "--detrend", "none",
        "--json", str(tmp_path / "paths.json"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "(probabilities, no window, nothing subtracted)" in done.stdout
    report = json.loads((tmp_path / "paths.json").read_text())
    assert (report["window"], report["detrend"]) == ("boxcar", "none")
    paths = sw.spectrum.image_paths(tiny_evaluator.suite.id_test, "within", 6, 8)
    expected = sw.spectrum.path_spectrum(
        tiny_evaluator, Recipe({"ft-a": 1}), paths, window="boxcar", detrend="none", progress=False
    )
    found = report["models"][0]["spectra"]["within a class"]
    assert found["centroid"]["value"] == pytest.approx(expected.centroid.value)
    assert found["density"] == pytest.approx(expected.mean.tolist())


def test_the_release_and_another_statistic(
    pool: Path, tiny_evaluator: Evaluator, small_folder: Path, tmp_path: Path
) -> None:
    done = run(
        "spectrum", "paths", "--pool", str(pool), "--suite", str(small_folder), "--store", str(tmp_path / "cli"),
        "--pairs", "6", "--samples", "8", "--model", "ft-a", "--treatment", "release", "--detrend", "linear",
        "--statistic", "power", "--json", str(tmp_path / "paths.json"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "Power, with 95% intervals (distance of the probabilities from the start, no window, straight line subtracted)."
    )
    paths = sw.spectrum.image_paths(tiny_evaluator.suite.id_test, "within", 6, 8)
    expected = sw.spectrum.path_spectrum(
        tiny_evaluator, Recipe({"ft-a": 1}), paths, treatment=sw.spectrum.RELEASE, detrend="linear", progress=False
    )
    report = json.loads((tmp_path / "paths.json").read_text())
    found = report["models"][0]["spectra"]["within a class"]
    assert (report["values"], report["statistic"]) == ("distance", "power")
    assert found["power"]["value"] == pytest.approx(expected.power.value)
    assert found["share"]["value"] == pytest.approx(expected.share.value)
    assert f"{expected.power.value:.3g} [" in done.stdout


def test_sensitivity_of_two_and_of_many(
    pool: Path, tiny_evaluator: Evaluator, small_folder: Path, tmp_path: Path
) -> None:
    common = ["spectrum", "sensitivity", "--pool", str(pool), "--suite", str(small_folder), "--pairs", "6"]
    common += ["--samples", "8", "--store", str(tmp_path / "cli")]
    done = run(*common, "--model", "ft-a", "--model", "zero-shot", "--json", str(tmp_path / "two.json"))
    assert done.returncode == 0, done.stderr
    recipes = {name: Recipe({name: 1}) for name in ("ft-a", "zero-shot")}
    within, between = json.loads((tmp_path / "two.json").read_text())["questions"]
    paths = sw.spectrum.image_paths(tiny_evaluator.suite.id_test, "within", 6, 8)
    expected = sw.spectrum.sensitivity(tiny_evaluator, recipes, paths)
    assert expected.words in done.stdout
    assert (within["subject"], within["reference"], between["paths"]) == ("ft-a", "zero-shot", "between classes")
    assert [a["found"]["value"] for a in within["answers"]] == pytest.approx([a.found.value for a in expected.answers])
    few = run(*common, "--model", "ft-a")
    assert few.returncode == 2
    assert "a trend needs at least 4 models, got 1" in few.stderr
