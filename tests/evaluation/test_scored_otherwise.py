"""Another score of the same examples comes from the logits that the store has: no example is evaluated again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soupwidgets import Evaluator, Recipe, Store, Suite
from soupwidgets.suites import CollapsedClasses, SliceSplit

RECIPE = Recipe({"ft-a": 0.5, "ft-b": 0.5})
SPLITS = ["val", "test", "noise"]


def changed(suite: Suite, how: str) -> Suite:
    if how == "collapsed":
        return suite.collapsed(CollapsedClasses({"shirt": ["T-shirt", "coat"]}))
    if how == "label sets":
        return suite.with_label_sets({"test": {row: [int(suite.id_test.labels[row]), 3] for row in range(200)}})
    if how == "slice":
        # In an order of its own, and as long as what it is a slice of.
        rows = np.arange(len(suite.id_test))[::-1]
        return suite.with_slices([SliceSplit("backwards", suite.id_test, rows)]).scored_by("macro_f1")
    return suite.scored_by("worst_class").scored_by(how)


@pytest.mark.parametrize("how", ["worst_class", "macro_f1", "balanced_accuracy", "label sets", "collapsed", "slice"])
def test_nothing_is_evaluated_again(how: str, tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    ev = tiny_evaluator
    ev.evaluate(RECIPE, SPLITS)
    suite = changed(ev.suite, how)
    splits = [*SPLITS, "backwards"] if how == "slice" else SPLITS
    other = Evaluator(ev.pool, suite, device="cpu", store=ev.store)
    found = other.evaluate(RECIPE, splits)
    assert other.forward_images == 0
    assert [one.recipe for one in other.measured(splits)] == [RECIPE]
    fresh = Evaluator(ev.pool, suite, device="cpu", store=Store(tmp_path / "fresh")).evaluate(RECIPE, splits)
    for name in splits:
        one, same = found.scores[name], fresh.scores[name]
        assert (one.correct, one.total) == (same.correct, same.total)
        assert (one.figure is None) == (same.figure is None)
        if one.figure is not None and same.figure is not None:
            assert (one.figure.metric, one.figure.value) == (same.figure.metric, pytest.approx(same.figure.value))
            # Some intervals are drawn from examples in the order in which they were measured.
            limits = one.figure.low, one.figure.high
            assert limits == pytest.approx((same.figure.low, same.figure.high), abs=0.01)
        assert one.loss == pytest.approx(same.loss)
        np.testing.assert_array_equal(found.logits[name].argmax(axis=1), fresh.logits[name].argmax(axis=1))
    # It is filed, and found without being scored once more.
    assert len(ev.store.get([other.key(RECIPE, suite["test"])])) == 1


def test_what_is_missing_is_measured(tiny_evaluator: Evaluator) -> None:
    tiny_evaluator.evaluate(RECIPE, ["val"])
    other = tiny_evaluator.with_suite(tiny_evaluator.suite.scored_by("macro_f1"))
    other.evaluate(RECIPE, ["val", "test"])
    assert other.forward_images == len(other.suite["test"])


def test_logits_of_bfloat16_are_of_no_use_to_scores_that_look_at_probabilities(tiny_evaluator: Evaluator) -> None:
    store = tiny_evaluator.store
    half = Evaluator(tiny_evaluator.pool, tiny_evaluator.suite, device="cpu", store=store, precision="bfloat16")
    half.evaluate(RECIPE, ["val"])
    for metric, images in (("macro_f1", 0), ("auroc", len(half.suite["val"]))):
        other = half.with_suite(half.suite.scored_by(metric))
        other.evaluate(RECIPE, ["val"])
        assert other.forward_images == images, metric
