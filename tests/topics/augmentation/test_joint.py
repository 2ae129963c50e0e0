"""Accuracy by affinity and diversity: against statsmodels, fits done one by one, and simulations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import stats

from soupwidgets.stats.bootstrap import percentile_limits, resampled
from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.augmentation.joint import JointModel, joint_model
from soupwidgets.topics.augmentation.least_squares import LeastSquares
from soupwidgets.topics.augmentation.names import kind_and_strength
from soupwidgets.topics.augmentation.study import AugmentationResult, AugmentationStudy

NAMES = (
    "flip", "crop", "rotate", "translate", "colour", "blur", "noise", "cutout", "invert", "mine", "rotate 0.25",
    "crop 0.25",
)  # fmt: skip
KIND = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 1])
ONE = Estimate(1.0, 0.9, 1.1)


def study_of(
    affinity: Sequence[float],
    diversity: Sequence[float],
    points: Sequence[float],
    *,
    half: float = 0.01,
    names: Sequence[str] = NAMES,
    seeds: int = 5,
) -> AugmentationStudy:
    def about(value: float) -> Estimate:
        return Estimate(value, value - half, value + half)

    results = tuple(
        AugmentationResult(name, about(a), ONE, about(d), ONE, ONE, None, ONE, about(p / 100), (1.0,), (0.5,))
        for name, a, d, p in zip(names, affinity, diversity, points, strict=True)
    )
    return AugmentationStudy(results, ONE, (1.0,), (0.5,), seeds, {})


def drawn(seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Affinity, diversity and change (points), with 3 points for 0.1 of affinity and 1 for each doubling."""
    rng = np.random.default_rng(seed)
    affinity = rng.uniform(0.4, 1, len(NAMES))
    doublings = 3 * (1 - affinity) + rng.uniform(0, 2, len(NAMES))
    change = 0.5 + 30 * (affinity - 1) + doublings + rng.normal(size=10)[KIND] + 0.3 * rng.normal(size=len(NAMES))
    return affinity, 2**doublings, change


@pytest.fixture(scope="module")
def found() -> JointModel:
    return joint_model(study_of(*drawn()))


def design(known: str) -> NDArray[np.float64]:
    affinity, diversity, change = drawn()
    numbers = {"affinity": [10 * (affinity - 1)], "diversity": [np.log2(diversity)], "nothing": []}
    numbers["both"] = numbers["affinity"] + numbers["diversity"]
    return np.column_stack([np.ones_like(change), *numbers[known]])


def test_coefficients_and_shares_are_those_of_statsmodels(found: JointModel) -> None:
    y = drawn()[2]
    fits = {known: sm.OLS(y, design(known)).fit() for known in found.fits}
    for known, fit in fits.items():
        ours = found.fits[known]
        slopes = [one.value for one in (ours.intercept, ours.affinity, ours.diversity) if one is not None]
        assert slopes == pytest.approx(fit.params.tolist())
        assert ours.r_squared == pytest.approx(fit.rsquared, abs=1e-12)
    # A partial R squared by the t statistic of the coefficient.
    for column, one in ((1, "affinity"), (2, "diversity")):
        t, rest = fits["both"].tvalues[column], fits["both"].df_resid
        assert found.adds[one].partial_r_squared.value == pytest.approx(t**2 / (t**2 + rest))
    assert found.kinds == 10
    assert found.measured == pytest.approx(y)


def test_errors_and_limits_are_those_of_fits_without_one_kind(found: JointModel) -> None:
    y = drawn()[2]
    for known, fit in found.fits.items():
        x = design(known)
        without = np.array([np.linalg.lstsq(x[k != KIND], y[k != KIND], rcond=None)[0] for k in range(10)])
        off = y - np.array([x[i] @ without[k] for i, k in enumerate(KIND)])
        assert fit.error == pytest.approx(np.sqrt(np.mean(off**2)))
        at = np.linalg.lstsq(x, y, rcond=None)[0]
        margin = stats.t.ppf(0.975, 9) * np.sqrt(9 / 10 * ((without - at) ** 2).sum(axis=0))
        assert (fit.intercept.low, fit.intercept.high) == pytest.approx((at[0] - margin[0], at[0] + margin[0]))
        if known == "both":
            assert fit.diversity is not None
            assert fit.diversity.high == pytest.approx(at[2] + margin[2])
            assert found.predicted == pytest.approx(y - off)
    error = {known: fit.error for known, fit in found.fits.items()}
    assert found.adds["diversity"].error_drop.value == pytest.approx(error["affinity"] - error["both"])


