from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.mixing import Curve
from soupwidgets.training import Hyperparameters, TrainingError, fit_curve

QUICK = Hyperparameters(seed=0, learning_rate=1e-3, epochs=20, weight_decay=0.0, crop=1.0, batch_size=64)


@pytest.mark.slow
def test_a_curve_goes_around_a_barrier(pool: Pool, small_suite: Suite, tmp_path: Path) -> None:
    ends = ("ft-03", "other-seed")
    path = fit_curve(
        pool, small_suite, first=ends[0], second=ends[1], path=tmp_path / "bend.safetensors", settings=QUICK
    )
    bent = pool.including(path)
    assert "bend" not in bent.fine_tuned
    card = bent.checkpoints["bend"].card
    assert (card.role, card.hyperparameters["epochs"]) == ("landmark", 20)
    ev = Evaluator(bent, small_suite, device="cpu", store=Store(tmp_path / "store"))
    straight = sw.landscape.barrier(ev, *ends, alphas=3)
    for curve in sw.landscape.stream_path(ev, Curve(ends[0], "bend", ends[1]).recipes(5), ends):
        last = curve
    assert last.errors[0.0] == straight.errors[0.0]
    assert straight.barrier > 0.4
    assert last.barrier < straight.barrier / 3


def test_a_killed_curve_goes_on_to_the_same_weights(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> None:
    settings = Hyperparameters(0, 1e-3, 60, 0.0, crop=1.0, batch_size=64, images=256)
    pool = tiny_pool
    fit = partial(fit_curve, pool, small_suite, first="zero-shot", second="ft-a", kind="polygon", settings=settings)
    whole = fit(path=tmp_path / "whole.safetensors")

    def dies(done: int, _steps: int, _loss: float) -> None:
        if done == 210:
            raise KeyboardInterrupt

    state = tmp_path / "state.pt"
    target = tmp_path / "killed.safetensors"
    with pytest.raises(KeyboardInterrupt):
        fit(path=target, progress=dies, state=state)
    assert state.exists()
    assert not target.exists()
    seen: list[int] = []
    fit(path=target, progress=lambda d, *_: seen.append(d), state=state)
    assert seen[0] == 201
    hashes = [pool.including(path).checkpoints[path.stem].content_hash for path in (whole, target)]
    assert hashes[0] == hashes[1]


def test_what_cannot_be_bent(tiny_pool: Pool, suite: Suite, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="both ends"):
        fit_curve(tiny_pool, suite, first="ft-a", second="ft-a", path=tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="nobody"):
        fit_curve(tiny_pool, suite, first="ft-a", second="nobody", path=tmp_path / "x.safetensors")
    own = tiny_pool.checkpoints["ft-a"].path
    with pytest.raises(ValueError, match="would be lost"):
        fit_curve(tiny_pool, suite, first="ft-a", second="ft-b", path=own)
    without = Suite("no training", suite.classes, suite.splits)
    with pytest.raises(TrainingError, match="no training images"):
        fit_curve(tiny_pool, without, first="ft-a", second="ft-b", path=tmp_path / "x.safetensors")


def test_a_network_of_transformers_is_bent_under_its_names(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = transformers.ViTConfig(image_size=8, patch_size=4, num_labels=2, hidden_dropout_prob=0.0, **sizes)
    for seed in (0, 1):
        torch.manual_seed(seed)
        transformers.ViTForImageClassification(config).save_pretrained(tmp_path / f"model-{seed}")
    random = np.random.default_rng(0)
    pixels, labels = random.integers(0, 256, (32, 8, 8, 3), dtype=np.uint8), np.arange(32) % 2
    suite = Suite.of("mine", dict.fromkeys(("train", "val", "test"), (pixels, labels)), classes=["a", "b"])
    pool = Pool.open([tmp_path / f"model-{seed}" / "model.safetensors" for seed in (0, 1)])
    first, second = pool.names
    settings = Hyperparameters(seed=0, learning_rate=0.1, epochs=2, weight_decay=0.0, crop=1.0, batch_size=16)
    path = fit_curve(pool, suite, first=first, second=second, path=tmp_path / "bend.safetensors", settings=settings)
    ends = [dict(pool.checkpoints[name].read()) for name in (first, second)]
    bend = dict(sw.CheckpointFile(path).read())
    assert bend.keys() == ends[0].keys()
    # transformers saves them under other names than it has them in memory, and every one was trained.
    in_memory = dict(transformers.ViTForImageClassification(config).named_parameters())
    assert in_memory.keys() != bend.keys()
    assert not any(torch.equal(tensor, (ends[0][name] + ends[1][name]) / 2) for name, tensor in bend.items())
    # Of what no card, configuration or name tells, it is asked to be told.
    (tmp_path / "model-0" / "config.json").unlink()
    with pytest.raises(TrainingError, match="which network it is is neither stated nor clear"):
        fit_curve(pool, suite, first=first, second=second, path=path, settings=settings)
