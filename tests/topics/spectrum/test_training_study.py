"""Trainings that differ in one thing: means and differences by hand, identity, what is resumed, and files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from soupwidgets import Evaluator, Pool, Recipe, Suite
from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.suites import augmentation
from soupwidgets.topics.spectrum import (
    TrainedModel,
    TrainingResult,
    TrainingStudy,
    figures,
    image_paths,
    path_spectrum,
    read_training_study,
    run_training_study,
)
from soupwidgets.topics.spectrum.treatment import OURS, RELEASE, Treatment
from soupwidgets.training import Hyperparameters, TrainingError
from tests.fixtures import TINY

SETTINGS = Hyperparameters(
    seed=3, learning_rate=3e-3, epochs=2, weight_decay=0.0, batch_size=64, images=128, crop=0.5, mixup=0.3
)
DIFFERING: dict[str, Any] = {
    "epochs": [1], "widths": [24], "layers": [2], "images": [64], "self_distillation": True,
    "augmentations": [augmentation("identity"), augmentation("pinknoise", 0.5)],
}  # fmt: skip
QUIET: dict[str, Any] = {"workers": 1, "progress": False, "pairs": 10, "samples": 16}


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
def study(start: CheckpointFile, small_folder: Path, work: Path) -> TrainingStudy:
    said: list[str] = []
    found = run_training_study(
        start, small_folder, folder=work, settings=SETTINGS, seeds=2, tell=said.append, **DIFFERING, **QUIET
    )
    assert len(said) == 4
    return found


def card(work: Path, name: str) -> dict[str, Any]:
    return dict(json.loads(CheckpointFile(work / f"{name}.safetensors").metadata["soupwidgets"]))


def test_trainings_differ_in_one_thing(study: TrainingStudy, work: Path) -> None:
    assert [(one.name, one.kind) for one in study.results] == [
        ("epochs 1", "training time"), ("width 24", "architecture"), ("layers 2", "architecture"),
        ("images 64", "images"), ("identity", "augmentation"), ("pinknoise 0.5", "augmentation"),
        ("self-distillation", "self-distillation"),
    ]  # fmt: skip
    base = card(work, "base-seed3")
    assert (base["hyperparameters"]["crop"], base["hyperparameters"]["mixup"]) == (1.0, 0.0)
    assert card(work, "images 64-seed4")["hyperparameters"] == base["hyperparameters"] | {"images": 64, "seed": 4}
    width = card(work, "width 24-seed3")["architecture"]["vision_cfg"]
    assert width == base["architecture"]["vision_cfg"] | {"width": 24}
    assert card(work, "layers 2-seed3")["architecture"]["vision_cfg"]["layers"] == 2
    teacher = CheckpointFile(work / "base-seed4.safetensors")
    assert card(work, "self-distillation-seed4")["teacher"] == teacher.content_hash
    assert card(work, "pinknoise 0.5-seed3")["augmentation"] == "pinknoise 0.5"


def test_what_is_equal_to_the_base_has_difference_0(study: TrainingStudy) -> None:
    identity = next(one for one in study.results if one.name == "identity")
    assert identity.models == study.base.models
    change = identity.accuracy_change(study.base)
    assert (change.value, change.low, change.high) == (0, 0, 0)
    assert identity.frequency_change(study.base, "between classes", RELEASE, "power").value == 0
    told = study.sensitivity("within a class").set_index("training")
    assert told.loc["identity"].tolist() == [0, 0, 45]


def test_numbers_are_those_of_the_models(study: TrainingStudy, work: Path, small_suite: Suite) -> None:
    ev = Evaluator(Pool.open([work / "base-seed3.safetensors", work / "images 64-seed3.safetensors"]), small_suite)
    paths = {kind: image_paths(small_suite.id_test, kind, 10, 16) for kind in ("within", "between")}
    images = next(one for one in study.results if one.name == "images 64")
    for name, result in (("base-seed3", study.base), ("images 64-seed3", images)):
        recipe, model = Recipe({name: 1}), result.models[0]
        assert model.seed == 3
        assert model.accuracy == ev.evaluate(recipe, ["test"]).accuracy["test"]
        for treatment, statistic in ((OURS, "centroid"), (RELEASE, "power"), (Treatment("logits"), "share")):
            found = [
                path_spectrum(ev, recipe, one, treatment=treatment, progress=False).number(statistic).value  # type: ignore[arg-type]
                for one in paths.values()
            ]
            wanted = [model.frequency(kind, treatment, statistic) for kind in ("within a class", "between classes")]  # type: ignore[arg-type]
            assert wanted == pytest.approx(found)


def test_an_earlier_epoch_is_the_base_run_on_its_way(study: TrainingStudy, work: Path, small_suite: Suite) -> None:
    early = work / "epochs" / "base-seed3-epoch-01.safetensors"
    ev = Evaluator(Pool.open([early]), small_suite)
    found = ev.evaluate(Recipe({early.stem: 1}), ["test"]).accuracy["test"]
    assert study.results[0].models[0].accuracy == found
    # The second epoch's is the run itself.
    last = dict(CheckpointFile(work / "epochs" / "base-seed3-epoch-02.safetensors").read())
    assert all(torch.equal(last[k], v) for k, v in CheckpointFile(work / "base-seed3.safetensors").read())


def made(name: str, accuracies: list[float], within: list[float]) -> TrainingResult:
    models = [
        TrainedModel(
            i,
            a,
            {
                ("within a class", OURS, "centroid"): w,
                ("between classes", OURS, "centroid"): 2.0,
                ("within a class", RELEASE, "power"): 3 - w,
            },
        )
        for i, (a, w) in enumerate(zip(accuracies, within, strict=True))
    ]
    return TrainingResult(name, "images", tuple(models))


BY_HAND = TrainingStudy(
    made("base", [0.5, 0.6, 0.7], [1.0, 1.2, 1.1]), (made("more", [0.55, 0.67, 0.79], [0.9, 1.0, 0.8]),), {}
)


def test_differences_are_paired() -> None:
    more = BY_HAND.results[0]
    differences = [0.05, 0.07, 0.09]
    low, high = stats.t.interval(0.95, 2, np.mean(differences), stats.sem(differences))
    change = more.accuracy_change(BY_HAND.base)
    assert (change.value, change.low, change.high) == pytest.approx((0.07, low, high))
    # Unpaired, this interval would reach below 0.
    assert low > 0 > more.accuracy.low - BY_HAND.base.accuracy.high
    assert more.frequency_change(BY_HAND.base, "within a class").value == pytest.approx(-0.2)
    row = BY_HAND.to_frame().iloc[1]
    assert (row["training"], row["accuracy"]) == ("more", pytest.approx(0.67))
    assert row["within a class, change"] == pytest.approx(-0.2)
    assert row["between classes, change"] == 0
    with pytest.raises(KeyError, match="no power 'within a class' was measured with probabilities, Hann window"):
        more.frequency("within a class", OURS, "power")


def test_what_flips_is_counted() -> None:
    # By one of two measures predictions change more slowly, by the other faster: by one and the same amount.
    told = BY_HAND.sensitivity("within a class").iloc[0]
    change = BY_HAND.results[0].frequency_change(BY_HAND.base, "within a class")
    clear = int(change.high < 0)
    assert told.tolist() == ["more", clear, clear, 2 - 2 * clear]
    assert BY_HAND.sensitivity("between classes").iloc[0].tolist() == ["more", 0, 0, 1]
    far = replace(BY_HAND, results=(made("far", [0.5, 0.6, 0.7], [0.1, 0.31, 0.2]),))
    assert far.sensitivity("within a class").iloc[0].tolist() == ["far", 1, 1, 0]


def test_the_figure_has_differences_and_intervals() -> None:
    figure = figures.accuracy_and_frequency(BY_HAND, "within a class")
    (points,) = figure.data
    np.testing.assert_allclose([points.x[0], points.y[0]], [-0.2, 7])
    differences = [5, 7, 9]
    np.testing.assert_allclose(points.error_y.array[0], 4.302653 * np.std(differences, ddof=1) / np.sqrt(3), rtol=1e-6)
    words = figure.layout.meta["text"]
    assert "whose accuracy and mean frequency are 60.0% and 1.1: more -0.2 [" in words
    assert "3 trainings each" in words
    # A model whose predictions do not change along any path has no frequency, and no place in the figure.
    silent = replace(BY_HAND, results=(made("silent", [0.1] * 3, [float("nan")] * 3),))
    assert not figures.accuracy_and_frequency(silent, "within a class").data


def test_finished_runs_are_read(study: TrainingStudy, start: CheckpointFile, small_folder: Path, work: Path) -> None:
    def told(words: str) -> None:
        raise AssertionError(words)

    again = run_training_study(
        start, small_folder, folder=work, settings=SETTINGS, seeds=2, tell=told, **DIFFERING, **QUIET
    )
    assert again == study


def test_files_come_back_as_they_were_written(study: TrainingStudy, tmp_path: Path) -> None:
    assert read_training_study(study.write(tmp_path / "study.json")) == study


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(format="soupwidgets label noise study 2"), "training frequency study 2"),
        (lambda c: c["results"][0]["models"].pop(), "other seeds than the base training"),
        (lambda c: c["base"]["models"][0].update(seed=9), "other seeds than the base training"),
        (lambda c: c["results"][0]["models"][0]["numbers"].pop(), "malformed"),
        (lambda c: c["measures"][0].update(window="wide"), "no window 'wide'"),
        (lambda c: c["measures"].append(c["measures"][0]), "stands twice"),
        (lambda c: c["base"].update(models=[]), "other seeds"),
        (lambda c: c["base"].update(name=3), "expected a short text"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, change: Any, words: str) -> None:
    path = BY_HAND.write(tmp_path / "study.json")
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=words):
        read_training_study(path)


@pytest.mark.parametrize(
    ("differs", "words"),
    [
        ({}, "one training that differs"),
        ({"epochs": [2]}, "the base run has 2 epochs: it cannot be measured earlier, after 2"),
        ({"images": [10]}, "images 10: expected a number from one batch"),
        ({"images": [128]}, "and not the base's"),
        ({"widths": [20]}, "width 20: expected a multiple of 8, the width of a head, and not 16"),
        ({"layers": [1]}, "layers 1: expected a number from 1 on, and not 1, which is the base's"),
        ({"augmentations": [augmentation("flip")] * 2}, "two augmentations have one name: flip, flip"),
    ],
)
def test_what_cannot_be_studied_is_said(
    start: CheckpointFile, small_folder: Path, tmp_path: Path, differs: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        run_training_study(start, small_folder, folder=tmp_path, settings=SETTINGS, **differs, **QUIET)
    assert not list(tmp_path.iterdir())


def test_models_of_earlier_epochs_that_are_gone_are_said(
    study: TrainingStudy, start: CheckpointFile, small_folder: Path, work: Path
) -> None:
    gone = work / "epochs" / "base-seed4-epoch-01.safetensors"
    kept = gone.rename(work / "kept")
    with pytest.raises(TrainingError, match=r"is gone: delete .*base-seed4.safetensors to train it again"):
        run_training_study(start, small_folder, folder=work, settings=SETTINGS, seeds=2, epochs=[1], **QUIET)
    kept.rename(gone)
