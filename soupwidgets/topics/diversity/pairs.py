"""Two models on the same images: how their mistakes differ, and how an ensemble of them benefits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.evaluation.answers import right_of
from soupwidgets.stats.bootstrap import bootstrap_mean, estimate, resampled
from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.suites import Split, Suite
from soupwidgets.topics.diversity.members import LEVELS, Member, divergence, said_by

_DRAWS = 2000
_SEED = 0


@dataclass(frozen=True)
class PairDiversity:
    """One pair of models on one split.

    Parameters
    ----------
    first, second
        Their names.
    split
        Name of the split they were compared on.
    images
        Number of images.
    divergence
        How differently they were trained: one of `LEVELS`.
    accuracies
        Accuracy of each (0..1).
    both_right, only_first, only_second
        Number of images in each case; on the rest both are wrong.
    agreement
        Share of images with the same prediction.
    kappa
        Cohen's kappa of their predictions, with its 95% bootstrap interval.
    ensemble
        Accuracy of the mean of their logits, each at the temperature fitted on validation images.
    converted
        Of the images that exactly one of them has right, the number that the ensemble has right.
    gain_over_mean, gain_over_better
        Ensemble accuracy minus the mean of their accuracies, and minus the better one.
    temperatures
        Temperature of each.
    """

    first: str
    second: str
    split: str
    images: int
    divergence: str
    accuracies: tuple[float, float]
    both_right: int
    only_first: int
    only_second: int
    agreement: float
    kappa: Estimate
    ensemble: float
    converted: int
    gain_over_mean: Estimate
    gain_over_better: Estimate
    temperatures: tuple[float, float] = field(default=(1.0, 1.0))

    @property
    def error_inconsistency(self) -> float:
        """Share of images that exactly one of them has right (0..1)."""
        return (self.only_first + self.only_second) / self.images

    @property
    def inconsistency_interval(self) -> tuple[float, float]:
        """Its 95% Clopper-Pearson interval."""
        low, high = clopper_pearson(self.only_first + self.only_second, self.images)
        return float(low), float(high)

    @property
    def oracle(self) -> float:
        """Accuracy of an oracle that always picks the right model: (a1 + a2 + error inconsistency) / 2."""
        return (sum(self.accuracies) + self.error_inconsistency) / 2

    @property
    def conversion(self) -> float:
        """Of the images that exactly one has right, the share that the ensemble has right; NaN if there are none."""
        split = self.only_first + self.only_second
        return self.converted / split if split else float("nan")

    @property
    def conversion_interval(self) -> tuple[float, float]:
        """Its 95% Clopper-Pearson interval; 0..1 if there are no such images."""
        split = self.only_first + self.only_second
        if not split:
            return 0.0, 1.0
        low, high = clopper_pearson(self.converted, split)
        return float(low), float(high)


@dataclass(frozen=True)
class DiversityMatrix:
    """All pairs of some models on one split, as far as they have been compared.

    Parameters
    ----------
    names
        The models, in the given order.
    split
        Where.
    pairs
        One entry for each pair.
    total
        Total number of pairs.
    """

    names: tuple[str, ...]
    split: str
    pairs: tuple[PairDiversity, ...]
    total: int

    @property
    def exact(self) -> bool:
        """Whether every pair was compared."""
        return len(self.pairs) == self.total

    def table(self, figure: str) -> NDArray[np.float64]:
        """One number of every pair, ``[names, names]``: NaN on the diagonal, and where it is unknown.

        Parameters
        ----------
        figure
            Name of a number in `PairDiversity`, such as ``"error_inconsistency"``; for an estimate its value is used.
        """
        place = {name: i for i, name in enumerate(self.names)}
        found = np.full((len(self.names), len(self.names)), np.nan)
        for pair in self.pairs:
            value = getattr(pair, figure)
            number = value.value if isinstance(value, Estimate) else float(value)
            i, j = place[pair.first], place[pair.second]
            found[i, j] = found[j, i] = number
        return found

    def to_frame(self) -> pd.DataFrame:
        """One row for each pair."""
        return pd.DataFrame([_row(pair) for pair in self.pairs])


def pair(first: Member, second: Member, suite: Suite, split: str) -> PairDiversity:
    """Compare two models. Temperatures are fitted on validation only.

    Parameters
    ----------
    first, second
        Models with logits on this split and on validation.

    Raises
    ------
    KeyError
        When the suite has no such split.
    ValueError
        When a model has no logits there, or their number does not match the images.

    Notes
    -----
    Error inconsistency, ensemble gain and conversion: Gontijo-Lopes et al., arXiv 2110.12899, sections 3 and 4.
    """
    where = suite.splits[split]
    for one in (first, second):
        _check(one, where, suite)
    labels = where.labels
    a, b = said_by([first, second], where)
    right = first.right(where), second.right(where)
    together = (first.scaled(split, suite) + second.scaled(split, suite)) / 2
    ensemble = right_of(together, where)
    one_right = right[0] != right[1]
    mean = (right[0].astype(np.float64) + right[1]) / 2
    better = right[0] if right[0].mean() >= right[1].mean() else right[1]
    return PairDiversity(
        first.name,
        second.name,
        split,
        len(labels),
        divergence(first.training, second.training),
        (float(right[0].mean()), float(right[1].mean())),
        int((right[0] & right[1]).sum()),
        int((right[0] & ~right[1]).sum()),
        int((~right[0] & right[1]).sum()),
        float((a == b).mean()),
        cohens_kappa(a, b),
        float(ensemble.mean()),
        int((ensemble & one_right).sum()),
        _difference(ensemble, mean),
        _difference(ensemble, better.astype(np.float64)),
        (first.temperature(suite), second.temperature(suite)),
    )


def matrix(
    models: Sequence[Member], suite: Suite, *, split: str | None = None, progress: bool = True
) -> DiversityMatrix:
    """Compare all pairs.

    Parameters
    ----------
    models
        At least two models with different names.
    split
        Where; the in-distribution test when None.

    Raises
    ------
    KeyError, ValueError
        As in `pair`, and when there are fewer than two models or two with the same name.
    """
    with tqdm(desc="pairs", unit="pair", disable=not progress) as bar:
        for state in stream_matrix(models, suite, split):
            bar.total = state.total
            bar.update(len(state.pairs) - bar.n)
    return state


def stream_matrix(models: Sequence[Member], suite: Suite, split: str | None = None) -> Iterator[DiversityMatrix]:
    """Yield the state of `matrix` after every pair."""
    names = tuple(one.name for one in models)
    if len(names) < 2:
        raise ValueError(f"at least two models are needed for a pair, got {len(names)}")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two models are named {twice!r}: rename one")
    where = suite.id_test.name if split is None else split
    if where not in suite.splits:
        raise KeyError(f"the suite has no split {where!r}; it has {', '.join(suite.splits)}")
    pairs = list(combinations(models, 2))
    found: list[PairDiversity] = []
    for first, second in pairs:
        found.append(pair(first, second, suite, where))
        yield DiversityMatrix(names, where, tuple(found), len(pairs))


def cohens_kappa(first: NDArray[np.int64], second: NDArray[np.int64]) -> Estimate:
    """Cohen's kappa of two models' predictions ``[n]``, with an interval from 2,000 bootstrap draws.

    Notes
    -----
    Cohen (1960), Educational and Psychological Measurement 20; images are resampled with replacement.

    Examples
    --------
    >>> cohens_kappa(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])).value
    0.5
    """
    classes, place = np.unique(np.concatenate([first, second]), return_inverse=True)
    cells, counts = np.unique(place[: len(first)] * len(classes) + place[len(first) :], return_counts=True)
    rows, columns = np.divmod(cells, len(classes))
    n = len(first)
    drawn = np.concatenate([counts[None], resampled(n, shares=counts / n)]).astype(np.float64) / n
    agreement = drawn[:, rows == columns].sum(axis=1)
    by_row, by_column = (np.zeros((len(drawn), len(classes))) for _ in range(2))
    for cell, (row, column) in enumerate(zip(rows, columns, strict=True)):
        by_row[:, row] += drawn[:, cell]
        by_column[:, column] += drawn[:, cell]
    chance = (by_row * by_column).sum(axis=1)
    kappa = np.where(chance < 1, (agreement - chance) / np.where(chance < 1, 1 - chance, 1), 1.0)
    return estimate(kappa[0], kappa[1:])


@dataclass(frozen=True)
class DivergenceTrend:
    """Whether more divergent training goes with less correlated errors, and larger gains.

    Parameters
    ----------
    levels
        The levels that have pairs, starting with siblings.
    inconsistency, gain
        By level: mean error inconsistency and mean ensemble gain (over the members' mean) of its pairs.
    pairs
        By level: number of pairs.
    rank_correlation
        Spearman correlation of level and error inconsistency over pairs.
    gain_correlation
        Spearman correlation of level and ensemble gain over pairs.
    p_value, gain_p_value
        How often a random relabelling of the *models* gives a correlation at least as high: pairs that share a model
        are not independent, so models are permuted, not pairs.
    """

    levels: tuple[str, ...]
    inconsistency: dict[str, float]
    gain: dict[str, float]
    pairs: dict[str, int]
    rank_correlation: float
    gain_correlation: float
    p_value: float
    gain_p_value: float


def divergence_trend(matrix: DiversityMatrix, draws: int = 2000) -> DivergenceTrend:
    """Test the trend over all pairs of a matrix.

    Parameters
    ----------
    matrix
        A matrix with pairs of at least two levels.
    draws
        Number of permutations of the models.

    Raises
    ------
    ValueError
        When all pairs are of one level.

    Notes
    -----
    The trend: arXiv 2110.12899, figures 2 and 3. The test is Mantel's (1967), Cancer Research 27, with ranks.
    """
    from scipy import stats

    levels = tuple(level for level in LEVELS if any(pair.divergence == level for pair in matrix.pairs))
    if len(levels) < 2:
        raise ValueError("all pairs have the same level of divergence: there is no trend to test")
    place = {name: i for i, name in enumerate(matrix.names)}
    rank = np.zeros((len(place), len(place)))
    for pair in matrix.pairs:
        i, j = place[pair.first], place[pair.second]
        rank[i, j] = rank[j, i] = LEVELS.index(pair.divergence)
    upper = np.triu_indices(len(place), 1)
    tables = [matrix.table(figure) for figure in ("error_inconsistency", "gain_over_mean")]
    known = np.isfinite(tables[0][upper])
    rng = np.random.default_rng(_SEED)
    orders = [rng.permutation(len(place)) for _ in range(draws)]
    tests = []
    for table in tables:
        values = stats.rankdata(table[upper][known])

        def correlation(ranks: NDArray[np.float64], values: NDArray[np.float64] = values) -> float:
            return float(np.corrcoef(stats.rankdata(ranks), values)[0, 1])

        seen = correlation(rank[upper][known])
        drawn = [correlation(rank[np.ix_(order, order)][upper][known]) for order in orders]
        tests.append((seen, (1 + sum(d >= seen for d in drawn)) / (1 + draws)))
    of = {level: [pair for pair in matrix.pairs if pair.divergence == level] for level in levels}
    return DivergenceTrend(
        levels,
        {level: float(np.mean([pair.error_inconsistency for pair in pairs])) for level, pairs in of.items()},
        {level: float(np.mean([pair.gain_over_mean.value for pair in pairs])) for level, pairs in of.items()},
        {level: len(pairs) for level, pairs in of.items()},
        tests[0][0],
        tests[1][0],
        tests[0][1],
        tests[1][1],
    )


def _check(one: Member, split: Split, suite: Suite) -> None:
    for name in (split.name, suite.validation.name):
        if name not in one.splits:
            raise ValueError(f"{one.name!r} has no logits on {name!r}; it has those of {', '.join(one.splits)}")
    if len(one.predictions(split.name)) != len(split):
        raise ValueError(
            f"{one.name!r} has logits of {len(one.predictions(split.name)):,} images, {split.name!r} has {len(split):,}"
        )


def _difference(right: NDArray[np.bool_], other: NDArray[np.float64]) -> Estimate:
    return bootstrap_mean({"pair": right.astype(np.float64) - other})


def _row(pair: PairDiversity) -> dict[str, object]:
    low, high = pair.inconsistency_interval
    return {
        "first": pair.first, "second": pair.second, "split": pair.split, "divergence": pair.divergence,
        "accuracy first": pair.accuracies[0], "accuracy second": pair.accuracies[1],
        "error inconsistency": pair.error_inconsistency, "error inconsistency low": low,
        "error inconsistency high": high, "agreement": pair.agreement,
        "kappa": pair.kappa.value, "kappa low": pair.kappa.low, "kappa high": pair.kappa.high,
        "both right": pair.both_right / pair.images, "oracle": pair.oracle, "ensemble": pair.ensemble,
        "gain over mean": pair.gain_over_mean.value, "gain over mean low": pair.gain_over_mean.low,
        "gain over mean high": pair.gain_over_mean.high, "gain over better": pair.gain_over_better.value,
        "gain over better low": pair.gain_over_better.low, "gain over better high": pair.gain_over_better.high,
        "conversion": pair.conversion,
    }  # fmt: skip
