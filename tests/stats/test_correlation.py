"""The rank correlation against scipy, its interval against the formula, and what cannot be ranked."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from soupwidgets.stats.correlation import rank_correlation


@pytest.mark.parametrize("ties", [False, True])
def test_value_and_p_value_against_scipy(ties: bool) -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal(40)
    y = x + 2 * rng.standard_normal(40)
    if ties:
        x, y = x.round(), y.round()
    found, p_value = rank_correlation(x, y)
    expected = stats.spearmanr(x, y)
    assert found.value == pytest.approx(expected.statistic)
    assert p_value == pytest.approx(expected.pvalue, abs=0.01)


def test_few_things_are_permuted_in_every_way() -> None:
    # Of the 24 orders of four things one is as good as the order itself, and one as bad.
    found, p_value = rank_correlation([1, 2, 3, 4], [10, 20, 30, 40])
    assert (found.value, found.low, found.high) == (1, 1, 1)
    assert p_value == pytest.approx(2 / 24)


def test_the_interval_covers_what_it_says() -> None:
    """Of 150 samples from a normal distribution whose rank correlation is known, 95% have it in their interval."""
    linear, n = 0.6, 25
    known = 6 / np.pi * np.arcsin(linear / 2)
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(150):
        x, noise = rng.standard_normal((2, n))
        found, _ = rank_correlation(x, linear * x + np.sqrt(1 - linear**2) * noise)
        inside += found.low < known < found.high
    # Three standard errors of a share of 150.
    assert inside / 150 == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 150))


def test_what_cannot_be_ranked() -> None:
    for x in ([1, 1, 1, 1, 1], [1, 2, np.nan, 4, 5]):
        found, p_value = rank_correlation(x, [1, 2, 3, 4, 5])
        assert np.isnan([found.value, found.low, found.high, p_value]).all()
    with pytest.raises(ValueError, match="at least 4 things, got 3"):
        rank_correlation([1, 2, 3], [1, 2, 3])
    with pytest.raises(ValueError, match="two numbers of at least 4"):
        rank_correlation([1, 2, 3, 4], [1, 2, 3, 4, 5])
