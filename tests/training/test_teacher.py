"""What changes a study's trainings: a teacher, an augmentation that stands still, and one that ends early."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from soupwidgets import CheckpointFile, Suite
from soupwidgets.checkpoints import write_checkpoint
from soupwidgets.suites import Augmentation, augmentation
from soupwidgets.training import Hyperparameters, LabelNoise, TrainingError, fine_tune
from soupwidgets.training.teacher import taught
from soupwidgets.training.views import Views
from tests.fixtures import TINY

SETTINGS = Hyperparameters(
    seed=0, learning_rate=1e-3, epochs=2, weight_decay=0.0, batch_size=32, images=96, crop=1.0, flip=0.0
)


@pytest.fixture
def start(tmp_path: Path) -> CheckpointFile:
    torch.manual_seed(0)
    path = tmp_path / "zero-shot.safetensors"
    write_checkpoint(path, dict(TINY.build().state_dict()), {"name": "zero-shot", "architecture": TINY.to_json()})
    return CheckpointFile(path)


def trained(start: CheckpointFile, suite: Suite, target: Path, **how: Any) -> dict[str, Any]:
    settings = how.pop("settings", SETTINGS)
    fine_tune(start, suite, settings=settings, target=target, **how)
    card: dict[str, Any] = json.loads(CheckpointFile(target).metadata["soupwidgets"])
    return card


def test_a_student_learns_what_its_teacher_says(start: CheckpointFile, small_suite: Suite, tmp_path: Path) -> None:
    assert small_suite.training is not None
    targets = taught(start, small_suite, settings=SETTINGS, device="cpu")
    # The teacher's probabilities, by hand.
    model = TINY.build()
    model.load_state_dict(dict(start.read()))
    model.eval()
    pixels = torch.from_numpy(np.array(small_suite.training.images[:96]))[:, None].float() / 255
    views = Views(small_suite.training, TINY.inputs, settings=SETTINGS, device=torch.device("cpu"))
    with torch.no_grad():
        expected = F.softmax(model(views.normalise(pixels)), dim=1)
    torch.testing.assert_close(targets, expected)

    # A student that starts as its teacher has nothing to learn but the entropy of what is said.
    card = trained(start, small_suite, tmp_path / "s.safetensors", teacher=start)
    entropy = float(-(expected * expected.log()).sum(dim=1).mean())
    assert card["history"][0]["loss"] == pytest.approx(entropy, rel=0.02)
    assert card["teacher"] == start.content_hash
    with pytest.raises(TrainingError, match="noise on its labels, or a teacher"):
        trained(start, small_suite, tmp_path / "x.safetensors", teacher=start, noise=LabelNoise(0.1))
    linear = replace(SETTINGS, mode="linear-probe")
    with pytest.raises(TrainingError, match="no noise, no teacher"):
        trained(start, small_suite, tmp_path / "x.safetensors", teacher=start, settings=linear)


def test_a_static_augmentation_looks_the_same_in_every_epoch(small_suite: Suite) -> None:
    assert small_suite.training is not None
    rows, plain = np.arange(8), np.arange(8)[::-1].copy()

    def shown(one: Augmentation, epoch: int, which: Any = rows) -> torch.Tensor:
        views = Views(
            small_suite.training, TINY.inputs, settings=SETTINGS, device=torch.device("cpu"), augmentation=one
        )
        return views.show(which, np.random.default_rng(epoch))

    moving = augmentation("rotate")
    still = replace(moving, static=True)
    assert not torch.equal(shown(moving, 0), shown(moving, 1))
    assert torch.equal(shown(still, 0), shown(still, 1))
    # Whatever its place in a batch, and by the same transform.
    assert torch.equal(shown(still, 2, plain), shown(still, 0).flip(0))
    once = moving.once(np.asarray(small_suite.training.images[:96]), SETTINGS.seed)[:8]
    np.testing.assert_array_equal((shown(still, 0) * 255).round().byte().numpy()[:, 0], once)
    with pytest.raises(ValueError, match="'mixup' mixes pairs of each step: it cannot be static"):
        replace(augmentation("mixup"), static=True)


@pytest.mark.parametrize("name", ["rotate", "mixup"])
def test_an_augmentation_ends_when_it_is_told(
    name: str, start: CheckpointFile, small_suite: Suite, tmp_path: Path
) -> None:
    one = augmentation(name)

    def losses(label: str, **how: Any) -> list[float]:
        card = trained(start, small_suite, tmp_path / f"{label}.safetensors", **how)
        return [epoch["loss"] for epoch in card["history"]]

    plain, whole = losses("plain"), losses("whole", augmentation=one)
    assert losses("never", augmentation=one, augmented_epochs=0) == plain
    assert losses("always", augmentation=one, augmented_epochs=2) == whole
    half = losses("half", augmentation=one, augmented_epochs=1)
    assert half[0] == whole[0]
    assert half[1] not in (plain[1], whole[1])
    # Other runs are other files, and a state of one is none of another.
    card = json.loads(CheckpointFile(tmp_path / "half.safetensors").metadata["soupwidgets"])
    assert card["augmented_epochs"] == 1
