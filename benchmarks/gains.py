"""What tells the gain of a soup of two before it is made? All pairs of the bundled pools, on validation images."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.table import Row
from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.topics.soup.pairs import pair_gains
from soupwidgets.topics.soup.predictors import PREDICTORS, GainPredictor, gain_predictors

ROOT = Path(__file__).parents[1]
# Measured once, in a few minutes; what is there is not measured again.
STORE = Path(tempfile.gettempdir()) / "soupwidgets-gains"
_POOLS = {"fashion": "fashion", "fashion-b": "fashion", "resnet": "fashion", "text": "text"}


def gain_rows(folder: Path = STORE) -> list[Row]:
    """One row for each predictor and pool, and one for the mean over pools."""
    pairs = {}
    for name, suite in _POOLS.items():
        ev = Evaluator(
            Pool.open(ROOT / "data" / "zoo" / name),
            Suite.open(ROOT / "data" / "suites" / suite),
            device="cpu",
            store=Store(folder),
            precision="float32",
        )
        pairs[name] = pair_gains(ev, progress=False)
    return [_row(one) for one in gain_predictors(pairs)]


def _row(one: GainPredictor) -> Row:
    low, high = one.interval
    return Row(
        f"{PREDICTORS[one.predictor]}, {one.pool}",
        f"rank correlation with the gain {one.correlation:+.2f} [{low:+.2f}, {high:+.2f}]",
        f"{one.pairs} pairs of {one.models} models, interval by models",
        one.correlation,
        "an interval without zero",
        one.tells,
    )
