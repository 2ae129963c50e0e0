"""Variants: numbers are the runs' own, nothing is trained twice, and files of others are read with suspicion."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.evaluation import Evaluator
from soupwidgets.pool import Pool
from soupwidgets.suites import Suite, augmentation
from soupwidgets.topics.augmentation.study import run_augmentation_study
from soupwidgets.topics.augmentation.variants import VariantStudy, read_variant_study, run_variant_study
from soupwidgets.training import Hyperparameters
from tests.command import run
from tests.fixtures import TINY

SETTINGS = Hyperparameters(seed=3, learning_rate=3e-3, epochs=2, weight_decay=0.0, batch_size=64, images=128)


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
def study(start: CheckpointFile, small_folder: Path, work: Path) -> VariantStudy:
    said: list[str] = []
    how: dict[str, Any] = {
        "folder": work, "settings": SETTINGS, "seeds": 2, "workers": 1, "progress": False, "tell": said.append
    }  # fmt: skip
    rotate, mixup = augmentation("rotate"), augmentation("mixup")
    run_augmentation_study(start, small_folder, augmentations=[rotate], **how)
    found = run_variant_study(start, small_folder, static=[rotate], switched_off=[mixup, rotate], share=0.5, **how)
    assert [words.partition(":")[0] for words in said] == ["4 of 4 trainings to do", "8 of 12 trainings to do"]
    return found


def history(work: Path, name: str) -> Any:
    return json.loads(CheckpointFile(work / f"{name}.safetensors").metadata["soupwidgets"])["history"]


def test_numbers_are_those_of_the_runs(study: VariantStudy, work: Path, small_suite: Suite) -> None:
    ev = Evaluator(Pool.open(sorted(work.glob("*.safetensors"))), small_suite)

    def tested(kind: str) -> Any:
        return np.array([ev.evaluate(f"{kind}-seed{s}", ["test"]).accuracy["test"] for s in (3, 4)])

    def last(kind: str) -> Any:
        return np.array([history(work, f"{kind}-seed{s}")[-1]["loss"] for s in (3, 4)])

    assert [(r.augmentation, r.variant) for r in study.results] == [
        ("rotate", "dynamic"), ("mixup", "dynamic"), ("rotate", "static"),
        ("mixup", "switched off"), ("rotate", "switched off"),
    ]  # fmt: skip
    assert study.augmented_epochs == 1
    still, off = study.of("rotate")["static"], study.of("rotate")["switched off"]
    pairs = tested("rotate static") - tested("rotate")
    low, high = stats.t.interval(0.95, 1, pairs.mean(), stats.sem(pairs))
    assert still.to_dynamic is not None
    assert still.diversity is not None
    assert (still.to_dynamic.value, still.to_dynamic.low, still.to_dynamic.high) == pytest.approx(
        (pairs.mean(), low, high)
    )
    assert still.diversity.value == pytest.approx((last("rotate static") / last("clean")).mean())
    assert still.to_clean.value == pytest.approx((tested("rotate static") - tested("clean")).mean())
    assert off.accuracy.value == pytest.approx(tested("rotate off after 1").mean())
    # What is trained without the augmentation at the end has no loss with it.
    assert off.diversity is None
    assert study.of("rotate")["dynamic"].to_dynamic is None


def test_switched_off_is_dynamic_until_then_and_clean_images_after(study: VariantStudy, work: Path) -> None:
    for name in ("rotate", "mixup"):
        dynamic, off = (study.of(name)[variant].losses for variant in ("dynamic", "switched off"))
        assert off[0] == dynamic[0]
        assert off[1] < dynamic[1]
    still = study.of("rotate")["static"]
    assert still.losses[0] != study.of("rotate")["dynamic"].losses[0]
    expected = np.mean([[e["loss"] for e in history(work, f"rotate static-seed{s}")] for s in (3, 4)], axis=0)
    assert still.losses == pytest.approx(expected)


def test_a_file_comes_back_as_it_was_written(study: VariantStudy, tmp_path: Path) -> None:
    assert read_variant_study(study.write(tmp_path / "x.json")) == study
    only_static = replace(study, augmented_epochs=None, results=study.results[:1])
    assert read_variant_study(only_static.write(tmp_path / "y.json")) == only_static
    frame = study.to_frame()
    assert frame["variant"].tolist() == [r.variant for r in study.results]
    assert frame["to_dynamic"].isna().tolist() == [True, True, False, False, False]
    assert repr(study) == "VariantStudy(rotate, mixup; 2 seeds)"
    assert "switched off" in study._repr_html_()
    assert study.of("nobody") == {}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: c.update(results="text"),
        lambda c: c["results"][0].update(variant="frozen"),
        lambda c: c["results"][0].update(variant=["dynamic"]),
        lambda c: c["results"][1].update(c["results"][0]),
        lambda c: c["results"][0].update(losses=[1.0]),
        lambda c: c["results"][0].update(accuracies=[None, None]),
        lambda c: c.update(losses=[], accuracies=[]),
        lambda c: c["results"][0].pop("to_dynamic"),
        lambda c: c["results"][0].update(accuracy=None),
        lambda c: c.update(augmented_epochs=0),
        lambda c: c.update(seeds="many"),
        lambda c: c.update(provenance=3),
    ],
)
def test_malformed_files_are_refused(
    study: VariantStudy, spoil: Callable[[dict[str, Any]], Any], tmp_path: Path
) -> None:
    path = study.write(tmp_path / "x.json")
    content = json.loads(path.read_text())
    spoil(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"x\.json: malformed"):
        read_variant_study(path)


def test_what_cannot_be_trained(start: CheckpointFile, small_folder: Path, tmp_path: Path) -> None:
    flip = augmentation("flip")
    for given, words in (
        ({}, "needs an augmentation that is static or switched off"),
        ({"static": [flip], "seeds": 0}, "one seed"),
        ({"static": [flip, flip]}, "two trainings would be named 'flip static'"),
        (
            {"static": [flip], "switched_off": [replace(flip, entropy=1.0)], "share": 0.5},
            "two trainings would be named",
        ),
        ({"static": [augmentation("mixup")]}, "cannot be static"),
        ({"static": [replace(flip, name="clean")]}, "two trainings would be named 'clean'"),
        ({"switched_off": [flip], "share": 0.1}, "a share of 0.1 of 2 epochs leaves none"),
        ({"switched_off": [flip], "share": float("nan")}, "a share of nan of 2 epochs leaves none"),
        ({"switched_off": [flip], "share": 1}, "leaves none with augmentation, or none without"),
    ):
        with pytest.raises(ValueError, match=words):
            run_variant_study(start, small_folder, folder=tmp_path / "none", settings=SETTINGS, **given)  # type: ignore[arg-type]
    assert not (tmp_path / "none").exists()


def test_the_command(start: CheckpointFile, small_folder: Path, tmp_path: Path) -> None:
    command = ["augment", "variants", "--suite", str(small_folder), "--model", str(start.path), "--epochs", "2"]
    command += ["--images", "64", "--workers", "1", "--seeds", "1", "--static", "crop:0.5"]
    command += [
        "--switched-off",
        "crop:0.5",
        "--share",
        "0.5",
        "--out",
        str(tmp_path / "v.json"),
        "--work",
        str(tmp_path / "work"),
        "--json",
        "-",
    ]
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert "4 of 4 trainings to do" in done.stderr
    study = read_variant_study(tmp_path / "v.json")
    assert [(r.augmentation, r.variant) for r in study.results] == [
        ("crop 0.5", "dynamic"), ("crop 0.5", "static"), ("crop 0.5", "switched off")
    ]  # fmt: skip
    assert json.loads(done.stdout)["augmented_epochs"] == 1
    done = run(*command, "--static", "shake")
    assert done.returncode == 2
    assert "--static shake: there is no augmentation 'shake'" in done.stderr
