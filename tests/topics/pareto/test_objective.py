"""What chooses never judges, and values are those of the images that they are said to be of."""

from __future__ import annotations

import numpy as np
import pytest

from soupwidgets import Evaluator, Recipe, Suite
from soupwidgets.evaluation import right_answers
from soupwidgets.stats.intervals import clopper_pearson, mean_interval
from soupwidgets.topics.pareto import Objective, halves
from soupwidgets.topics.pareto.objective import choices, needed, parsed


def test_no_image_chooses_and_judges(small_suite: Suite) -> None:
    for split in small_suite.splits.values():
        chooses, judges = halves(split)
        assert sorted([*chooses, *judges]) == list(range(len(split)))
        if split.role == "shift":
            # Half of every class, give or take one image.
            for label in np.unique(split.labels):
                of = [int((split.labels[rows] == label).sum()) for rows in (chooses, judges)]
                assert abs(of[0] - of[1]) <= 1
    assert len(halves(small_suite.validation)[1]) == 0
    assert len(halves(small_suite.id_test)[0]) == 0


def test_shifts_of_the_same_images_are_halved_alike(small_suite: Suite) -> None:
    same = [
        (a, b) for a in small_suite.shifts for b in small_suite.shifts
        if a is not b and np.array_equal(a.labels, b.labels)
    ]  # fmt: skip
    assert same
    for a, b in same:
        np.testing.assert_array_equal(halves(a)[0], halves(b)[0])


def test_values_on_both_halves(small_evaluator: Evaluator) -> None:
    suite = small_evaluator.suite
    evaluation = small_evaluator.evaluate(Recipe({"ft-03": 0.4, "zero-shot": 0.6}))
    right = {s.name: right_answers(evaluation, s) for s in suite.splits.values() if s.role != "train"}
    val, shifts, noise = parsed(["val", "shifts", "noise:worst_class"], suite)
    assert val.chosen_by(evaluation, suite) == right["val"].mean()
    judged = val.judged_by(evaluation, suite)
    assert judged.value == right["test"].mean()
    assert (judged.low, judged.high) == evaluation.interval["test"]
    chosen = [right[s.name][halves(s)[0]].mean() for s in suite.shifts]
    assert shifts.chosen_by(evaluation, suite) == pytest.approx(np.mean(chosen), abs=1e-12)
    other = [right[s.name][halves(s)[1]] for s in suite.shifts]
    judged = shifts.judged_by(evaluation, suite)
    assert judged.value == pytest.approx(np.mean([one.mean() for one in other]), abs=1e-12)
    limits = [tuple(clopper_pearson(one.sum(), len(one))) for one in other]
    assert (judged.low, judged.high) == pytest.approx(mean_interval([one.mean() for one in other], limits))
    labels, rows = suite.splits["noise"].labels, halves(suite.splits["noise"])[0]
    by_class = [right["noise"][rows][labels[rows] == label].mean() for label in np.unique(labels[rows])]
    assert noise.chosen_by(evaluation, suite) == pytest.approx(min(by_class))


def test_what_is_measured(small_suite: Suite) -> None:
    asked = parsed(["val", "noise"], small_suite)
    assert needed(asked, small_suite) == ["val", "noise"]
    assert needed(asked, small_suite, judging=True) == ["test", "noise"]
    assert choices(small_suite)[:2] == ["val", "shifts"]
    assert [one.name for one in parsed(None, small_suite)] == ["val", "shifts"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["test", "shifts"], "nothing is chosen by the ID test 'test': choose by 'val'"),
        (["val", "fog"], "'fog' is nothing to choose by; there are val, shifts, rotate"),
        (["val:beauty", "shifts"], "'beauty' is not a metric"),
        (["val"], "two objectives at least, got 1"),
        (["val", "shifts", "val"], "an objective is named twice: val, shifts, val"),
    ],
)
def test_faults_are_named(small_suite: Suite, given: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parsed(given, small_suite)


def test_names_are_read_back(small_suite: Suite) -> None:
    for text in ("val", "shifts:worst_class", "noise"):
        assert Objective.parse(text, small_suite).name == text
