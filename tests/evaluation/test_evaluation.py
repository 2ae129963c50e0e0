from __future__ import annotations

import pytest

from soupwidgets import Recipe
from soupwidgets.evaluation import Evaluation, SplitScore, fill_intervals
from soupwidgets.evaluation.metrics import Figure


def test_mean_over_shifts_weighs_each_shift_the_same() -> None:
    scores = {
        "val": SplitScore("validation", 10, 10, 10, 0.0),
        "test": SplitScore("id_test", 10, 10, 9, 0.1),
        "small": SplitScore("shift", 10, 10, 5, 0.5),
        "large": SplitScore("shift", 1000, 1000, 900, 0.3),
    }
    evaluation = Evaluation(Recipe({"a": 1}), scores)
    assert evaluation.shift_accuracy == pytest.approx((0.5 + 0.9) / 2)
    low, high = evaluation.shift_interval
    assert low < 0.7 < high
    assert [record["split"] for record in evaluation.to_records()] == list(scores)
    assert evaluation.logits == {}


def test_intervals_worked_out_together_are_those_worked_out_alone() -> None:
    counts = [(0, 10), (10, 10), (3, 10), (624, 1250), (4999, 5000)]
    alone = [SplitScore("shift", n, n, k, 0.1) for k, n in counts]
    together = [SplitScore("shift", n, n, k, 0.1) for k, n in counts]
    other = SplitScore("shift", 10, 10, 3, 0.1, figure=Figure("macro_f1", 0.4, 0.3, 0.5))
    fill_intervals([*together, other])
    assert all("interval" in vars(score) for score in together)
    assert [score.interval for score in together] == [score.interval for score in alone]
    assert other.interval == (0.3, 0.5)
    fill_intervals([])


def test_no_shift_no_mean() -> None:
    evaluation = Evaluation(Recipe({"a": 1}), {"test": SplitScore("id_test", 10, 10, 9, 0.1)})
    with pytest.raises(ValueError, match="no distribution shift"):
        _ = evaluation.shift_accuracy
