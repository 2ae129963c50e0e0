"""Studies: identity changes nothing, numbers are the runs' own, and files come back as they were written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.suites import augmentation
from soupwidgets.topics.augmentation.study import read_augmentation_study, run_augmentation_study
from soupwidgets.topics.spectrum.label_noise import read_label_noise_study
from soupwidgets.training import Hyperparameters
from soupwidgets.training.study_files import over_seeds
from tests.fixtures import TINY

SETTINGS = Hyperparameters(seed=3, learning_rate=3e-3, epochs=4, weight_decay=0.0, batch_size=64, images=256)


@pytest.fixture
def start(tmp_path: Path) -> CheckpointFile:
    torch.manual_seed(0)
    path = tmp_path / "zero-shot.safetensors"
    write_checkpoint(path, dict(TINY.build().state_dict()), {"name": "zero-shot", "architecture": TINY.to_json()})
    return CheckpointFile(path)


def test_identity_has_affinity_and_diversity_one(start: CheckpointFile, small_folder: Path, tmp_path: Path) -> None:
    kinds = [augmentation("identity"), augmentation("rotate"), augmentation("flip")]
    study = run_augmentation_study(
        start,
        small_folder,
        folder=tmp_path / "work",
        augmentations=kinds,
        settings=SETTINGS,
        seeds=2,
        workers=1,
        progress=False,
        tell=lambda _: None,
    )
    identity = study["identity"]
    assert (identity.affinity.value, identity.diversity.value, identity.early_diversity.value) == (1.0, 1.0, 1.0)
    assert (identity.affinity_difference.value, identity.change.value, identity.entropy) == (0.0, 0.0, 0.0)
    assert identity.losses == study.losses

    # Diversity by hand, from the histories on the cards.
    def last(name: str) -> float:
        card = json.loads(CheckpointFile(tmp_path / "work" / f"{name}.safetensors").metadata["soupwidgets"])
        return float(card["history"][-1]["loss"])

    ratios = [last(f"rotate-seed{s}") / last(f"clean-seed{s}") for s in (3, 4)]
    assert study["rotate"].diversity.value == pytest.approx(np.mean(ratios))
    assert study["rotate"].training_loss.value == pytest.approx(np.mean([last(f"rotate-seed{s}") for s in (3, 4)]))
    assert study["flip"].entropy == pytest.approx(np.log(2))
    frame = study.to_frame()
    assert frame["augmentation"].tolist() == ["identity", "rotate", "flip"]
    written = study.write(tmp_path / "study.json")
    assert read_augmentation_study(written) == study
    with pytest.raises(KeyError, match="no augmentation 'shake'; it has identity"):
        study["shake"]


def test_means_over_seeds_have_students_interval() -> None:
    values = [0.3, 0.5, 0.4]
    found = over_seeds(values)
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))
    single = over_seeds([0.3])
    assert single.value == 0.3
    assert np.isnan(single.low)


@pytest.mark.parametrize("read", [read_augmentation_study, read_label_noise_study])
@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "x"}', "\0"])
def test_other_files_are_refused(read: Callable[[Path], object], content: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"x\.json"):
        read(path)


def test_malformed_studies_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for results in ([{}], [{"name": 3}], "text", None, [{"name": "a", "entropy": "much"}]):
        for fmt, read in (
            ("soupwidgets augmentation study 1", read_augmentation_study),
            ("soupwidgets label noise study 2", read_label_noise_study),
        ):
            path.write_text(json.dumps({"format": fmt, "results": results, "seeds": 1, "provenance": {}}))
            with pytest.raises(ValueError, match="malformed"):
                read(path)


def test_empty_studies_are_refused(start: CheckpointFile, small_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one augmentation"):
        run_augmentation_study(start, small_folder, folder=tmp_path, augmentations=[], settings=SETTINGS)
    with pytest.raises(ValueError, match="two augmentations are named 'flip'"):
        run_augmentation_study(
            start, small_folder, folder=tmp_path, augmentations=[augmentation("flip")] * 2, settings=SETTINGS
        )
