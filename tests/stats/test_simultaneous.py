"""Intervals that hold all at once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from soupwidgets.stats import clopper_pearson, simultaneous_intervals, simultaneous_level


def test_one_accuracy_has_the_usual_interval() -> None:
    right = np.arange(200)[None] < 150
    everybody = [np.ones(200, bool)]
    assert simultaneous_level(right, everybody) == pytest.approx(0.95)
    assert simultaneous_intervals(right, everybody)[0, 0] == pytest.approx(clopper_pearson(150, 200), abs=1e-6)


def test_models_that_answer_alike_cost_nothing() -> None:
    right = np.repeat(np.arange(200)[None] < 150, 21, axis=0)
    assert simultaneous_level(right, [np.ones(200, bool)]) == pytest.approx(0.95)


def test_independent_groups_need_what_sidak_says() -> None:
    """Of k independent comparisons each must hold with probability 0.95 ** (1 / k): Sidak (1967)."""
    k, n = 20, 200
    right = np.random.default_rng(1).random((1, k * n)) < 0.8
    groups = [np.arange(k * n) // n == group for group in range(k)]
    level = simultaneous_level(right, groups, draws=5000)
    assert stats.norm.ppf(0.5 + level / 2) == pytest.approx(stats.norm.ppf(0.5 + 0.95 ** (1 / k) / 2), abs=0.1)
    assert level <= 1 - 0.05 / k


def test_groups_without_mistakes_are_no_certainty() -> None:
    """Most of a hundred groups show no mistake; that all intervals hold is promised of these as well."""
    seeded = np.random.default_rng(5)
    truth, sizes = 0.999, 50
    place = np.repeat(np.arange(100), sizes)
    groups = [place == group for group in range(100)]
    held = 0
    for _ in range(200):
        limits = simultaneous_intervals((seeded.random(len(place)) < truth)[None], groups)
        held += bool(((limits[..., 0] <= truth) & (truth <= limits[..., 1])).all())
    assert held / 200 > 0.95 - 2.5 * np.sqrt(0.95 * 0.05 / 200)


def test_nothing_varies() -> None:
    assert simultaneous_level(np.ones((3, 10), bool), [np.ones(10, bool)]) == 0.95
    with pytest.raises(ValueError, match="at least one image"):
        simultaneous_level(np.ones((3, 10), bool), [np.zeros(10, bool)])


@pytest.mark.parametrize("agreeing", [0.0, 0.9])
def test_all_hold_at_once_in_nineteen_samples_of_twenty(agreeing: float) -> None:
    """Eleven models on five classes; images are easy or hard for all of them, or each draws by itself."""
    seeded = np.random.default_rng(0)
    truth = np.clip(np.linspace(0.6, 0.95, 5)[:, None] + np.linspace(0, 0.04, 11), 0, 1)
    sizes = [60, 40, 50, 60, 40]
    place = np.repeat(np.arange(5), sizes)
    groups = [place == group for group in range(5)]
    held, samples = 0, 400
    for _ in range(samples):
        shared, own = seeded.random(len(place)), seeded.random((11, len(place)))
        drawn = np.where(seeded.random((11, len(place))) < agreeing, shared, own)
        limits = simultaneous_intervals(drawn < truth[place].T, groups)
        held += bool(((limits[..., 0] <= truth) & (truth <= limits[..., 1])).all())
    # 95%, less two and a half standard errors of that many samples.
    assert held / samples > 0.95 - 2.5 * np.sqrt(0.95 * 0.05 / samples)
    # They are shorter than Bonferroni's, and longer than those that hold one at a time.
    alone = clopper_pearson((drawn < truth[place].T)[:, groups[0]].sum(axis=1), sizes[0])
    widest = clopper_pearson((drawn < truth[place].T)[:, groups[0]].sum(axis=1), sizes[0], level=1 - 0.05 / 55)
    width = np.diff(limits[0], axis=-1)
    assert (width >= np.diff(alone, axis=-1) - 1e-9).all()
    assert (width <= np.diff(widest, axis=-1) + 1e-9).all()
