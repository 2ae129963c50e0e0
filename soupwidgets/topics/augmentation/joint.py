"""Accuracy by affinity and diversity together, and what each of them adds to the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soupwidgets.stats.bootstrap import estimate, resampled
from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.augmentation.kinds import by_kind
from soupwidgets.topics.augmentation.least_squares import LeastSquares
from soupwidgets.topics.augmentation.study import AugmentationStudy

_FEWEST_KINDS = 8
# A line through two numbers has three coefficients, and one kind is left out: fewer in a draw determine nothing.
_FEWEST_DRAWN = 5
# The last one is used for the prediction.
_COLUMNS = {"nothing": [0], "affinity": [0, 1], "diversity": [0, 2], "both": [0, 1, 2]}


@dataclass(frozen=True)
class LinearFit:
    """The change of accuracy by a linear function of some numbers.

    Parameters
    ----------
    intercept
        Predicted change (points) for what has affinity 1 and diversity 1, as images have that nothing is done to.
    affinity
        Points for each 0.1 of affinity; None if it is not in the fit.
    diversity
        Points for each doubling of diversity; None if it is not in the fit.
    r_squared
        Share of the variance that the fit explains.
    error
        Root mean square (points) by which the fit is off for kinds that were left out of it.
    """

    intercept: Estimate
    affinity: Estimate | None
    diversity: Estimate | None
    r_squared: float
    error: float


@dataclass(frozen=True)
class Added:
    """What one number adds to the other.

    Parameters
    ----------
    partial_r_squared
        Share of the variance that the other leaves, and it explains. It is never below 0, nor are its limits.
    error_drop
        By how many points the error for kinds that were left out is smaller with it; below 0 if it is larger.
    """

    partial_r_squared: Estimate
    error_drop: Estimate


@dataclass(frozen=True)
class JointModel:
    """The change of test accuracy by affinity and diversity.

    Parameters
    ----------
    names
        The augmentations.
    kinds
        How many kinds they are of.
    measured, predicted
        Change of accuracy (points), and what the fit by both says that did not see the kind.
    fits
        By what is known: ``"nothing"``, ``"affinity"``, ``"diversity"``, ``"both"``.
    adds
        What ``"affinity"`` and ``"diversity"`` add, each to the other.
    reliability
        For each of the two, with the other known: share of its variance that is not the noise of the seeds. By so much
        a coefficient is too near to 0. NaN for a study with one seed.
    """

    names: tuple[str, ...]
    kinds: int
    measured: tuple[float, ...]
    predicted: tuple[float, ...]
    fits: Mapping[str, LinearFit]
    adds: Mapping[str, Added]
    reliability: Mapping[str, float]

    def __repr__(self) -> str:
        return f"JointModel({self.sentence})"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False, na_rep="", float_format="{:.3g}".format))

    @property
    def both_count(self) -> bool:
        """Whether more of each goes with more accuracy when the other is known: both intervals lie above 0."""
        slopes = self.fits["both"].affinity, self.fits["both"].diversity
        return all(slope is not None and slope.low > 0 for slope in slopes)

    @property
    def sentence(self) -> str:
        """What it says, in words."""
        both, alone = self.fits["both"], self.fits["affinity"]
        return (
            f"{len(self.names)} augmentations of {self.kinds} kinds: with diversity known, 0.1 more affinity goes with "
            f"{_words(both.affinity)} points of accuracy; with affinity known, twice the diversity goes with "
            f"{_words(both.diversity)}. For kinds that were left out of the fit the prediction is {alone.error:.1f} "
            f"points off with affinity, {self.fits['diversity'].error:.1f} with diversity, {both.error:.1f} with both."
        )

    def to_frame(self) -> pd.DataFrame:
        """One row for each fit; in the rows of one number alone also what it adds to the other."""
        rows = []
        for known, fit in self.fits.items():
            row: dict[str, object] = {"known": known, "error": fit.error, "r_squared": fit.r_squared}
            found = {key: getattr(fit, key) for key in ("affinity", "diversity", "intercept")}
            if (added := self.adds.get(known)) is not None:
                found |= {f"adds_{key}": one for key, one in vars(added).items()}
            for key, one in found.items():
                if one is not None:
                    row |= {key: one.value, f"{key} low": one.low, f"{key} high": one.high}
            rows.append(row)
        return pd.DataFrame(rows)


def joint_model(study: AugmentationStudy) -> JointModel:
    """Predict the change of accuracy from affinity and the logarithm of diversity: from both, and from each alone.

    Strengths of one augmentation are one kind. Coefficients have 95% limits of Student's t with the jackknife over
    kinds; what one number adds has percentile limits over 2,000 samples of kinds. Both hold the noise of the seeds,
    of which every kind has its own; what all share, the clean trainings, moves the intercept.

    Parameters
    ----------
    study
        The results; augmentations without a finite affinity, change, or logarithm of diversity are left out.

    Raises
    ------
    ValueError
        When they are of fewer than eight kinds, or one of the two numbers says nothing that the other does not.

    Notes
    -----
    arXiv 2002.08973 finds that accuracy depends on both jointly.
    """
    found = by_kind(study)
    if found.count < _FEWEST_KINDS:
        raise ValueError(
            f"affinity and diversity are known for augmentations of {found.count} kinds: intervals over kinds need "
            f"{_FEWEST_KINDS}, and strengths of one augmentation are one"
        )
    # In units in which coefficients can be read: tenths of affinity, doublings of diversity.
    x = np.column_stack([np.ones(len(found.names)), 10 * (found.affinity - 1), found.doublings])
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise ValueError("affinity and diversity say the same of these augmentations: no fit tells them apart")
    drawn = resampled(found.count)
    drawn = drawn[(drawn > 0).sum(axis=1) >= _FEWEST_DRAWN]
    fits, left, off, drawn_left, drawn_off = {}, {}, {}, {}, {}
    for known, columns in _COLUMNS.items():
        inner = LeastSquares(x[:, columns], found.change, found.of)
        left[known], off[known] = float(inner.left(inner.all)[0]), float(inner.off(inner.all)[0])
        drawn_left[known], drawn_off[known] = inner.left(drawn), inner.off(drawn)
        ends = zip(inner.coefficients(inner.all)[0], *inner.limits(), strict=True)
        slopes = dict(zip(columns, (Estimate(*map(float, one)) for one in ends), strict=True))
        explained = 1 - left[known] / left["nothing"]
        fits[known] = LinearFit(slopes[0], slopes.get(1), slopes.get(2), explained, off[known])
    adds = {
        one: Added(
            estimate(1 - left["both"] / left[other], 1 - drawn_left["both"] / drawn_left[other]),
            estimate(off[other] - off["both"], drawn_off[other] - drawn_off["both"]),
        )
        for one, other in (("affinity", "diversity"), ("diversity", "affinity"))
    }
    reliability = {
        "affinity": _reliability(x[:, 1], x[:, [0, 2]], 10 * found.affinity_error),
        "diversity": _reliability(x[:, 2], x[:, [0, 1]], found.doublings_error),
    }
    said = inner.predicted(inner.all)[0]
    return JointModel(
        found.names, found.count, tuple(found.change.tolist()), tuple(said.tolist()), fits, adds, reliability
    )


def _reliability(x: NDArray[np.float64], known: NDArray[np.float64], error: NDArray[np.float64]) -> float:
    rest = x - known @ np.linalg.lstsq(known, x, rcond=None)[0]
    variance = (rest**2).sum() / (len(x) - known.shape[1])
    return float(max(0.0, 1 - np.mean(error**2) / variance)) if np.isfinite(error).all() else float("nan")


def _words(slope: Estimate | None) -> str:
    return "" if slope is None else f"{slope.value:+.1f} [{slope.low:+.1f}, {slope.high:+.1f}]"
