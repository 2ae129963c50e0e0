"""The frontier by the worst class and by the worst slice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as reference

import soupwidgets as sw
from soupwidgets import Evaluator
from soupwidgets.evaluation import right_answers
from soupwidgets.suites.slices import SliceSplit
from soupwidgets.topics.frontier.report import frontier_report
from soupwidgets.widgets import FrontierExplorer


def sliced(ev: Evaluator) -> Evaluator:
    suite = ev.suite
    slices = [
        SliceSplit("first", suite.id_test, range(150)),
        SliceSplit("middle", suite.id_test, range(100, 300)),
        # Models are chosen by these.
        SliceSplit("of validation", suite.validation, range(5)),
    ]
    return ev.with_suite(suite.with_slices(slices))


def test_the_worst_class_by_hand(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    evaluations = [ev.evaluate(name) for name in ev.pool.names]
    seen = ev.forward_images
    result = sw.frontier.models(ev, worst_class=True)
    assert ev.forward_images == seen
    points = result.points("blur")
    for evaluation in evaluations:
        (name,) = evaluation.recipe
        for split, value in (("test", points[name].id), ("blur", points[name].ood)):
            labels = ev.suite.splits[split].labels
            right = right_answers(evaluation, ev.suite.splits[split])
            assert value == min(right[labels == label].mean() for label in np.unique(labels))
    drawn = sw.frontier.figures.models(result, "blur")
    assert drawn.layout.yaxis.title.text == "OOD (blur) accuracy of the worst class, %"
    # The mean over shifts is that of the worst class of each.
    worst = [result[name].evaluation for name in ev.pool.names]
    assert result.points()[ev.pool.names[0]].ood == worst[0].shift_accuracy


def test_the_worst_slice_by_hand(tiny_evaluator: Evaluator) -> None:
    ev = sliced(tiny_evaluator)
    found = {name: ev.evaluate(name) for name in ev.pool.names}
    result = sw.frontier.models(ev)
    points = result.points(sw.frontier.WORST_SLICE)
    for name, evaluation in found.items():
        right = right_answers(evaluation, ev.suite.id_test)
        parts = right[:150], right[100:300]
        assert points[name].ood == min(part.mean() for part in parts)
        lows = [reference.binomtest(int(p.sum()), len(p)).proportion_ci(0.95, "exact").low for p in parts]
        highs = [reference.binomtest(int(p.sum()), len(p)).proportion_ci(0.975, "exact").high for p in parts]
        assert points[name].ood_interval == pytest.approx((min(lows), min(highs)))
    drawn = sw.frontier.figures.models(result, sw.frontier.WORST_SLICE)
    assert drawn.layout.yaxis.title.text == "worst slice (single-label) accuracy, %"
    # Of one slice there is no worst one.
    plain = tiny_evaluator.evaluate("zero-shot")
    assert sw.frontier.with_worst_slice(plain, tiny_evaluator.suite) is plain


def test_the_explorer_is_asked_for_them(tiny_evaluator: Evaluator) -> None:
    ev = sliced(tiny_evaluator)
    for name in ev.pool.names:
        ev.evaluate(name)
    explorer = FrontierExplorer(ev)
    explorer.wait(background=True)
    view = explorer.ask(shift="worst slice")
    assert "worst slice" in view.figures["frontier"].layout.yaxis.title.text
    view = explorer.ask(score="class", shift="blur")
    assert view.figures["frontier"].layout.xaxis.title.text == "In-distribution (ID) accuracy of the worst class, %"
    assert "worst_class=True" in explorer.code({**explorer.state, "score": "class"})
    assert not explorer.ask(score="class", shift="worst slice").figures
    # And back: the numbers of all images are those from before.
    assert "of the worst class" not in explorer.ask(shift="blur").figures["frontier"].layout.yaxis.title.text
    explorer.close()


def test_the_command_is_asked_for_them(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    ev = sliced(tiny_evaluator)
    by_slice = frontier_report(ev, worst="slice", progress=False)
    assert by_slice.content["ood"] == "worst slice"
    by_class = frontier_report(ev, "blur", worst="class", progress=False)
    assert by_class.text.startswith("Accuracy of the worst class\n")
    assert by_class.content["score"] == "accuracy of the worst class"
    expected = sw.frontier.models(ev, worst_class=True).points("blur")
    told = {row["model"]: row["ood"]["accuracy"] for row in json.loads(json.dumps(by_class.content))["models"]}
    assert told == {name: point.ood for name, point in expected.items()}
    with pytest.raises(ValueError, match="give one of them"):
        frontier_report(ev, "blur", worst="slice", progress=False)
    with pytest.raises(ValueError, match="one of two at least"):
        frontier_report(tiny_evaluator, worst="slice", progress=False)
    with pytest.raises(ValueError, match="accuracies of others"):
        frontier_report(ev, worst="class", baselines=tmp_path / "none.csv", progress=False)
