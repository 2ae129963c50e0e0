"""The numbers of a study by kind of augmentation: strengths of one augmentation are one kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soupwidgets.stats.intervals import LEVEL
from soupwidgets.topics.augmentation.names import kind_and_strength
from soupwidgets.topics.augmentation.study import AugmentationStudy


@dataclass(frozen=True, eq=False)
class Kinds:
    """Numbers of augmentations, ``[augmentations]``, in the order of the study.

    Parameters
    ----------
    names
        Their names.
    of
        Number of the kind of each, from 0.
    affinity, doublings, change
        Affinity, the logarithm of diversity to base 2, and the change of test accuracy in points.
    affinity_error, doublings_error
        Standard errors of the first two over the seeds; NaN for a single one.
    """

    names: tuple[str, ...]
    of: NDArray[np.int64]
    affinity: NDArray[np.float64]
    doublings: NDArray[np.float64]
    change: NDArray[np.float64]
    affinity_error: NDArray[np.float64]
    doublings_error: NDArray[np.float64]

    @property
    def count(self) -> int:
        """How many kinds there are."""
        return int(self.of.max()) + 1 if len(self.of) else 0


def by_kind(study: AugmentationStudy) -> Kinds:
    """Put the numbers of a study together; augmentations without a finite one of them are left out."""
    from scipy import stats

    known = [
        r
        for r in study.results
        if r.diversity.value > 0 and np.isfinite([r.affinity.value, r.diversity.value, r.change.value]).all()
    ]
    kinds = [kind_and_strength(r.name)[0] for r in known]
    numbers = {kind: number for number, kind in enumerate(dict.fromkeys(kinds))}
    # The limits are that many standard errors away.
    t = float(stats.t.ppf(0.5 + LEVEL / 2, study.seeds - 1)) if study.seeds > 1 else float("nan")
    ends = np.array([[(e.high - e.low) / 2 / t for e in (r.affinity, r.diversity)] for r in known]).reshape(-1, 2)
    diversity = np.array([r.diversity.value for r in known])
    return Kinds(
        tuple(r.name for r in known),
        np.array([numbers[kind] for kind in kinds], dtype=np.int64),
        np.array([r.affinity.value for r in known]),
        np.log2(diversity),
        100 * np.array([r.change.value for r in known]),
        ends[:, 0],
        ends[:, 1] / (diversity * np.log(2)),
    )
