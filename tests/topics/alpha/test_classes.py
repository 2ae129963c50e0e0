"""Accuracy of each class along alpha."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as reference

import soupwidgets as sw
from soupwidgets import Evaluator, alpha_sweep
from soupwidgets.stats.multiple import adjusted_p_values


def test_curves_are_accuracies_within_each_class(tiny_evaluator: Evaluator) -> None:
    sweep = alpha_sweep(tiny_evaluator, "ft-a", alphas=3, progress=False)
    split = tiny_evaluator.suite.id_test
    curves = sw.alpha.class_curves(sweep.evaluations, tiny_evaluator.suite)
    assert sum(curve.images for curve in curves) == len(split)
    for label, curve in enumerate(curves):
        own = split.labels == label
        said = sweep[0.5].split_logits("test").argmax(axis=1)
        assert curve.accuracy[1] == pytest.approx((said[own] == label).mean())
        exact = reference.binomtest(int((said[own] == label).sum()), int(own.sum())).proportion_ci(method="exact")
        assert curve.interval[1] == pytest.approx([exact.low, exact.high])
    # Each class weighs as much as it has images.
    weights = [curve.images for curve in curves]
    assert np.average([c.accuracy[2] for c in curves], weights=weights) == pytest.approx(sweep[1.0].accuracy["test"])


def test_the_t_shirts_of_the_zoo_pay_for_the_mixture(evaluator: Evaluator) -> None:
    sweep = alpha_sweep(evaluator, "ft-03", alphas=3, progress=False)
    by_name = {c.name: c for c in sw.alpha.class_curves(sweep.evaluations, evaluator.suite)}
    assert by_name["T-shirt"].accuracy == pytest.approx([0.827, 0.695, 0.816])
    changes = sw.alpha.class_changes(sweep[0.0], sweep[0.5], evaluator.suite)
    assert changes[0].name == "T-shirt"
    assert changes[0].difference == pytest.approx(-0.132)
    assert changes[0].p_value < 1e-20
    assert [c.difference for c in changes] == sorted(c.difference for c in changes)
    figure = sw.alpha.figures.classes(list(by_name.values()), 0.5)
    (out,) = [t for t in figure.data if t.uid == "brought-out"]
    assert out.name == "T-shirt, with 95% interval (n = 1000)"
    assert "T-shirt 82.7% to 81.6% (lowest 69.5% at alpha 0.5)" in sw.figures.text_alternative(figure)
    with pytest.raises(ValueError, match="no class"):
        sw.alpha.figures.classes([])


def test_many_tests_by_hand() -> None:
    # Four tests: 4/1 x 0.01, 4/2 x 0.02, 4/3 x 0.03 and 0.5; each at most the next one.
    assert adjusted_p_values([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.04, 0.04])
    assert adjusted_p_values([]).shape == (0,)


def test_an_image_along_alpha_by_hand() -> None:
    shares = np.array([[0.7, 0.25, 0.05], [0.2, 0.75, 0.05]])
    figure = sw.alpha.figures.image_path([0.0, 1.0], shares, ["cat", "dog", "eel"], 0, 0.5)
    assert [trace.name for trace in figure.data if trace.name] == ["cat (its label)", "dog"]
    assert list(figure.data[0].y) == pytest.approx([70, 20])
    text = "Probabilities of an image labelled cat: cat from 70.0% to 20.0%; dog from 25.0% to 75.0%."
    assert sw.figures.text_alternative(figure) == text
