"""How much each neighbour counts: known special cases, and an independent library."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern

from soupwidgets.evaluation.interpolation import interpolation_weights, nearest


def _path(alpha: float) -> dict[str, float]:
    return {"zero-shot": 1 - alpha, "tuned": alpha}


def test_two_ends_give_the_mix_of_their_outputs() -> None:
    for alpha in (0.0, 0.3, 0.9, 1.4):
        weights = interpolation_weights([_path(0), _path(1)], _path(alpha))
        np.testing.assert_allclose(weights, [1 - alpha, alpha], atol=0.02)


def test_members_give_the_mix_of_their_outputs() -> None:
    known = [{name: 1.0} for name in "abcd"]
    weights = interpolation_weights(known, {"a": 0.5, "b": 0.25, "c": 0.25})
    np.testing.assert_allclose(weights, [0.5, 0.25, 0.25, 0], atol=0.02)


def test_what_is_known_is_given_back() -> None:
    known = [_path(alpha) for alpha in (0, 0.2, 0.5, 0.8, 1)]
    weights = interpolation_weights(known, _path(0.5))
    np.testing.assert_allclose(weights, [0, 0, 1, 0, 0], atol=5e-3)


def test_a_smooth_path_is_followed() -> None:
    alphas = np.linspace(0, 1, 11)
    weights = interpolation_weights([_path(a) for a in alphas], _path(0.45))
    assert weights @ np.sin(3 * alphas) == pytest.approx(np.sin(3 * 0.45), abs=1e-4)


def test_it_is_the_mean_of_a_gaussian_process() -> None:
    rng = np.random.default_rng(0)
    points, target, values = rng.normal(0, 0.5, (9, 3)), rng.normal(0, 0.5, 3), rng.normal(0, 1, 9)
    kernel = ConstantKernel(100.0) * DotProduct(sigma_0=1.0) + Matern(length_scale=np.sqrt(2), nu=2.5)
    process = GaussianProcessRegressor(kernel, alpha=1e-5, optimizer=None).fit(points, values)
    known = [dict(zip("abc", point, strict=True)) for point in points]
    found = interpolation_weights(known, dict(zip("abc", target, strict=True))) @ values
    assert found == pytest.approx(process.predict(target[None])[0], rel=1e-6)


def test_the_nearest_are_asked_and_the_ingredients_alone() -> None:
    known = [_path(0.1), _path(0.9), _path(0.5), {"zero-shot": 1.0}, {"tuned": 1.0}, {"stranger": 1.0}]
    assert nearest(known, _path(0.45), 2) == [2, 0, 3, 4]
