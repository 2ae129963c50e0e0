"""How much each neighbour counts: known special cases, and an independent library."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern

from soupwidgets.evaluation.interpolation import interpolation_weights, nearest, points_of


def _path(alpha: float) -> np.ndarray:
    return np.array([1 - alpha, alpha])


def test_two_ends_give_the_mix_of_their_outputs() -> None:
    for alpha in (0.0, 0.3, 0.9, 1.4):
        weights = interpolation_weights(np.eye(2), _path(alpha))
        np.testing.assert_allclose(weights, [1 - alpha, alpha], atol=0.02)


def test_members_give_the_mix_of_their_outputs() -> None:
    weights = interpolation_weights(np.eye(4), np.array([0.5, 0.25, 0.25, 0]))
    np.testing.assert_allclose(weights, [0.5, 0.25, 0.25, 0], atol=0.02)


def test_what_is_known_is_given_back() -> None:
    known = np.array([_path(alpha) for alpha in (0, 0.2, 0.5, 0.8, 1)])
    weights = interpolation_weights(known, _path(0.5))
    np.testing.assert_allclose(weights, [0, 0, 1, 0, 0], atol=5e-3)


def test_a_smooth_path_is_followed() -> None:
    alphas = np.linspace(0, 1, 11)
    weights = interpolation_weights(np.array([_path(a) for a in alphas]), _path(0.45))
    assert weights @ np.sin(3 * alphas) == pytest.approx(np.sin(3 * 0.45), abs=1e-4)


def test_it_is_the_mean_of_a_gaussian_process() -> None:
    rng = np.random.default_rng(0)
    points, target, values = rng.normal(0, 0.5, (9, 3)), rng.normal(0, 0.5, 3), rng.normal(0, 1, 9)
    kernel = ConstantKernel(100.0) * DotProduct(sigma_0=1.0) + Matern(length_scale=np.sqrt(2), nu=2.5)
    process = GaussianProcessRegressor(kernel, alpha=1e-5, optimizer=None).fit(points, values)
    found = interpolation_weights(points, target) @ values
    assert found == pytest.approx(process.predict(target[None])[0], rel=1e-6)


def test_the_nearest_are_asked_and_the_ingredients_alone() -> None:
    names = ["zero-shot", "tuned", "stranger"]
    path = [{"zero-shot": 1 - alpha, "tuned": alpha} for alpha in (0.1, 0.9, 0.5, 0.45)]
    known = points_of([*path[:3], *({name: 1.0} for name in names)], names)
    assert nearest(known, points_of(path[3:], names)[0], 2) == [2, 0, 3, 4]
