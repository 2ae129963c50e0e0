"""What tells ahead of a soup how much it will gain: angle, distance, different errors, different accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soupwidgets.stats.bootstrap import percentile_limits
from soupwidgets.topics.soup.pairs import PairGain

# What is known of a pair before anything is mixed, and what it is called.
PREDICTORS: Mapping[str, str] = {
    "angle": "angle between the task vectors",
    "distance": "distance between the weights",
    "error_inconsistency": "error inconsistency",
    "accuracy_gap": "difference of accuracy",
}
_DRAWS = 2000
_SEED = 0


@dataclass(frozen=True)
class GainPredictor:
    """How well the gain of a pair's average can be told from a number that is known before.

    Parameters
    ----------
    pool
        Whose pairs; ``"all pools"`` is the mean of their correlations.
    predictor
        One of `PREDICTORS`.
    models, pairs
        How many there are.
    correlation
        Spearman's rank correlation with the gain, over pairs.
    interval
        Its 95% interval, by a bootstrap over models.
    """

    pool: str
    predictor: str
    models: int
    pairs: int
    correlation: float
    interval: tuple[float, float]

    @property
    def tells(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.interval[0] > 0 or self.interval[1] < 0


def gain_predictors(pools: Mapping[str, Sequence[PairGain]], *, draws: int = _DRAWS) -> list[GainPredictor]:
    """Correlate every predictor with the gain, within each pool.

    Parameters
    ----------
    pools
        Name of a pool to its pairs, all of them, as `pair_gains` gives them; of three models at least.
    draws
        How many samples the bootstrap draws, with a fixed seed.

    Returns
    -------
    list[GainPredictor]
        One for each predictor and pool; with several pools also the mean over them.

    Raises
    ------
    ValueError
        When there is no pool, or one has fewer than three models.

    Notes
    -----
    A model is in many pairs, so pairs are no independent sample: models are drawn with replacement, and a pair counts
    as often as the product of how often its two models were drawn (Snijders and Borgatti 1999, Connections 22, the
    bootstrap of vertices). The gain is that over the mean of the two (arXiv 2203.05482, section 3.3).
    """
    if not pools:
        raise ValueError("no pool to look at")
    seeded = np.random.default_rng(_SEED)
    found: list[GainPredictor] = []
    drawn: dict[str, list[NDArray[np.float64]]] = {}
    for pool, pairs in pools.items():
        names = list(dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)))
        if len(names) < 3:
            raise ValueError(f"{pool} has {len(names)} models: a correlation over pairs needs at least three")
        ends = np.array([[names.index(pair.first), names.index(pair.second)] for pair in pairs])
        times = np.stack([np.bincount(seeded.integers(0, len(names), len(names)), minlength=len(names))
                          for _ in range(draws)])  # fmt: skip
        weights = (times[:, ends[:, 0]] * times[:, ends[:, 1]]).astype(np.float64)
        gain = _ranks([pair.gain for pair in pairs])
        for predictor in PREDICTORS:
            own = _ranks([getattr(pair, predictor) for pair in pairs])
            samples = _correlations(own, gain, weights)
            drawn.setdefault(predictor, []).append(samples)
            whole = float(_correlations(own, gain, np.ones((1, len(pairs))))[0])
            found.append(GainPredictor(pool, predictor, len(names), len(pairs), whole, _limits(samples)))
    if len(pools) > 1:
        for predictor, every in drawn.items():
            of_pools = [one for one in found if one.predictor == predictor]
            models, count = sum(one.models for one in of_pools), sum(one.pairs for one in of_pools)
            mean = float(np.mean([one.correlation for one in of_pools]))
            together = np.mean(every, axis=0)
            found.append(GainPredictor("all pools", predictor, models, count, mean, _limits(together)))
    return found


def _limits(samples: NDArray[np.float64]) -> tuple[float, float]:
    known = samples[~np.isnan(samples)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = percentile_limits(known)
    return float(low), float(high)


def _ranks(values: Sequence[float]) -> NDArray[np.float64]:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values))


def _correlations(
    first: NDArray[np.float64], second: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pearson's correlation with each row of weights ``[draws, pairs]``; NaN where nothing varies."""
    total = weights.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = weights / total
        a, b = (one - share @ one[:, None] for one in (first, second))
        product, squares = (share * a * b).sum(axis=1), (share * a**2).sum(axis=1) * (share * b**2).sum(axis=1)
        return np.asarray(np.where(squares > 1e-12, product / np.sqrt(squares), np.nan))
