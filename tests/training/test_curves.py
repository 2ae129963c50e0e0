from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

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
