"""What tells the gain of a pair ahead of the soup."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

import soupwidgets as sw
from soupwidgets import Evaluator
from soupwidgets.topics.soup.pairs import PairGain

NAMES = [f"m{i}" for i in range(12)]


def made(seed: int, slope: float) -> list[PairGain]:
    """Gains that follow the angle, with noise of a size like theirs."""
    seeded = np.random.default_rng(seed)
    place = seeded.normal(size=len(NAMES))
    found = []
    for i, j in combinations(range(len(NAMES)), 2):
        angle = 50 + 10 * abs(place[i] - place[j])
        gain = slope * (angle - 60) / 1000 + seeded.normal(scale=0.004)
        found.append(PairGain(NAMES[i], NAMES[j], angle, gain, 0.0, 0.001, seeded.random(), seeded.random(), 0.0))
    return found


def test_the_correlation_is_spearmans() -> None:
    pairs = made(0, 1.0)
    by_name = {one.predictor: one for one in sw.soup.gain_predictors({"a pool": pairs}, draws=50)}
    for name in ("angle", "distance", "error_inconsistency"):
        expected = stats.spearmanr([getattr(pair, name) for pair in pairs], [pair.gain for pair in pairs]).statistic
        assert by_name[name].correlation == pytest.approx(expected)
    assert (by_name["angle"].models, by_name["angle"].pairs) == (12, 66)
    # Of what does not vary nothing can be said.
    assert np.isnan(by_name["accuracy_gap"].correlation)
    assert not by_name["accuracy_gap"].tells


def test_what_tells_is_told_from_what_does_not() -> None:
    by_name = {one.predictor: one for one in sw.soup.gain_predictors({"a pool": made(1, 1.0)})}
    assert by_name["angle"].tells
    assert not by_name["distance"].tells
    low, high = by_name["angle"].interval
    assert low < by_name["angle"].correlation < high


def test_of_several_pools_the_mean() -> None:
    found = sw.soup.gain_predictors({"one": made(2, 1.0), "two": made(3, 0.0)}, draws=100)
    angles = {one.pool: one for one in found if one.predictor == "angle"}
    assert angles["all pools"].correlation == pytest.approx((angles["one"].correlation + angles["two"].correlation) / 2)
    assert angles["all pools"].pairs == 132


def test_models_recur_so_intervals_are_wider_than_those_of_independent_pairs() -> None:
    """One model that is better with everybody makes eleven of 66 pairs alike: they count as one model."""
    seeded = np.random.default_rng(4)
    pairs = []
    for i, j in combinations(range(len(NAMES)), 2):
        odd = i == 0
        pairs.append(PairGain(NAMES[i], NAMES[j], 60 + 20 * odd + seeded.random(), 0.01 * odd + 1e-3 * seeded.random(),
                              0.0, 0.001, 0.0, 0.0, 0.0))  # fmt: skip
    (angle, *_) = sw.soup.gain_predictors({"a pool": pairs})
    independent = 2 * 1.96 / np.sqrt(66 - 3)
    assert angle.interval[1] - angle.interval[0] > independent


def test_too_few() -> None:
    with pytest.raises(ValueError, match="no pool"):
        sw.soup.gain_predictors({})
    with pytest.raises(ValueError, match="at least three"):
        sw.soup.gain_predictors({"two": [PairGain("a", "b", 60.0, 0.01, 0.0, 0.001)]})


def test_a_pairs_numbers_are_those_of_its_models(small_evaluator: Evaluator) -> None:
    names = ["ft-00", "ft-03"]
    (pair,) = sw.soup.pair_gains(small_evaluator, names, progress=False)
    labels = small_evaluator.suite.validation.labels
    right = [small_evaluator.evaluate(n, ["val"]).split_logits("val").argmax(axis=1) == labels for n in names]
    assert pair.error_inconsistency == pytest.approx((right[0] ^ right[1]).mean())
    assert pair.accuracy_gap == pytest.approx(abs(right[0].mean() - right[1].mean()))
    rows = [small_evaluator.matrix.row(name).double() for name in names]
    assert pair.distance == pytest.approx(float((rows[0] - rows[1]).norm()), rel=1e-4)
