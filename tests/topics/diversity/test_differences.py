"""Agreement beyond chance, ways to average, helpers, superclasses and stated trainings."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

import soupwidgets as sw
from soupwidgets import Suite
from soupwidgets.topics.diversity.members import Member
from tests.topics.diversity.test_diversity import LABELS, saying, small

__all__ = ["small"]


def test_error_consistency_is_the_kappa_of_being_right(small: Suite) -> None:
    # Labels       0  1  2  0  1  2  0  1
    a = saying("a", [0, 1, 2, 0, 0, 0, 0, 0], val=[0, 1, 2, 1])
    b = saying("b", [0, 1, 0, 1, 1, 0, 1, 0], val=[0, 1, 2, 1])
    pair = sw.diversity.pair(a, b, small, "test")
    # Five and three of eight are right: by chance 15/64 both and 15/64 neither.
    assert pair.expected_consistency == (15 + 15) / 64
    assert pair.error_consistency.value == pytest.approx((4 / 8 - 30 / 64) / (1 - 30 / 64))
    right = [one.right(small.id_test) for one in (a, b)]
    assert pair.error_consistency.value == pytest.approx(cohen_kappa_score(*right))
    assert sw.diversity.error_consistency(*right).value == pytest.approx(pair.error_consistency.value)
    assert pair.error_consistency.low < pair.error_consistency.value < pair.error_consistency.high
    table = sw.diversity.matrix([a, b], small, progress=False)
    assert table.table("error_consistency")[0, 1] == pair.error_consistency.value
    row = table.to_frame().iloc[0]
    assert row["error consistency"] == pair.error_consistency.value
    assert row["expected consistency"] == 30 / 64


def test_ways_to_average_by_hand(small: Suite) -> None:
    rng = np.random.default_rng(3)
    known = []
    for name, loud in (("a", 1.0), ("b", 7.0)):
        logits = {
            split: (loud * (rng.standard_normal((len(labels), 3)) + np.eye(3)[labels])).astype(np.float32)
            for split, labels in LABELS.items()
        }
        known.append(Member(name, ("val", "test"), logits.__getitem__))
    a, b = (one.load("test").astype(float) for one in known)
    t, u = (one.temperature(small) for one in known)
    assert t != u
    ways = {
        how: sw.diversity.combined(known, small, "test", how)
        for how in ("calibrated logits", "plain logits", "calibrated probabilities")
    }
    np.testing.assert_allclose(ways["calibrated logits"], (a / t + b / u) / 2)
    np.testing.assert_allclose(ways["plain logits"], (a + b) / 2)
    probabilities = (softmax(a / t, axis=1) + softmax(b / u, axis=1)) / 2
    np.testing.assert_allclose(np.exp(ways["calibrated probabilities"]), probabilities)
    for how, logits in ways.items():
        pair = sw.diversity.pair(*known, small, "test", combine=how)
        assert pair.ensemble == (logits.argmax(axis=1) == LABELS["test"]).mean()
    # A sure model's small probabilities are zero as floats, and no infinite logit.
    sure = Member("sure", ("val", "test"), lambda split: 1e4 * np.eye(3, dtype=np.float32)[LABELS[split]])
    assert np.isfinite(sw.diversity.combined([sure, sure], small, "test", "calibrated probabilities")).all()


def test_each_helper_is_tested_against_the_strong_model_alone(small: Suite) -> None:
    base = saying("base", [0, 1, 2, 0, 1, 0, 1, 0], val=[0, 1, 2, 1], framework="labels")
    same = saying("same", [0, 1, 2, 0, 1, 0, 1, 0], val=[0, 1, 2, 1], framework="labels")
    # Right where the base is not, and surer: it wins there, and elsewhere says nothing.
    logits = np.zeros((8, 3), dtype=np.float32)
    logits[[5, 6, 7], [2, 0, 1]] = 9
    val = {"val": 2 * np.eye(3, dtype=np.float32)[[0, 1, 2, 1]], "test": logits}
    weak = Member("weak", ("val", "test"), val.__getitem__, {"framework": "contrastive"})
    gains = sw.diversity.helper_gains(base, [same, weak], small, "test")
    assert [(one.name, one.divergence) for one in gains] == [("weak", "framework"), ("same", "siblings")]
    best, none = gains
    assert (best.ensemble, best.test.difference) == (1, 3 / 8)
    assert best.test.p_value == 2 * 0.5**3
    assert best.q_value == pytest.approx(2 * best.test.p_value)
    assert (none.test.difference, none.test.p_value) == (0, 1)
    assert best.right.all()
    words = sw.diversity.figures.helper_gains(gains, "base", "test").layout.meta["text"]
    assert "weak (framework, " in words
    assert "+37.50 (q 0.5)" in words


def test_specialists_by_superclass(small: Suite) -> None:
    a = saying("a", [0, 0, 0, 0, 0, 0, 0, 0], val=[0, 1, 2, 1])
    b = saying("b", [1, 1, 1, 1, 1, 1, 1, 1], val=[0, 1, 2, 1])
    found = sw.diversity.class_specialists(
        a, b, small, "test", superclasses={"fur": ["cat", "dog"], "scales": ["eel"], "feathers": []}
    )
    assert [(one.name, one.images, one.accuracies) for one in found] == [("fur", 6, (0.5, 0.5)), ("scales", 2, (0, 0))]
    with pytest.raises(ValueError, match="the superclass 'fur' names 'fox'; 'test' has the classes cat, dog, eel"):
        sw.diversity.class_specialists(a, b, small, "test", superclasses={"fur": ["fox"]})
    seen = sw.diversity.specialisation(a, b, small, "test")
    assert seen.only_first.sum() == seen.only_second.sum() == 3
    assert seen.mean_angle(seen.only_first).value == pytest.approx(0, abs=1e-9)
    assert np.isnan(seen.mean_angle(np.zeros(8, dtype=bool)).value)
    turned = sw.diversity.Specialisation(
        "a", "b", "test", np.array([[0.9, 0.3], [0.8, 0.5]]), np.ones((2, 2), dtype=bool)
    )
    angles = np.arctan2([0.9, 0.8], [0.3, 0.5]) - np.pi / 4
    mean = turned.mean_angle(np.ones(2, dtype=bool))
    assert mean.value == pytest.approx(angles.mean())
    assert mean.high - mean.value == pytest.approx(1.959964 * angles.std(ddof=1) / np.sqrt(2))


def test_what_is_stated_of_trainings(small: Suite) -> None:
    models = [saying("ft-a", LABELS["test"], framework="?"), saying("ft-b", LABELS["test"]), saying("vit", [0] * 8)]
    stated = sw.diversity.stated_training(
        models, {"ft-*": {"framework": "contrastive"}, "ft-b": {"data set": "mine"}, "vit": {"framework": "supervised"}}
    )
    assert [dict(one.training) for one in stated] == [
        {"framework": "contrastive"}, {"framework": "contrastive", "data set": "mine"}, {"framework": "supervised"},
    ]  # fmt: skip
    assert sw.diversity.divergence(stated[0].training, stated[2].training) == "framework"
    assert sw.diversity.divergence(stated[1].training, stated[2].training) == "data set"
    assert dict(models[0].training) == {"framework": "?"}
    with pytest.raises(ValueError, match="no model is called 'resnet'; there are ft-a, ft-b, vit"):
        sw.diversity.stated_training(models, {"resnet": {}})
    with pytest.raises(ValueError, match="'loss' of 'vit' is no level of training; these are: ancestor, reinit"):
        sw.diversity.stated_training(models, {"vit": {"loss": "x"}})


def test_the_trend_of_one_model_and_of_models_as_good(small: Suite) -> None:
    rng = np.random.default_rng(0)
    names = [f"m{i}" for i in range(7)]
    pairs = []
    for a, b in combinations(range(7), 2):
        level = "reinit" if a % 2 == b % 2 else "framework"
        only = int(rng.integers(50, 100)) + (150 if level == "framework" else 0)
        zero, gain = sw.stats.Estimate(0.0, 0, 0), sw.stats.Estimate(only / 3000, 0, 0)
        # All have about 500 of 1,000 right but the last, which has half of that.
        accuracies = tuple(0.25 if i == 6 else 0.5 for i in (a, b))
        pairs.append(
            sw.diversity.PairDiversity(
                names[a], names[b], "test", 1000, level, accuracies, 500 - only, only, only, 0, zero, 0.5, 0, gain, zero
            )
        )
    matrix = sw.diversity.DiversityMatrix(tuple(names), "test", tuple(pairs), len(pairs))
    trend = sw.diversity.divergence_trend(matrix, 200)
    assert trend.consistency["framework"] < trend.consistency["reinit"]
    assert trend.consistency_correlation == pytest.approx(
        spearmanr([p.divergence == "framework" for p in pairs], [p.error_consistency.value for p in pairs]).statistic
    )
    assert trend.consistency_p_value < 0.06
    # The same in every pair: there is no order.
    assert np.isnan([trend.better_gain_correlation, trend.better_gain_p_value]).all()
    alone = sw.diversity.divergence_trend(matrix, 200, base="m0")
    mine = [p for p in pairs if p.first == "m0"]
    assert alone.pairs == {"reinit": 3, "framework": 3}
    assert alone.inconsistency["framework"] == np.mean(
        [p.error_inconsistency for p in mine if p.divergence == "framework"]
    )
    # Of 20 ways to choose three of six this is the most extreme.
    assert 1 / 20 - 0.04 < alone.p_value < 1 / 20 + 0.05
    with pytest.raises(KeyError, match="no model 'x'"):
        sw.diversity.divergence_trend(matrix, base="x")
    near = matrix.within(0.45, 0.55)
    assert (near.names, near.exact, len(near.pairs)) == (tuple(names[:6]), True, 15)
    assert matrix.accuracies["m6"] == 0.25
