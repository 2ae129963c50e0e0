"""Whether two numbers of every pair of some models go together, where pairs share models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SEED = 0


def model_orders(models: int, draws: int, fixed: int | None = None) -> list[NDArray[np.int64]]:
    """Permutations of the models, ``draws`` arrays ``[models]``; one of them may stay where it is.

    Examples
    --------
    >>> [order.tolist() for order in model_orders(2, 3, fixed=0)]
    [[0, 1], [0, 1], [0, 1]]
    """
    rng = np.random.default_rng(_SEED)
    free = np.array([i for i in range(models) if i != fixed])
    found = []
    for _ in range(draws):
        order = np.arange(models)
        order[free] = rng.permutation(free)
        found.append(order)
    return found


def mantel(
    table: NDArray[np.float64],
    at: NDArray[np.int64],
    values: Sequence[float],
    orders: Sequence[NDArray[np.int64]],
    *,
    falls: bool = False,
) -> tuple[float, float]:
    """Spearman correlation over pairs, and its one-sided p-value by permuting the models.

    Parameters
    ----------
    table
        The first number of every pair, ``[models, models]``, symmetric.
    at
        The two models of each pair, ``[2, pairs]``.
    values
        The second number of each pair.
    orders
        Permutations of the models, as from `model_orders`.
    falls
        Whether the claim is that one falls as the other rises.

    Returns
    -------
    correlation, p_value
        How often a permutation gives a correlation at least as high (or as low); both NaN where the second number is
        the same in every pair.

    Notes
    -----
    Mantel (1967), Cancer Research 27, with ranks. Pairs that share a model are not independent, so models are
    permuted, not pairs.
    """
    from scipy import stats

    ranked = stats.rankdata(values)
    if not np.ptp(ranked):
        # Equal in every pair: there is no order to compare.
        return float("nan"), float("nan")

    def correlation(numbers: NDArray[np.float64]) -> float:
        return float(np.corrcoef(stats.rankdata(numbers[at[0], at[1]]), ranked)[0, 1])

    seen, sign = correlation(table), -1 if falls else 1
    drawn = [correlation(table[np.ix_(order, order)]) for order in orders]
    return seen, (1 + sum(sign * d >= sign * seen for d in drawn)) / (1 + len(orders))
