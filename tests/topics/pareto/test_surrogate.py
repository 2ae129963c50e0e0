"""The surrogate against closed forms and an independent least squares."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit

from soupwidgets.topics.pareto import fit_surrogate
from soupwidgets.topics.pareto.designs import design, rounded, spread
from soupwidgets.topics.pareto.surrogate import basis, term_count


def test_a_quadratic_is_found_exactly() -> None:
    # e + b'c + c'Ac / 2 of MAP, whose surplus terms vanish where coefficients sum to 1.
    rng = np.random.default_rng(0)
    a, b, e = rng.normal(size=(4, 4)), rng.normal(size=4), 0.3
    a = a + a.T
    c = rng.dirichlet(np.ones(4), 30)
    values = e + c @ b + np.einsum("ni,ij,nj->n", c, a, c) / 2
    for share, given, back in ((False, values, values), (True, expit(values / 4), expit(values / 4))):
        found = fit_surrogate(c[:20], given[:20], share=share)
        assert len(found.terms) == term_count(4) == 10
        np.testing.assert_allclose(found.predict(c[20:])[0], back[20:], atol=1e-9)
        assert found.error < 1e-9


def test_errors_are_those_of_statsmodels() -> None:
    rng = np.random.default_rng(1)
    c = design(3, 20)
    accuracy = np.clip(0.8 - 0.3 * (c[:, 0] - 0.4) ** 2 + rng.normal(0, 0.01, 20), 0, 1)
    found = fit_surrogate(c, accuracy, share=True)
    weights = (accuracy * (1 - accuracy)) ** 2
    theirs = sm.WLS(logit(accuracy), basis(c), weights=weights).fit()
    np.testing.assert_allclose(found.terms, theirs.params, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.covariance, theirs.cov_params(), rtol=1e-6, atol=1e-10)
    new = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    value, error = found.predict(new)
    said = theirs.get_prediction(basis(new))
    np.testing.assert_allclose(value, expit(said.predicted_mean), rtol=1e-9)
    slope = value * (1 - value)
    np.testing.assert_allclose(error, np.hypot(slope * said.se_mean, np.sqrt(theirs.scale)), rtol=1e-6)


def test_the_stated_error_is_that_of_leaving_each_out() -> None:
    rng = np.random.default_rng(2)
    c = design(3, 14)
    values = 2 * c[:, 0] - c[:, 1] ** 2 + rng.normal(0, 0.1, 14)
    gaps = []
    for i in range(14):
        rest = np.arange(14) != i
        gaps.append(values[i] - fit_surrogate(c[rest], values[rest], share=False).predict(c[[i]])[0][0])
    assert fit_surrogate(c, values, share=False).error == pytest.approx(np.sqrt(np.mean(np.square(gaps))), rel=1e-9)


def test_too_few_recipes_are_refused() -> None:
    with pytest.raises(ValueError, match="3 terms need more recipes than 3"):
        fit_surrogate(np.eye(2)[[0, 1, 0]], [0.1, 0.2, 0.3], share=True)
    with pytest.raises(ValueError, match="do not determine 3 terms"):
        fit_surrogate(np.eye(2)[[0, 1, 0, 1]], [0.1, 0.2, 0.3, 0.4], share=True)


def test_a_design_holds_corners_and_covers_the_simplex() -> None:
    points = design(4, 400)
    assert (points >= 0).all()
    np.testing.assert_allclose(points.sum(axis=1), 1)
    np.testing.assert_array_equal(points[:4], np.eye(4))
    assert (points[4:10].max(axis=1) == 0.5).all()
    np.testing.assert_array_equal(points[10], np.full(4, 0.25))
    inside = points[11:]
    # The uniform distribution over a simplex of four: each mean is 1/4, each variance 3/80.
    np.testing.assert_allclose(inside.mean(axis=0), 0.25, atol=0.01)
    np.testing.assert_allclose(inside.var(axis=0), 3 / 80, atol=0.003)
    with pytest.raises(ValueError, match="4 models take at least 11 recipes, got 5"):
        design(4, 5)


def test_rounded_coefficients_sum_to_one() -> None:
    for point in np.random.default_rng(0).dirichlet(np.ones(7), 50):
        found = rounded(point)
        assert found.sum() == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(found, point, atol=0.004)


def test_spread_takes_the_farthest_first() -> None:
    known = np.array([[0.0, 0.0]])
    points = np.array([[0.0, 0.0], [3.0, 0.0], [2.9, 0.0], [0.0, 1.0]])
    assert spread(points, known, 4) == [1, 3, 2]
