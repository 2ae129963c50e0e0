"""Where two augmentations tie in affinity or in diversity: whether the other number orders their accuracies."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

import numpy as np
import pandas as pd

from soupwidgets.stats.bootstrap import estimate, resampled
from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.augmentation.kinds import by_kind
from soupwidgets.topics.augmentation.study import AugmentationStudy

Measure = Literal["affinity", "diversity"]


@dataclass(frozen=True)
class TiedPair:
    """Two augmentations that tie in one measure, and differ in the other.

    Parameters
    ----------
    more, less
        Names of the one with more, and of the one with less of the other measure.
    ahead
        By how many points the test accuracy of the former is the higher one.
    """

    more: str
    less: str
    ahead: float


@dataclass(frozen=True)
class Ties:
    """All pairs of a study that tie in one measure.

    Parameters
    ----------
    measure
        In which they tie.
    pairs
        Those that differ in the other measure.
    both
        Number of pairs that tie in both measures, of which neither says anything.
    ordered
        Share of the pairs in which more of the other measure goes with the higher accuracy; equal ones count half.
    """

    measure: Measure
    pairs: tuple[TiedPair, ...]
    both: int
    ordered: Estimate

    def __repr__(self) -> str:
        return f"Ties({self.sentence})"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False, float_format="{:+.1f}".format))

    @property
    def other(self) -> Measure:
        """The measure that should decide."""
        return "diversity" if self.measure == "affinity" else "affinity"

    @property
    def sentence(self) -> str:
        """What they say, in words."""
        if not self.pairs:
            return f"no two augmentations tie in {self.measure} and differ in {self.other}"
        right = sum(pair.ahead > 0 for pair in self.pairs)
        share = self.ordered
        return (
            f"of {len(self.pairs)} pairs that tie in {self.measure}, more {self.other} goes with more accuracy in "
            f"{right}: {share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row for each pair, by how far the one with more of the other measure is ahead."""
        rows = [(pair.more, pair.less, pair.ahead) for pair in sorted(self.pairs, key=lambda pair: -pair.ahead)]
        return pd.DataFrame(rows, columns=[f"more {self.other}", f"less {self.other}", "ahead, points"])


def ties(study: AugmentationStudy, measure: Measure) -> Ties:
    """Find the pairs that tie in one measure, and see whether the other one orders their accuracies.

    Two augmentations tie in a measure when their 95% intervals over the seeds have a number in common, and differ in
    it when they have none: with few seeds intervals are wide, and a tie may hide a difference. Two strengths of one
    kind are no pair. The interval of the share is a percentile interval over 2,000 samples of kinds, because pairs
    share their augmentations; where all pairs agree it has no width, and says little.

    Parameters
    ----------
    study
        The results, of at least two seeds.
    measure
        ``"affinity"`` or ``"diversity"``.

    Raises
    ------
    ValueError
        When there is no such measure, or the study has one seed, and so no intervals.

    Notes
    -----
    arXiv 2002.08973: of two augmentations with the same affinity the one with more diversity is better, and the other
    way round.
    """
    if measure not in get_args(Measure):
        raise ValueError(f"there is no measure {measure!r:.50}; known are {', '.join(get_args(Measure))}")
    if study.seeds < 2:
        raise ValueError("with one seed nothing has an interval, and nothing ties: train with more seeds")
    found = by_kind(study)
    other = "diversity" if measure == "affinity" else "affinity"
    of = dict(zip(found.names, found.of.tolist(), strict=True))
    pairs, members, both = [], [], 0
    for a, b in combinations((study[name] for name in found.names), 2):
        if of[a.name] == of[b.name] or not _overlap(getattr(a, measure), getattr(b, measure)):
            continue
        if _overlap(getattr(a, other), getattr(b, other)):
            both += 1
            continue
        more, less = sorted((a, b), key=lambda one: -getattr(one, other).value)
        pairs.append(TiedPair(more.name, less.name, 100 * (more.change.value - less.change.value)))
        members.append((of[a.name], of[b.name]))
    return Ties(measure, tuple(pairs), both, _share(pairs, members, found.count))


def _overlap(a: Estimate, b: Estimate) -> bool:
    # What has no interval differs from nothing.
    return not (a.high < b.low or b.high < a.low)


def _share(pairs: list[TiedPair], members: list[tuple[int, int]], kinds: int) -> Estimate:
    if not pairs:
        return Estimate(float("nan"), float("nan"), float("nan"))
    right = np.array([(np.sign(pair.ahead) + 1) / 2 for pair in pairs])
    drawn = resampled(kinds)
    first, second = np.array(members).T
    times = drawn[:, first] * drawn[:, second]
    # A sample without any of the pairs says nothing.
    some = times.sum(axis=1) > 0
    return estimate(right.mean(), (times @ right)[some] / times.sum(axis=1)[some])
