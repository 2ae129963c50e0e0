from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from soupwidgets import Evaluator
from soupwidgets.evaluation.prefetch import Prefetch
from soupwidgets.evaluation.split_reader import SplitReader
from soupwidgets.suites.in_memory import ArraySplit
from tests.fixtures import TINY


def test_the_next_batch_is_gathered_while_the_last_one_is_used() -> None:
    gathered, seen = threading.Event(), []

    def gather(start: int, stop: int) -> int:
        seen.append((start, stop, threading.current_thread() is threading.main_thread()))
        if start:
            gathered.set()
        return start

    ahead = Prefetch(gather, 10)
    assert ahead(0, 4) == 0
    assert gathered.wait(10)
    assert ahead(4, 8) == 4
    assert ahead(8, 10) == 8
    assert seen == [(0, 4, False), (4, 8, False), (8, 10, False)]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_examples_that_stay_on_a_card_stay_what_they_are(dtype: type) -> None:
    """Normalised in place, batch after batch, numbers in float32 would be normalised again and again."""
    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28)).astype(dtype)
    split = ArraySplit("val", {"images": images}, np.arange(6))
    expected = SplitReader(split, TINY, torch.device("cpu")).batch(0, 6)
    reader = SplitReader(split, TINY, torch.device("cpu"))
    reader._resident = reader._gather(reader.order)
    for _ in range(2):
        assert torch.equal(reader.batch(0, 6), expected)  # type: ignore[arg-type]
        assert torch.equal(reader.pick(reader.order)[0], expected)  # type: ignore[arg-type]


def test_an_error_is_raised_where_the_batch_is_asked_for() -> None:
    def gather(start: int, stop: int) -> int:
        if start:
            raise OSError("truncated")
        return stop

    ahead = Prefetch(gather, 4)
    assert ahead(0, 2) == 2
    with pytest.raises(OSError, match="truncated"):
        ahead(2, 4)
    assert ahead(0, 2) == 2


def test_a_pass_with_batches_gathered_ahead_is_the_same(tiny_evaluator: Evaluator) -> None:
    split = tiny_evaluator.suite.validation
    plain, ahead = (SplitReader(split, tiny_evaluator.architecture, torch.device("cpu")) for _ in range(2))
    ahead._ahead = Prefetch(ahead._fetched, len(ahead))
    for start, stop in [(0, 64), (64, 320), (320, 400), (64, 128), (0, 400)]:
        assert torch.equal(plain.batch(start, stop), ahead.batch(start, stop))
