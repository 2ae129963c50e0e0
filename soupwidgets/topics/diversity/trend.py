"""Whether models that were trained more differently err more differently."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soupwidgets.stats.mantel import mantel, model_orders
from soupwidgets.topics.diversity.matrices import DiversityMatrix
from soupwidgets.topics.diversity.trainings import LEVELS


@dataclass(frozen=True)
class DivergenceTrend:
    """Whether more divergent training goes with less correlated errors, and larger gains.

    Parameters
    ----------
    levels
        The levels that have pairs, starting with siblings.
    inconsistency, consistency, gain, better_gain
        By level: the mean over its pairs of error inconsistency, of error consistency (which takes chance out), and
        of the ensemble gain over the members' mean and over the better member.
    pairs
        By level: number of pairs.
    rank_correlation, consistency_correlation, gain_correlation, better_gain_correlation
        Spearman correlation over pairs of the level with each of the four.
    p_value, consistency_p_value, gain_p_value, better_gain_p_value
        How often a random relabelling of the *models* gives a correlation at least as high (for error consistency, at
        least as low): pairs that share a model are not independent, so models are permuted, not pairs. NaN, like the
        correlation, where a number is the same in every pair.
    base
        The model that is in every pair; None for all pairs.
    """

    levels: tuple[str, ...]
    inconsistency: dict[str, float]
    gain: dict[str, float]
    pairs: dict[str, int]
    rank_correlation: float
    gain_correlation: float
    p_value: float
    gain_p_value: float
    consistency: dict[str, float]
    consistency_correlation: float
    consistency_p_value: float
    better_gain: dict[str, float]
    better_gain_correlation: float
    better_gain_p_value: float
    base: str | None = None


def divergence_trend(matrix: DiversityMatrix, draws: int = 2000, *, base: str | None = None) -> DivergenceTrend:
    """Test the trend over all pairs of a matrix, or over those of one model.

    Parameters
    ----------
    matrix
        A matrix with pairs of at least two levels.
    draws
        Number of permutations of the models.
    base
        Only pairs with this model, and only the others are permuted; all pairs when None.

    Raises
    ------
    ValueError
        When all pairs are of one level.
    KeyError
        When the matrix lacks the base.

    Notes
    -----
    The trend: arXiv 2110.12899, figures 1 and 2, whose pairs are those of one base model, of models within four
    points of accuracy (`DiversityMatrix.within`). The test is Mantel's (1967), Cancer Research 27, with ranks.
    """
    if base is not None and base not in matrix.names:
        raise KeyError(f"the matrix has no model {base!r}; it has {', '.join(matrix.names)}")
    pairs = [one for one in matrix.pairs if base is None or base in (one.first, one.second)]
    levels = tuple(level for level in LEVELS if any(pair.divergence == level for pair in pairs))
    if len(levels) < 2:
        raise ValueError("all pairs have the same level of divergence: there is no trend to test")
    place = {name: i for i, name in enumerate(matrix.names)}
    at = np.array([[place[pair.first], place[pair.second]] for pair in pairs]).T
    rank = np.zeros((len(place), len(place)))
    rank[at[0], at[1]] = rank[at[1], at[0]] = [LEVELS.index(pair.divergence) for pair in pairs]
    values = {
        "inconsistency": [pair.error_inconsistency for pair in pairs],
        "consistency": [pair.error_consistency.value for pair in pairs],
        "gain": [pair.gain_over_mean.value for pair in pairs],
        "better_gain": [pair.gain_over_better.value for pair in pairs],
    }
    means = {
        name: {
            level: float(np.mean([v for v, pair in zip(known, pairs, strict=True) if pair.divergence == level]))
            for level in levels
        }
        for name, known in values.items()
    }
    orders = model_orders(len(place), draws, None if base is None else place[base])
    tests = {
        name: mantel(rank, at, known, orders, falls=name == "consistency") for name, known in values.items()
    }  # fmt: skip
    return DivergenceTrend(
        levels,
        means["inconsistency"],
        means["gain"],
        {level: sum(pair.divergence == level for pair in pairs) for level in levels},
        tests["inconsistency"][0],
        tests["gain"][0],
        tests["inconsistency"][1],
        tests["gain"][1],
        means["consistency"],
        *tests["consistency"],
        means["better_gain"],
        *tests["better_gain"],
        base,
    )
