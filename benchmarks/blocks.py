"""A profile by block, which leaves out what comes before the block, beside one that computes every model whole."""

from __future__ import annotations

import time
from pathlib import Path
from unittest.mock import patch

import numpy as np

import soupwidgets as sw
from benchmarks.sweep import ROOT
from benchmarks.table import Row
from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.evaluation import computation
from soupwidgets.topics.landscape.blocks import BlockProfile

PAIR = ("zero-shot", "ft-03")


def block_row(folder: Path, split: str = "test") -> Row:
    """Both sides with the weights in memory and an empty store."""
    pool, suite = Pool.open(ROOT / "data" / "zoo" / "fashion"), Suite.open(ROOT / "data" / "suites" / "fashion")

    def profile(side: str) -> tuple[float, BlockProfile]:
        ev = Evaluator(pool, suite, device="cpu", store=Store(folder / side))
        ev.warm_up(PAIR[0])
        start = time.perf_counter()
        found = sw.landscape.block_profile(ev, *PAIR, split=split, progress=False)
        return time.perf_counter() - start, found

    ours, one = profile("ours")
    with patch.object(computation, "chain_of", return_value=None):
        whole, other = profile("whole")
    assert np.array_equal(one.error, other.error)
    return Row(
        f"profile of {len(one.blocks)} blocks, {one.error.size} models on {len(suite.splits[split]):,} images",
        f"{ours:.1f} s",
        f"every model from its first layer: {whole:.1f} s",
        whole / ours,
        ">= 1.3 times faster",
        whole / ours >= 1.3,
    )