def test_a_draw_of_kinds_is_a_fit_of_their_rows_so_often() -> None:
    y, both = drawn()[2], design("both")
    counts = resampled(10, 40)
    counts = counts[(counts > 0).sum(axis=1) > 4]
    squares = LeastSquares(both, y, KIND)
    for draw, coefficients, left, off in zip(
        counts, squares.coefficients(counts), squares.left(counts), squares.off(counts), strict=True
    ):
        rows = np.repeat(np.arange(len(y)), draw[KIND])
        fit = sm.OLS(y[rows], both[rows]).fit()
        np.testing.assert_allclose(coefficients, fit.params, rtol=1e-6)
        assert left == pytest.approx(fit.ssr)
        wrong = []
        for kind in np.flatnonzero(draw):
            other, own = rows[KIND[rows] != kind], rows[KIND[rows] == kind]
            wrong += list(y[own] - both[own] @ np.linalg.lstsq(both[other], y[other], rcond=None)[0])
        assert off == pytest.approx(np.sqrt(np.mean(np.square(wrong))))


def test_what_one_adds_has_the_limits_of_samples_of_kinds(found: JointModel) -> None:
    y, counts = drawn()[2], resampled(10)
    counts = counts[(counts > 0).sum(axis=1) >= 5]
    alone, both = (LeastSquares(design(known), y, KIND).left(counts) for known in ("affinity", "both"))
    low, high = percentile_limits(1 - both / alone)
    added = found.adds["diversity"].partial_r_squared
    assert (added.low, added.high) == pytest.approx((float(low), float(high)))


def test_limits_hold_the_true_coefficients_in_19_of_20_simulations() -> None:
    rng = np.random.default_rng(0)
    of = np.array([*range(12), 0, 1, 2, 3])
    true, held = np.array([1.0, 3.0, -2.0]), []
    for _ in range(400):
        common, own = rng.normal(size=(12, 3)), rng.normal(size=(16, 3))
        numbers = (0.8 * common[of] + 0.6 * own) @ np.array([[1, -0.7, 0], [0, 0.7, 0], [0, 0, 1.0]])
        x = np.column_stack([np.ones(16), numbers[:, :2]])
        low, high = LeastSquares(x, x @ true + numbers[:, 2], of).limits()
        held.append((low <= true) & (true <= high))
    # Three standard errors of 400 simulations.
    assert np.mean(held, axis=0) == pytest.approx(0.95, abs=0.033)


def test_reliability_is_the_share_that_is_not_noise() -> None:
    affinity, diversity, change = drawn()
    half = 0.02
    found = joint_model(study_of(affinity, diversity, change, half=half))
    # What is left of the doublings when affinity is known, and the delta method for the logarithm.
    rest = sm.OLS(np.log2(diversity), design("affinity")).fit().mse_resid
    error = half / stats.t.ppf(0.975, 4) / diversity / np.log(2)
    assert found.reliability["diversity"] == pytest.approx(1 - np.mean(error**2) / rest)
    assert found.reliability["affinity"] < 1
    assert np.isnan(joint_model(study_of(affinity, diversity, change, seeds=1)).reliability["affinity"])


def test_both_count_where_both_count() -> None:
    affinity, diversity, _ = drawn()
    rng = np.random.default_rng(1)
    noise = 0.3 * rng.normal(size=len(NAMES))
    jointly = joint_model(study_of(affinity, diversity, 30 * affinity + 2 * np.log2(diversity) + noise))
    assert jointly.both_count
    assert jointly.adds["diversity"].error_drop.low > 0
    alone = joint_model(study_of(affinity, diversity, 30 * affinity + noise))
    assert not alone.both_count
    assert alone.adds["diversity"].error_drop.low < 0
    assert "12 augmentations of 10 kinds: with diversity known, 0.1 more affinity goes with +3." in repr(jointly)
    assert "partial_r_squared" in jointly._repr_html_()
    assert jointly.to_frame()["known"].tolist() == ["nothing", "affinity", "diversity", "both"]


def test_what_cannot_be_fitted() -> None:
    affinity, diversity, change = drawn()
    with pytest.raises(ValueError, match="of 7 kinds: intervals over kinds need 8"):
        joint_model(study_of(affinity[:7], diversity[:7], change[:7], names=NAMES[:7]))
    with pytest.raises(ValueError, match="say the same"):
        joint_model(study_of(affinity, 2 ** (2 * affinity), change))
    # What is not known is left out, whatever stands there in its place.
    diversity[3], affinity[4], change[5] = -1.0, np.nan, np.inf
    with pytest.raises(ValueError, match="of 7 kinds"):
        joint_model(study_of(affinity, diversity, change))
    with pytest.raises(ValueError, match="of 0 kinds"):
        joint_model(study_of((), (), (), names=()))


def test_kinds() -> None:
    assert kind_and_strength("rotate .5") == ("rotate", 0.5)
    assert kind_and_strength("unknown 0.5") == ("unknown 0.5", 1.0)
    assert kind_and_strength("rotate 0.5 ") == ("rotate 0.5 ", 1.0)
