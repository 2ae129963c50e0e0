from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from soupwidgets import Evaluator, Pool, Store, Suite, wise_ft
from soupwidgets.evaluation.evaluation import score_logits
from soupwidgets.evaluation.forward import Forward
from soupwidgets.evaluation.run import Run
from soupwidgets.evaluation.sharing import Share
from soupwidgets.evaluation.split_reader import SplitReader
from tests.fixtures import TINY


class Looks(TorchDispatchMode):
    """Counts how often a tensor's value is asked for, which on a card waits for everything before it."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.number += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


def test_batches_are_counted_without_waiting_for_the_device(small_suite: Suite, tmp_path: Any) -> None:
    split = small_suite.validation
    reader = SplitReader(split, TINY, torch.device("cpu"))
    run = Run(split, reader, share=Share(Store(tmp_path).claims, "a"))
    logits = torch.randn(len(split), 10)
    # The counter counts.
    with Looks() as looks:
        float(logits[0, 0])
    assert looks.number == 1
    with Looks() as looks:
        for start in range(0, len(split), 100):
            run.add(logits[start : start + 100])
    assert looks.number == 0
    in_own_order = np.empty((len(split), 10), dtype=np.float32)
    in_own_order[reader.order] = logits.numpy()
    assert np.array_equal(run.logits, in_own_order)
    found, expected = run.score(), score_logits(split, in_own_order)
    assert found.correct == expected.correct
    assert abs(found.loss - expected.loss) < 1e-6
    assert found.loss_sd is not None
    assert expected.loss_sd is not None
    assert abs(found.loss_sd - expected.loss_sd) < 1e-6


class Waits(TorchFunctionMode):
    """Counts what waits for a card: a value that is asked for, or tensors that are moved to memory."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        asks = (Tensor.cpu, Tensor.tolist, Tensor.item, Tensor.__bool__, Tensor.__float__, Tensor.__int__)
        self.number += function in asks
        return function(*args, **(kwargs or {}))


def test_a_result_that_is_shown_waits_once(tiny_pool: Pool, small_suite: Suite, tmp_path: Any) -> None:
    ev = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path), precision="float32")
    # Its checkpoints are read and looked at then.
    ev.warm_up(wise_ft(tiny_pool, "ft-a", 0.3))
    found = []
    with Waits() as waits:
        before = 0
        for evaluation in ev.stream(wise_ft(tiny_pool, "ft-a", 0.4), ["val"]):
            found.append((evaluation["val"].seen, waits.number - before))
            before = waits.number
    # With the last one the logits come too, to be stored.
    assert found == [(64, 1), (320, 1), (400, 2)]


def test_what_nobody_watches_waits_for_its_result_alone(
    tiny_pool: Pool, small_suite: Suite, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soupwidgets.evaluation.run.TOLD_EVERY", float("inf"))
    ev = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path), precision="float32")
    ev.warm_up(wise_ft(tiny_pool, "ft-a", 0.3))
    with Waits() as waits:
        whole = ev.evaluate(wise_ft(tiny_pool, "ft-a", 0.4), ["val", "noise"])
    # For each split its first sample, which others may wait for, its sums, and its logits to be stored.
    assert waits.number == 6
    again = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "2"), precision="float32")
    *_, watched = again.stream(wise_ft(tiny_pool, "ft-a", 0.4), ["val", "noise"])
    assert watched == whole
    # Somebody else who looks on while it is made is not forgotten.
    monkeypatch.setattr("soupwidgets.evaluation.run.TOLD_EVERY", 0.0)
    with Waits() as waits:
        ev.evaluate(wise_ft(tiny_pool, "ft-a", 0.5), ["val"])
    assert waits.number == 4


def test_who_joins_a_pass_that_nobody_watched_sees_how_far_it_is(
    tiny_pool: Pool, small_suite: Suite, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same process, and in another one with the same store."""
    monkeypatch.setattr("soupwidgets.evaluation.run.TOLD_EVERY", float("inf"))
    ev, other = (
        Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path), precision="float32") for _ in range(2)
    )
    recipe, go_on, forward, passes = wise_ft(tiny_pool, "ft-a", 0.4), threading.Event(), Forward.__call__, list[int]()

    def slow(self: Forward, inputs: Tensor) -> Tensor:
        passes.append(len(inputs))
        # All splits have had their first samples in two passes, and some the second.
        if len(passes) >= 6:
            assert go_on.wait(60)
            time.sleep(0.2)
        return forward(self, inputs)

    for one in (ev, other):
        one.warm_up(recipe)
    monkeypatch.setattr(Forward, "__call__", slow)
    first = threading.Thread(target=ev.evaluate, args=(recipe,))
    first.start()
    try:
        while len(passes) < 6:
            assert first.is_alive()
            time.sleep(0.01)
        heard = next(other.stream(recipe))
        go_on.set()
        joined = next(ev.stream(recipe))
    finally:
        go_on.set()
        first.join()
    assert not heard.exact
    assert min(score.seen for score in heard.scores.values()) >= 64
    assert min(score.seen for score in joined.scores.values()) >= 64
    assert not joined.exact


def test_what_neighbours_predict_is_checked_with_one_look_more(
    tiny_pool: Pool, small_suite: Suite, tmp_path: Any
) -> None:
    ev = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path), precision="float32")
    for alpha in (0.4, 0.6):
        ev.evaluate(wise_ft(tiny_pool, "ft-a", alpha), ["val"])
    found = []
    with Waits() as waits:
        before = 0
        for evaluation in ev.stream(wise_ft(tiny_pool, "ft-a", 0.5), ["val"]):
            found.append((evaluation["val"].seen, waits.number - before))
            before = waits.number
    assert found == [(32, 2), (64, 2), (320, 2), (400, 3)]
