"""Numbers of pairs that share models."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
from scipy.stats import spearmanr

from soupwidgets.stats.mantel import mantel, model_orders


def test_every_order_of_four_models() -> None:
    """The p-value is the share of orders that are at least as good, the one that was seen counted once more."""
    at = np.array([*combinations(range(4), 2)]).T
    rng = np.random.default_rng(0)
    first, second = rng.random(6), rng.random(6)
    table = np.zeros((4, 4))
    table[at[0], at[1]] = table[at[1], at[0]] = first
    orders = [np.array(order) for order in permutations(range(4))]
    seen, p_value = mantel(table, at, second, orders)
    assert np.isclose(seen, spearmanr(first, second).statistic)
    drawn = [spearmanr(table[np.ix_(order, order)][at[0], at[1]], second).statistic for order in orders]
    assert p_value == (1 + sum(one >= seen - 1e-12 for one in drawn)) / 25
    fallen, other = mantel(table, at, second, orders, falls=True)
    assert fallen == seen
    assert other == (1 + sum(one <= seen + 1e-12 for one in drawn)) / 25


def test_what_is_equal_everywhere_has_no_order() -> None:
    at = np.array([[0, 0, 1], [1, 2, 2]])
    assert np.isnan(mantel(np.ones((3, 3)), at, [2, 2, 2], model_orders(3, 5))).all()
