"""Who pays along alpha: classes, slices and groups; and what a mixture gets that its ends do not."""

from __future__ import annotations

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, alpha_sweep
from soupwidgets.evaluation import right_answers
from soupwidgets.suites.slices import SliceSplit


def test_classes_are_the_same_as_before_with_wider_intervals(small_evaluator: Evaluator) -> None:
    sweep = alpha_sweep(small_evaluator, "ft-03", alphas=3, progress=False)
    alone = sw.alpha.class_curves(sweep.evaluations, small_evaluator.suite)
    together = sw.alpha.group_curves(sweep.evaluations, small_evaluator.suite)
    for one, other in zip(alone, together, strict=True):
        assert (one.name, one.images) == (other.name, other.images)
        np.testing.assert_array_equal(one.accuracy, other.accuracy)
        assert (np.diff(other.interval) >= np.diff(one.interval) - 1e-12).all()
    ends = sweep[0.0], sweep[1.0]
    expected = sw.alpha.class_changes(*ends, small_evaluator.suite)
    assert sw.alpha.group_changes(*ends, small_evaluator.suite) == expected


def test_slices_may_overlap(small_evaluator: Evaluator) -> None:
    suite = small_evaluator.suite
    test = suite.id_test
    sliced = suite.with_slices([SliceSplit("first", test, range(150)), SliceSplit("middle", test, range(100, 300))])
    groups = sw.alpha.groups_of(sliced, sliced.id_test, "slice")
    assert {name: int(own.sum()) for name, own in groups.items()} == {"first": 150, "middle": 200}
    before, after = (small_evaluator.evaluate(name, ["test"]) for name in ("zero-shot", "ft-03"))
    changes = {c.name: c for c in sw.alpha.group_changes(before, after, sliced, groups=groups)}
    right = right_answers(after, test)
    assert changes["middle"].after == pytest.approx(right[100:300].mean())
    with pytest.raises(ValueError, match="no slice to compare"):
        sw.alpha.groups_of(suite, by="slice")
    with pytest.raises(ValueError, match="no group to compare"):
        sw.alpha.groups_of(suite, by="group")


def test_two_classes_of_one_name_stay_two() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    suite = sw.Suite.of("birds", {part: (np.zeros((6, 4), np.float32), labels) for part in ("val", "test")},
                        classes=["crane", "duck", "crane"])  # fmt: skip
    groups = sw.alpha.groups_of(suite)
    assert {name: int(own.sum()) for name, own in groups.items()} == {"crane (0)": 3, "duck": 2, "crane (2)": 1}


def test_of_many_classes_the_worst_are_drawn() -> None:
    table = np.diag(np.full(200, 50))
    table[150, 20] = 40
    drawn = sw.alpha.figures.confusion.plain(table, [f"class {i}" for i in range(200)], "test", 0.5)
    names = drawn.trace("confusion")["x"]
    assert len(names) == 30
    assert {"class 20", "class 150"} <= set(names)
    assert "Of 200 classes" in drawn.text


def test_those_who_pay_are_named(evaluator: Evaluator) -> None:
    """Of the zoo's ten classes, T-shirts lose most halfway to ft-03."""
    ends = (
        evaluator.evaluate("zero-shot", ["test"]),
        evaluator.evaluate(sw.wise_ft(evaluator.pool, "ft-03", 0.5), ["test"]),
    )
    losing = sw.alpha.regressions(sw.alpha.group_changes(*ends, evaluator.suite))
    assert losing[0].name == "T-shirt"
    assert all(one.difference < 0 and one.p_value <= 0.05 for one in losing)


def test_eight_cases_by_hand(small_evaluator: Evaluator) -> None:
    ev, test = small_evaluator, small_evaluator.suite.id_test
    three = [ev.evaluate(one, ["test"]) for one in ("zero-shot", "ft-03", sw.wise_ft(ev.pool, "ft-03", 0.5))]
    found = sw.alpha.between(*three, test)
    first, last, mixed = (one.split_logits("test").argmax(axis=1) == test.labels for one in three)
    assert found.examples == len(test)
    assert found.gained.tolist() == [i for i in range(len(test)) if not first[i] and not last[i] and mixed[i]]
    assert found.lost.tolist() == [i for i in range(len(test)) if first[i] and last[i] and not mixed[i]]
    assert found.counts[False, False, True] == len(found.gained)
    assert sum(n for (_, _, right), n in found.counts.items() if right) == mixed.sum()


def test_a_confusion_matrix_against_scikit_learn(small_evaluator: Evaluator) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    found = small_evaluator.evaluate("zero-shot", ["test"])
    test = small_evaluator.suite.id_test
    said = found.split_logits("test").argmax(axis=1)
    table = sw.alpha.confusion(found, test, 10)
    np.testing.assert_array_equal(table, metrics.confusion_matrix(test.labels, said, labels=range(10)))
    assert np.diag(table).sum() / table.sum() == pytest.approx(found.accuracy["test"])


def test_choosing_by_the_worst_class(small_evaluator: Evaluator) -> None:
    """The metric of the suite decides what 'best' means, for sweeps and for every method; validation alone is asked."""
    ev = small_evaluator.with_suite(small_evaluator.suite.scored_by("worst_class"))
    sweep = alpha_sweep(ev, "ft-03", alphas=5, progress=False)
    labels = ev.suite.validation.labels
    worst = {}
    for alpha in sweep.alphas:
        said = sweep[alpha].split_logits("val").argmax(axis=1)
        worst[alpha] = min((said[labels == label] == label).mean() for label in range(10))
        assert sweep[alpha].accuracy["val"] == pytest.approx(worst[alpha])
    assert worst[sweep.best_alpha()] == max(worst.values())
    assert sweep.most_robust_alpha() <= sweep.best_alpha()
