"""Label noise in training: minima of noise fitting by hand from the cards, one class alone, controls, and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from soupwidgets import Suite
from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.topics.spectrum import LabelNoiseStudy, NoiseResult, NoiseRun, read_label_noise_study
from soupwidgets.topics.spectrum.label_noise import run_label_noise_study
from soupwidgets.training import Hyperparameters, LabelNoise, TrainingError, fine_tune
from tests.fixtures import TINY

SETTINGS = Hyperparameters(seed=3, learning_rate=3e-3, epochs=3, weight_decay=0.0, batch_size=64, images=128)
NOISES = [
    LabelNoise(0.1), LabelNoise(0.05), LabelNoise(0.2, direction=(1, 0)), LabelNoise(0.1, of_class=2),
    LabelNoise(0.0, 0.5, "uniform"), LabelNoise(0.0, 0.5, "independent"),
]  # fmt: skip


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> CheckpointFile:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("start") / "zero-shot.safetensors"
    write_checkpoint(path, dict(TINY.build().state_dict()), {"name": "zero-shot", "architecture": TINY.to_json()})
    return CheckpointFile(path)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def study(start: CheckpointFile, small_folder: Path, work: Path) -> LabelNoiseStudy:
    quiet: dict[str, Any] = {"workers": 1, "progress": False, "tell": lambda _: None}
    return run_label_noise_study(start, small_folder, folder=work, noises=NOISES, settings=SETTINGS, seeds=2, **quiet)


def history(work: Path, name: str) -> list[dict[str, float]]:
    card = json.loads(CheckpointFile(work / f"{name}.safetensors").metadata["soupwidgets"])
    return list(card["history"])


def test_results_are_those_of_the_trainings(study: LabelNoiseStudy, work: Path) -> None:
    assert study.directions == ["radial", "wave 1,0", "radial (pullover alone)", "uniform", "independent"]
    assert [r.frequency for r in study.along("radial")] == [0.05, 0.1]
    first = study.results[0]
    assert ([run.seed for run in first.runs], study.seeds, len(first.fitting)) == ([3, 4], 2, 3)
    by_hand = [[e["validation loss"] - e["noisy validation loss"] for e in history(work, f"radial 0.1-seed{s}")]
               for s in (3, 4)]  # fmt: skip
    assert first.fitting == pytest.approx(np.mean(by_hand, axis=0))
    assert len(study.to_frame()) == 3 * len(NOISES)
    with pytest.raises(KeyError, match="no noise along 'random'; it has radial"):
        study.along("random")


def test_the_minimum_is_taken_for_each_seed(study: LabelNoiseStudy, work: Path) -> None:
    by_hand = [[e["validation loss"] - e["noisy validation loss"] for e in history(work, f"radial 0.1-seed{s}")]
               for s in (3, 4)]  # fmt: skip
    lows = [min(curve) for curve in by_hand]
    found = study.results[0].minimum
    assert found.value == pytest.approx(np.mean(lows))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 1, np.mean(lows), stats.sem(lows)))
    row = study.minima().set_index("noise").loc["radial 0.1"]
    assert row["epoch"] == np.mean([1 + curve.index(low) for curve, low in zip(by_hand, lows, strict=True)])
    assert (row["minimum"], row["low"], row["high"]) == (found.value, found.low, found.high)


def test_the_minimum_is_not_that_of_the_mean() -> None:
    # The mean of these two is -1 in both epochs, the mean of their minima -2.
    runs = tuple(NoiseRun(i, tuple(f), (0.0, 0.0), (0.0, 0.1), (0.5, 0.5)) for i, f in enumerate([(-2, 0), (0, -2)]))
    one = NoiseResult("radial 1", "radial", 1.0, 0.5, runs)
    assert one.fitting == (-1, -1)
    assert (one.minimum.value, one.minimum_epoch.value) == (-2, 1.5)
    single = NoiseResult("radial 1", "radial", 1.0, 0.5, runs[:1])
    assert (single.minimum.value, single.minimum_epoch.value) == (-2, 1)
    assert np.isnan(single.minimum.low)


def test_noise_of_one_class_is_measured_on_its_images(study: LabelNoiseStudy, work: Path, small_suite: Suite) -> None:
    last = history(work, "radial 0.1 of class 2-seed3")[-1]
    path = work / "radial 0.1 of class 2-seed3.safetensors"
    model = TINY.build()
    model.load_state_dict(dict(CheckpointFile(path).read()))
    val, assert_on = small_suite.validation, small_suite.validation.labels == 2
    pixels = (torch.from_numpy(val.images[assert_on].copy()).float() / 255 - TINY.mean) / TINY.std
    with torch.no_grad():
        logits = model.eval()(pixels[:, None].expand(-1, 3, -1, -1)).log_softmax(1).double().numpy()
    assert small_suite.training is not None
    noise = LabelNoise(0.1)
    shares = noise.values(val.images[assert_on], noise.offset(small_suite.training.images[:128]))
    own = -logits[:, 2]
    assert last["clean validation loss"] == pytest.approx(own.mean(), rel=1e-4)
    noisy = (1 - shares) * own - shares * logits.mean(axis=1)
    assert last["noisy validation loss"] == pytest.approx(noisy.mean(), rel=1e-4)
    of_class = study.along("radial (pullover alone)")[0].runs[0]
    assert (of_class.clean_losses[-1], of_class.noisy_losses[-1]) == (
        last["clean validation loss"], last["noisy validation loss"],
    )  # fmt: skip


def test_controls_are_not_followed(study: LabelNoiseStudy, work: Path) -> None:
    assert "followed" not in history(work, "uniform-seed3")[0]
    (uniform,), (independent,) = study.along("uniform"), study.along("independent")
    assert np.isnan(uniform.followed).all()
    # A tiny model after three epochs follows nothing anyway: the closed form is in tests/training.
    assert abs(independent.followed[-1]) < 0.1
    assert uniform.frequency == independent.frequency == 0


def test_files_come_back_as_they_were_written(study: LabelNoiseStudy, tmp_path: Path) -> None:
    read = read_label_noise_study(study.write(tmp_path / "noise.json"))
    # NaN is not equal to itself; there is nothing else in which they differ.
    assert repr(read.results) == repr(study.results)
    assert [r.runs for r in read.results if r.name != "uniform"] == [
        r.runs for r in study.results if r.name != "uniform"
    ]
    assert read.provenance["hyperparameters"] == study.provenance["hyperparameters"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(format="soupwidgets label noise study 1"), "soupwidgets label noise study 2"),
        (lambda c: c.update(results=[]), "at least one noise"),
        (lambda c: c["results"][0].update(runs=[]), "one training of one epoch"),
        (lambda c: c["results"][0]["runs"].pop(), "different numbers of seeds"),
        (lambda c: c["results"][0]["runs"][0]["followed"].pop(), "curves of"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(study: LabelNoiseStudy, tmp_path: Path, change: Any, words: str) -> None:
    path = study.write(tmp_path / "noise.json")
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=words):
        read_label_noise_study(path)


def test_what_cannot_be_studied_is_said(start: CheckpointFile, small_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one noise"):
        run_label_noise_study(start, small_folder, folder=tmp_path, noises=NOISES, settings=SETTINGS, seeds=0)
    beyond = [LabelNoise(1.0, of_class=10)]
    with pytest.raises(ValueError, match="radial 1 of class 10: the suite has 10 classes, numbered from 0"):
        run_label_noise_study(start, small_folder, folder=tmp_path, noises=beyond, settings=SETTINGS)


def test_a_class_that_no_image_has_is_said(start: CheckpointFile, small_suite: Suite, tmp_path: Path) -> None:
    assert small_suite.training is not None
    trained, watched = small_suite.training.labels[:1], small_suite.validation.labels[:1]
    few = Hyperparameters(seed=0, learning_rate=1e-3, epochs=1, weight_decay=0.0, batch_size=1, images=1)
    absent = next(c for c in range(10) if c not in trained)
    with pytest.raises(TrainingError, match=f"labels of class {absent}, and no training image has that class"):
        fine_tune(start, small_suite, settings=few, target=tmp_path / "x", noise=LabelNoise(1.0, of_class=absent))
    assert trained[0] != watched[0]
    with pytest.raises(TrainingError, match="none of the first 1 validation images is of class"):
        fine_tune(
            start, small_suite, settings=few, target=tmp_path / "x", watch=1,
            noise=LabelNoise(1.0, of_class=int(trained[0])),
        )  # fmt: skip
