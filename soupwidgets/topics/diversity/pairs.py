"""Two models on the same images: how their mistakes differ, and how an ensemble of them benefits."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation.answers import right_of
from soupwidgets.stats.bootstrap import bootstrap_mean
from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.suites import Split, Suite
from soupwidgets.topics.diversity.agreement import cohens_kappa, error_consistency
from soupwidgets.topics.diversity.combining import Combination, combined
from soupwidgets.topics.diversity.members import Member, said_by
from soupwidgets.topics.diversity.trainings import divergence


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
        Accuracy of the mean of their logits, each at the temperature fitted on validation images, or of another
        `combined` one.
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
    def expected_consistency(self) -> float:
        """Share of images that two independent models of these accuracies have both right or both wrong (0..1)."""
        a, b = self.accuracies
        return a * b + (1 - a) * (1 - b)

    @cached_property
    def error_consistency(self) -> Estimate:
        """How much oftener than by chance they are right together or wrong together; see `error_consistency`."""
        cases = [self.both_right, self.only_first, self.only_second]
        counts = [*cases, self.images - sum(cases)]
        first, second = ([True, True, False, False], [True, False, True, False])
        return error_consistency(np.repeat(first, counts), np.repeat(second, counts))

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


def pair(
    first: Member, second: Member, suite: Suite, split: str, *, combine: Combination = "calibrated logits"
) -> PairDiversity:
    """Compare two models. Temperatures are fitted on validation only.

    Parameters
    ----------
    first, second
        Models with logits on this split and on validation.
    combine
        How their ensemble is made, as in `combined`.

    Raises
    ------
    KeyError
        When the suite has no such split.
    ValueError
        When a model has no logits there, or their number does not match the images.

    Notes
    -----
    Error inconsistency, ensemble gain and conversion: Gontijo-Lopes et al., arXiv 2110.12899, sections 4.1 and 4.2.
    """
    where = suite.splits[split]
    for one in (first, second):
        _check(one, where, suite)
    labels = where.labels
    a, b = said_by([first, second], where)
    right = first.right(where), second.right(where)
    ensemble = right_of(combined([first, second], suite, split, combine), where)
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
