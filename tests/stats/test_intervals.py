from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from soupwidgets.stats.intervals import clopper_pearson, mean_interval


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_equals_scipy(counts: tuple[int, int]) -> None:
    correct, total = counts
    exact = binomtest(correct, total).proportion_ci(0.95, method="exact")
    assert clopper_pearson(correct, total) == pytest.approx([exact.low, exact.high], abs=1e-9)


def test_ends_in_closed_form() -> None:
    # With no success in n trials the upper limit is 1 - (tail) ** (1 / n).
    assert clopper_pearson(0, 20) == pytest.approx([0, 1 - 0.025 ** (1 / 20)])
    assert clopper_pearson(20, 20) == pytest.approx([0.025 ** (1 / 20), 1])


def test_takes_arrays_and_refuses_nonsense() -> None:
    assert clopper_pearson(np.array([1, 2]), 10).shape == (2, 2)
    for correct, total in ((-1, 10), (11, 10), (0, 0)):
        with pytest.raises(ValueError):
            clopper_pearson(correct, total)


def test_mean_of_one_is_itself_and_of_equals_shrinks() -> None:
    assert mean_interval([0.5], [(0.3, 0.8)]) == pytest.approx((0.3, 0.8))
    low, high = mean_interval([0.5] * 4, [(0.4, 0.6)] * 4)
    assert (low, high) == pytest.approx((0.45, 0.55))


def test_mean_interval_covers_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth, n = np.array([0.97, 0.8, 0.5, 0.66]), 200
    covered = 0
    for _ in range(1000):
        correct = rng.binomial(n, truth)
        limits = [tuple(x) for x in clopper_pearson(correct, n)]
        low, high = mean_interval(list(correct / n), limits)
        covered += low <= truth.mean() <= high
    assert covered >= 940
