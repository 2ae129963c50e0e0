"""All pairs of some models, and what can be read from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.stats.estimate import Estimate
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.combining import Combination
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.diversity.pairs import PairDiversity, pair


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
        for one in self.pairs:
            value = getattr(one, figure)
            number = value.value if isinstance(value, Estimate) else float(value)
            i, j = place[one.first], place[one.second]
            found[i, j] = found[j, i] = number
        return found

    @property
    def accuracies(self) -> dict[str, float]:
        """Accuracy (0..1) of every model that is in a pair."""
        known = {pair.first: pair.accuracies[0] for pair in self.pairs}
        return known | {pair.second: pair.accuracies[1] for pair in self.pairs}

    def within(self, low: float, high: float) -> DiversityMatrix:
        """The pairs of models whose accuracies (0..1) lie between two numbers.

        Notes
        -----
        arXiv 2110.12899, section 3.2, compares models within four points, so that none is better than another.
        """
        kept = tuple(name for name in self.names if low <= self.accuracies.get(name, np.nan) <= high)
        pairs = tuple(pair for pair in self.pairs if pair.first in kept and pair.second in kept)
        return DiversityMatrix(kept, self.split, pairs, len(kept) * (len(kept) - 1) // 2)

    def to_frame(self) -> pd.DataFrame:
        """One row for each pair."""
        return pd.DataFrame([_row(pair) for pair in self.pairs])


def matrix(
    models: Sequence[Member],
    suite: Suite,
    *,
    split: str | None = None,
    combine: Combination = "calibrated logits",
    progress: bool = True,
) -> DiversityMatrix:
    """Compare all pairs.

    Parameters
    ----------
    models
        At least two models with different names.
    split
        Where; the in-distribution test when None.
    combine
        How ensembles are made, as in `combined`.

    Raises
    ------
    KeyError, ValueError
        As in `pair`, and when there are fewer than two models or two with the same name.
    """
    with tqdm(desc="pairs", unit="pair", disable=not progress) as bar:
        for state in stream_matrix(models, suite, split, combine=combine):
            bar.total = state.total
            bar.update(len(state.pairs) - bar.n)
    return state


def stream_matrix(
    models: Sequence[Member], suite: Suite, split: str | None = None, *, combine: Combination = "calibrated logits"
) -> Iterator[DiversityMatrix]:
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
        found.append(pair(first, second, suite, where, combine=combine))
        yield DiversityMatrix(names, where, tuple(found), len(pairs))


def _row(pair: PairDiversity) -> dict[str, object]:
    low, high = pair.inconsistency_interval
    return {
        "first": pair.first, "second": pair.second, "split": pair.split, "divergence": pair.divergence,
        "accuracy first": pair.accuracies[0], "accuracy second": pair.accuracies[1],
        "error inconsistency": pair.error_inconsistency, "error inconsistency low": low,
        "error inconsistency high": high, "agreement": pair.agreement,
        "expected consistency": pair.expected_consistency, "error consistency": pair.error_consistency.value,
        "error consistency low": pair.error_consistency.low, "error consistency high": pair.error_consistency.high,
        "kappa": pair.kappa.value, "kappa low": pair.kappa.low, "kappa high": pair.kappa.high,
        "both right": pair.both_right / pair.images, "oracle": pair.oracle, "ensemble": pair.ensemble,
        "gain over mean": pair.gain_over_mean.value, "gain over mean low": pair.gain_over_mean.low,
        "gain over mean high": pair.gain_over_mean.high, "gain over better": pair.gain_over_better.value,
        "gain over better low": pair.gain_over_better.low, "gain over better high": pair.gain_over_better.high,
        "conversion": pair.conversion,
    }  # fmt: skip
