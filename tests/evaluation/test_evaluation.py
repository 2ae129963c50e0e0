from __future__ import annotations

import pytest

from soupwidgets import Recipe
from soupwidgets.evaluation import Evaluation, SplitScore, fill_intervals
from soupwidgets.stats.figure import Figure


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


def test_a_published_accuracy_of_unknown_size_has_no_interval() -> None:
    nothing = Figure("accuracy", 0.8, float("nan"), float("nan"))
    unknown = SplitScore("shift", 1, 1, 0, float("nan"), figure=nothing)
    evaluation = Evaluation(Recipe({"a": 1}), {"fog": unknown, "test": SplitScore("id_test", 10, 10, 9, 0.1)})
    for text in (repr(evaluation), evaluation._repr_html_()):
        assert "80.00% (size unknown, no interval)" in text
        assert "nan" not in text
        assert "of 10 images" in text
    fog, test = evaluation.to_records()
    assert (fog["n"], fog["correct"], fog["accuracy"]) == (None, None, 0.8)
    assert (test["n"], test["correct"]) == (10, 9)
    frame = evaluation.to_frame().set_index("split")
    assert frame.loc["fog", ["images", "correct", "low", "high"]].isna().all()
    assert frame.loc["test", "images"] == 10
