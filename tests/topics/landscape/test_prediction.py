"""Heights between the models that are measured: against an independent library, known surfaces, and the zoo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

import soupwidgets as sw
from soupwidgets import Evaluator
from soupwidgets.topics.landscape.height import QUANTITIES
from soupwidgets.topics.landscape.plane import Landscape, lattice_levels
from soupwidgets.topics.landscape.prediction import kriging_once, predict_grid

X, Y = np.linspace(-1, 3, 15), np.linspace(-1, 2, 12)
SURFACES = {
    "bowl": (X - 1) ** 2 + 0.5 * Y[:, None] ** 2,
    "waves": np.sin(2 * X) * np.cos(Y)[:, None],
    "folded": np.abs(X) + np.abs(Y)[:, None],
}


def coarse(shape: tuple[int, int], nodes: int) -> np.ndarray:
    """The first nodes of a grid that fills coarse to fine."""
    known = np.zeros(shape, dtype=bool)
    known.flat[np.argsort(lattice_levels(*shape).reshape(-1), kind="stable")[:nodes]] = True
    return known


def part(landscape: Landscape, known: np.ndarray) -> Landscape:
    """A landscape as it was when only these models were measured."""

    def then(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else np.where(known, values, np.nan)

    names = ("loss", "error", "loss_sampling", "error_sampling")
    return replace(
        landscape, seen=np.where(known, landscape.seen, 0), **{n: then(getattr(landscape, n)) for n in names}
    )


def test_it_is_a_gaussian_process_of_unknown_mean_and_scale() -> None:
    draw = np.random.default_rng(0)
    points, targets, heights = draw.random((12, 2)), draw.random((5, 2)), draw.standard_normal(12)
    between, across = (np.linalg.norm(a[:, None] - points[None], axis=2) for a in (points, targets))
    nugget, count = 0.01, len(points)
    likelihood, mean, variance = kriging_once(between, heights, across, nugget=nugget)
    # A mean of which nothing is known is one of very large variance.
    process = GaussianProcessRegressor(Matern(1.0, nu=1.5) + ConstantKernel(1e6), alpha=nugget, optimizer=None)
    expected, error = process.fit(points, heights).predict(targets, return_std=True)
    np.testing.assert_allclose(mean, expected, rtol=1e-4)
    covariance = Matern(1.0, nu=1.5)(points) + nugget * np.eye(count)
    inverse = np.linalg.inv(covariance)
    rest = heights - inverse.sum(axis=0) @ heights / inverse.sum()
    scale = rest @ inverse @ rest / (count - 1)
    # Student's t with n - 1 degrees of freedom has a variance of (n - 1) / (n - 3).
    np.testing.assert_allclose(variance, scale * (error**2 + nugget) * 11 / 9, rtol=1e-4)
    logarithms = (count - 1) * np.log(scale) + np.linalg.slogdet(covariance)[1] + np.log(inverse.sum())
    assert likelihood == pytest.approx(-logarithms / 2)


@pytest.mark.parametrize("nodes", [9, 25, 60])
@pytest.mark.parametrize("name", SURFACES)
def test_known_surfaces_are_found_within_their_error_bars(name: str, nodes: int) -> None:
    surface, known = SURFACES[name], coarse((12, 15), nodes)
    found = predict_grid(X, Y, heights=np.where(known, surface, np.nan), sampling=np.zeros_like(surface), known=known)
    assert (np.isnan(found.height) == known).all()
    missed = np.abs(found.height - surface)[~known]
    assert (missed <= 2 * found.standard_error[~known]).mean() >= 0.9
    if nodes == 60:
        # Error bars that cover everything would say nothing.
        assert np.median(found.standard_error[~known]) < 0.2 * surface.std()


def test_between_models_without_a_finite_height_is_none() -> None:
    surface, known = np.where(X > 2, np.inf, SURFACES["bowl"]), coarse((12, 15), 60)
    found = predict_grid(X, Y, heights=np.where(known, surface, np.nan), sampling=np.zeros_like(surface), known=known)
    rim = ~known & (X > 2.7)
    assert np.isinf(found.height[rim]).all()
    inside = ~known & (X < 1.6)
    assert (np.abs(found.height[inside] - surface[inside]) <= 2 * found.standard_error[inside]).mean() >= 0.9


def test_too_few_or_equal_heights_say_nothing_of_their_error() -> None:
    for surface, nodes in ((SURFACES["bowl"], 4), (np.ones((12, 15)), 60)):
        known = coarse((12, 15), nodes)
        found = predict_grid(X, Y, heights=surface, sampling=np.zeros_like(surface), known=known)
        assert np.isinf(found.standard_error[~known]).all()
        assert np.isin(found.height[~known], surface[known]).all()
    with pytest.raises(ValueError, match="no point of the landscape has been measured"):
        predict_grid(X, Y, heights=surface, sampling=surface, known=np.zeros((12, 15), dtype=bool))


def test_what_all_sampled_models_share_does_not_average_out() -> None:
    surface, known = SURFACES["bowl"], coarse((12, 15), 60)
    exact, rough, unknown = (
        predict_grid(X, Y, heights=surface, sampling=np.full_like(surface, error), known=known).standard_error[~known]
        for error in (0.0, 0.5, np.nan)
    )
    np.testing.assert_allclose(rough, np.hypot(exact, 0.5))
    assert np.isinf(unknown).all()
    # As many exact ones tell by themselves.
    few = np.where(np.arange(15) % 3 == 0, 0.5, 0.0) * np.ones_like(surface)
    mixed = predict_grid(X, Y, heights=surface + few, sampling=few, known=known)
    alone = predict_grid(X, Y, heights=surface, sampling=few, known=known & (few == 0))
    np.testing.assert_allclose(mixed.height[~known], alone.height[~known])
    np.testing.assert_allclose(mixed.standard_error[~known], alone.standard_error[~known])


def test_predicted_shares_are_shares() -> None:
    known = coarse((12, 15), 25)
    steep = np.clip(SURFACES["waves"] * 2, 0, 1)
    found = predict_grid(X, Y, heights=steep, sampling=np.zeros_like(steep), known=known, limits=(0, 1))
    free = predict_grid(X, Y, heights=steep, sampling=np.zeros_like(steep), known=known)
    assert np.nanmin(free.height) < 0
    assert (np.nanmin(found.height), np.nanmax(found.height) <= 1) == (0, True)


def test_the_zoos_plane_is_found_within_its_error_bars(small_evaluator: Evaluator) -> None:
    plane = sw.landscape.plane_through(small_evaluator.pool, ("zero-shot", "ft-03", "ft-08"))
    states = list(sw.landscape.stream_plane(small_evaluator, plane, 8, "test"))
    whole, rough = states[-1], next(state for state in states if state.seen.all())
    for quantity in QUANTITIES:
        truth, within = getattr(whole, quantity), []
        for state in (rough, whole):
            for nodes in (9, 15, 25):
                known = coarse(whole.seen.shape, nodes)
                height, error = part(state, known).heights(quantity)
                assert (height[known] == getattr(state, quantity)[known]).all()
                missed = np.abs(height - truth)[~known]
                within.append(missed <= 2 * error[~known])
        assert np.mean(np.concatenate(within)) >= 0.9
        # From 25 exact models the rest is nearly known, and so it says.
        assert missed.mean() < 0.05 * np.ptp(truth)
        assert np.median(error[~known]) < 0.1 * np.ptp(truth)


def test_rows_say_whether_they_are_measured(tiny_evaluator: Evaluator) -> None:
    whole = sw.landscape.plane(tiny_evaluator, ("zero-shot", "ft-a", "ft-b"), grid=4, progress=False)
    known = coarse(whole.seen.shape, 9)
    frame = part(whole, known).to_frame()
    assert (frame["how"] == np.where(known, "measured", "predicted").ravel()).all()
    measured, predicted = frame[known.ravel()], frame[~known.ravel()]
    assert (measured["loss"] == whole.loss[known]).all()
    assert (measured["loss standard error"] == 0).all()
    assert (predicted["images"] == 0).all()
    assert (predicted["loss standard error"] > 0).all()
    assert (whole.to_frame()["how"] == "measured").all()
