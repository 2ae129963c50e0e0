from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from soupwidgets import Store, Suite
from soupwidgets.evaluation.evaluation import score_logits
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
