"""Predictions beside what was measured, in numbers and words."""

from __future__ import annotations

import pytest

from soupwidgets import Evaluator, wise_ft
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.topics.prediction import Comparison, Measured, Question, accuracy, compare, figures
from soupwidgets.topics.prediction.comparison import summary


def asked(name: str = "half", **more: object) -> Question:
    return Question(name, f"Accuracy of {name}", lambda: (81.9, 81.1, 82.6), **more)  # type: ignore[arg-type]


def test_accuracy_is_the_evaluators_in_percent(tiny_evaluator: Evaluator) -> None:
    recipe = wise_ft(tiny_evaluator.pool, "ft-a", 0.5)
    found = accuracy(tiny_evaluator, recipe, "test")()
    score = tiny_evaluator.evaluate(recipe)["test"]
    low, high = clopper_pearson(score.correct, score.seen)
    assert found == pytest.approx((100 * score.correct / score.seen, 100 * low, 100 * high))
    over_shifts = accuracy(tiny_evaluator, recipe)()
    each = [score.accuracy for score in tiny_evaluator.evaluate(recipe).scores.values() if score.role == "shift"]
    assert over_shifts.value == pytest.approx(100 * sum(each) / len(each))
    assert over_shifts.low < over_shifts.value < over_shifts.high


@pytest.mark.parametrize(
    ("predicted", "side", "words"),
    [
        (82.6, "within", "The measurement cannot tell the two apart."),
        (81.1, "within", "The measurement cannot tell the two apart."),
        (90, "above", "you said 90.0%, and 81.9% was measured (81.1% to 82.6%): 8.1 points lower."),
        (71.9, "below", "you said 71.9%, and 81.9% was measured (81.1% to 82.6%): 10.0 points higher."),
    ],
)
def test_the_distance_is_said_and_nobody_is_scolded(predicted: float, side: str, words: str) -> None:
    found = compare(asked(), predicted)
    assert found.side == side
    assert words in found.words
    assert found.apart == pytest.approx(predicted - 81.9)
    assert not any(word in found.words.lower() for word in ("wrong", "error", "mistake", "incorrect"))


def test_other_units_are_written_beside_their_numbers() -> None:
    found = Comparison(asked(unit="nats", low=0, high=3, step=0.1, digits=2), 1.5, Measured(1.0, 0.9, 1.1))
    assert found.words.endswith(
        "you said 1.50 nats, and 1.00 nats was measured (0.90 nats to 1.10 nats): 0.50 nats lower."
    )


def test_the_largest_surprise_is_named_where_units_are_the_same() -> None:
    found = [compare(asked("a"), 82), compare(asked("b"), 60), compare(asked("c"), 99)]
    assert summary(found).startswith("1 of 3 predictions lie within")
    assert "“Accuracy of b”, 21.9 points away" in summary(found)
    mixed = [*found, Comparison(asked("d", unit="nats"), 5.0, Measured(1.0, 0.9, 1.1))]
    assert summary(mixed) == "1 of 4 predictions lie within the 95% interval of what was measured."
    assert "surprise" not in summary(found[:1])


def test_the_figure_has_both_beside_each_other_with_the_interval() -> None:
    questions = [asked("a"), asked("b")]
    measured = {"a": Measured(81.9, 81.1, 82.6), "b": Measured(120.0, 110.0, 125.0)}
    drawn = figures.predictions.plain(questions, {"a": 70.0, "b": 90.0}, measured)
    assert drawn.trace("predicted")["x"] == [70.0, 90.0]
    assert drawn.trace("measured")["x"] == [81.9, 120.0]
    assert drawn.trace("measured")["error_x"]["array"] == pytest.approx([0.7, 5.0])
    assert drawn.trace("measured")["error_x"]["arrayminus"] == pytest.approx([0.8, 10.0])
    assert drawn.trace("apart")["x"] == [70.0, 81.9, None, 90.0, 120.0, None]
    low, high = drawn.layout["xaxis"]["range"]
    assert low < 0
    assert high > 125
    assert drawn.text.count("you said") == 2


def test_before_it_is_asked_for_the_figure_says_nothing_of_what_was_measured() -> None:
    drawn = figures.predictions.plain([asked()], {"half": 70.0})
    assert [trace["uid"] for trace in drawn.data] == ["apart", "predicted"]
    assert drawn.trace("apart")["x"] == [None]
    assert "81.9" not in str((drawn.data, drawn.layout))


def test_one_axis_has_one_unit() -> None:
    with pytest.raises(ValueError, match="one axis has one unit, and the questions have 2: %, nats"):
        figures.predictions([asked("a"), asked("b", unit="nats")], {"a": 1, "b": 1})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"low": 5, "high": 5}, "low must be below high"),
        ({"low": -1e308, "high": 1e308}, "low must be below high"),
        ({"step": 0}, "a step of 0"),
        ({"step": 0.001}, "a step of 0.001 does not fit between 0 and 100"),
    ],
)
def test_what_cannot_be_asked(more: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        asked(**more)


def test_what_has_no_percent_is_not_predicted_in_percent() -> None:
    from types import SimpleNamespace

    scoring = SimpleNamespace(metric="rmse")
    ev = SimpleNamespace(suite=SimpleNamespace(validation=SimpleNamespace(scoring=scoring)))
    with pytest.raises(ValueError, match="no share that could be predicted in percent"):
        accuracy(ev, "ft-a")  # type: ignore[arg-type]
