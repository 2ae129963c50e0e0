"""The linear probe against logistic regression of scikit-learn, and what comes after it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from soupwidgets import CheckpointFile, Suite
from soupwidgets.checkpoints import CARD_KEY
from soupwidgets.models import ImageClassifier, Images
from soupwidgets.training import Hyperparameters, fine_tune
from soupwidgets.training.linear_probe import linear_probe
from soupwidgets.training.views import Views
from tests.fixtures import ZOO

QUICK = Hyperparameters(seed=0, learning_rate=1e-3, epochs=1, weight_decay=0.0, batch_size=50, crop=1.0, images=200)


@pytest.fixture(scope="module")
def zero_shot() -> CheckpointFile:
    return CheckpointFile(ZOO / "zero-shot.safetensors")


def history(path: Path) -> list[dict[str, float]]:
    found: list[dict[str, float]] = json.loads(CheckpointFile(path).metadata[CARD_KEY])["history"]
    return found


def test_it_comes_to_the_optimum_of_logistic_regression(small_suite: Suite) -> None:
    """On four features, where the classes overlap and the optimum is no limit at infinity."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    split = small_suite.training
    assert split is not None
    labels = torch.from_numpy(split.labels.astype(np.int64))
    settings = replace(QUICK, epochs=600, learning_rate=0.05, batch_size=len(split))
    views = Views(split, Images(mean=0.0, std=1.0, size=(28, 28)), settings=settings, device=torch.device("cpu"))
    visual = nn.Sequential(nn.AvgPool2d(14), nn.Flatten(), nn.LazyLinear(4, bias=False))
    torch.manual_seed(0)
    model = ImageClassifier(visual, 4, classes=10)
    visual(torch.zeros(1, 3, 28, 28))
    tower = visual[2].weight.detach().clone()
    history = linear_probe(model, views, labels, settings=settings, progress=lambda *_: None)
    assert torch.equal(visual[2].weight, tower)
    with torch.inference_mode():
        features = F.normalize(visual(views.normalise(views.plain(np.arange(len(split))).float() / 255)), dim=-1)
        loss = float(F.cross_entropy(model.head(features), labels))
    best = linear_model.LogisticRegression(C=np.inf, fit_intercept=False, max_iter=20_000, tol=1e-8)
    x = features.double().numpy()
    best.fit(x, split.labels)
    optimum = -np.mean(best.predict_log_proba(x)[np.arange(len(split)), split.labels])
    assert optimum - 1e-6 <= loss < optimum + 0.002 * (history[0]["loss"] - optimum)


def test_what_was_killed_after_the_probe_does_not_probe_again(
    zero_shot: CheckpointFile, small_suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soupwidgets.training import finetune, loop

    settings = replace(QUICK, mode="lp-ft", epochs=2)
    whole = fine_tune(zero_shot, small_suite, settings=settings, target=tmp_path / "whole.safetensors")
    original = loop.train
    monkeypatch.setattr(finetune, "train", lambda *a, **k: original(*a, **{**k, "save_every": 2}))

    class Killed(Exception):  # noqa: N818
        pass

    phases: list[tuple[str, int]] = []

    def kill(what: str, done: int, _steps: int, _loss: float) -> None:
        phases.append((what, done))
        if phases.count(("fine-tuning", 7)) == 1 and done == 7 and what == "fine-tuning":
            raise Killed

    given = {"settings": settings, "target": tmp_path / "cut.safetensors", "state": tmp_path / "state.pt"}
    with pytest.raises(Killed):
        fine_tune(zero_shot, small_suite, progress=kill, **given)
    assert [phase for phase in phases if phase[1] == 1] == [("linear probe", 1), ("fine-tuning", 1)]
    phases.clear()
    phases.append(("fine-tuning", 7))
    fine_tune(zero_shot, small_suite, progress=kill, **given)
    assert phases[1:] == [("fine-tuning", 7), ("fine-tuning", 8)]
    assert CheckpointFile(tmp_path / "cut.safetensors").content_hash == CheckpointFile(whole).content_hash
    # A state that is left by another mode does not stand for a probe.
    phases.clear()
    with pytest.raises(Killed):
        fine_tune(zero_shot, small_suite, progress=kill, **given)
    probe = replace(settings, mode="linear-probe")
    probed = fine_tune(zero_shot, small_suite, **{**given, "settings": probe, "target": tmp_path / "lp.safetensors"})
    head = dict(CheckpointFile(probed).read())["head.weight"]
    assert not torch.equal(head, dict(zero_shot.read())["head.weight"].float())
    assert len(history(probed)) == 2
