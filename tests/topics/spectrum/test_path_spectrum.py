"""Spectra along paths, against signals whose spectrum is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from soupwidgets import Evaluator, Recipe, Suite
from soupwidgets.suites import BlendSplit, Split, augmentation
from soupwidgets.topics.spectrum.frequency_table import frequency_frame, frequency_trends, model_frequencies
from soupwidgets.topics.spectrum.image_paths import ImagePaths, image_paths, paths_to, paths_to_changed
from soupwidgets.topics.spectrum.path_spectrum import path_spectrum, stream_path_spectrum
from soupwidgets.topics.spectrum.power import followed, power_density

SAMPLES = 32
A = Recipe({"ft-a": 1})


def along(paths: ImagePaths) -> NDArray[np.float64]:
    """Where on its path each point lies, 0 to just below 1, so that whole cycles fit."""
    return np.concatenate([np.arange(n) / n for n in paths.samples])


def with_logits(ev: Evaluator, paths: ImagePaths, logits: NDArray[np.float64]) -> None:
    """File logits as if a model had given them."""
    ev.record(A, paths.split, logits.astype(np.float32))


@pytest.mark.parametrize("frequency", [2, 5, 11])
def test_a_known_sinusoid_has_its_power_at_its_frequency(tiny_evaluator: Evaluator, frequency: int) -> None:
    ev = tiny_evaluator
    paths = image_paths(ev.suite.id_test, "between", pairs=6, samples=SAMPLES)
    logits = np.zeros((len(paths.split), 10))
    logits[:, 0] = np.sin(2 * np.pi * frequency * along(paths))
    with_logits(ev, paths, logits)
    found = path_spectrum(ev, A, paths, "logits", window="boxcar", detrend="none", progress=False)
    # So many cycles on N points, which reach from one image to the other in N - 1 steps.
    expected = frequency * (SAMPLES - 1) / SAMPLES
    assert found.frequency[found.mean.argmax()] == pytest.approx(expected)
    # Less the mean over ten classes, a sine of one class has the mean square 1/2 (0.9^2 + 9 * 0.1^2).
    assert found.power.value == pytest.approx(0.5 * (0.81 + 0.09), rel=1e-5)
    assert found.centroid.value == pytest.approx(expected, rel=1e-4)
    windowed = path_spectrum(ev, A, paths, "logits", progress=False)
    assert windowed.centroid.value == pytest.approx(expected, abs=0.15)
    assert windowed.frequency[windowed.mean.argmax()] == pytest.approx(expected)
    # All paths are the same signal: there is nothing to be unsure about.
    np.testing.assert_allclose(found.band[0], found.band[1], atol=1e-9)


def test_a_linear_model_has_nothing_above_zero_after_detrending(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    paths = image_paths(ev.suite.id_test, "within", pairs=10, samples=SAMPLES)
    weights = np.random.default_rng(0).standard_normal((28 * 28, 10))
    with_logits(ev, paths, paths.split.images.reshape(len(paths.split), -1) / 255 @ weights)
    linear = path_spectrum(ev, A, paths, "logits", progress=False)
    kept = path_spectrum(ev, A, paths, "logits", detrend="none", progress=False)
    assert linear.power.value < 1e-9 * kept.mean.sum() * kept.spacing
    assert kept.power.value > 1e-3


def test_a_constant_model_has_no_frequency(tiny_evaluator: Evaluator) -> None:
    paths = image_paths(tiny_evaluator.suite.id_test, "within", pairs=4, samples=SAMPLES)
    with_logits(tiny_evaluator, paths, np.ones((len(paths.split), 10)))
    found = path_spectrum(tiny_evaluator, A, paths, progress=False)
    assert np.isnan(found.centroid.value)


@settings(max_examples=50, deadline=None)
@given(st.integers(8, 70), st.floats(0.01, 10), st.integers(0, 1000))
def test_parseval(samples: int, spacing: float, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((samples, 3))
    frequency, density = power_density(values, spacing, window="boxcar", detrend="none")
    assert density.sum() * (frequency[1] - frequency[0]) == pytest.approx((values**2).sum(axis=1).mean())
    by_hand = np.abs(np.fft.rfft(values[:, 0])) ** 2 * spacing / samples
    single = power_density(values[:, :1], spacing, window="boxcar", detrend="none")[1]
    np.testing.assert_allclose(single[1 : (samples - 1) // 2], 2 * by_hand[1 : (samples - 1) // 2])


def test_what_is_followed() -> None:
    logits = np.array([[0.0, np.log(3.0)]], dtype=np.float32)
    np.testing.assert_allclose(followed(logits, "probabilities"), [[0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(followed(logits, "logits"), [[-np.log(3) / 2, np.log(3) / 2]], rtol=1e-6)


def test_a_fixed_step_gives_one_unit_to_all_paths(tiny_evaluator: Evaluator) -> None:
    ev, step = tiny_evaluator, 0.2
    paths = image_paths(ev.suite.id_test, "between", pairs=8, step=step)
    np.testing.assert_array_equal(paths.samples, (paths.lengths / step + 1e-9).astype(int) + 1)
    first = paths.split.images[paths.starts[0] : paths.starts[1]] / 255
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(first, axis=0).reshape(len(first) - 1, -1), axis=1), step, rtol=1e-4
    )
    # A wave of 0.5 cycles per unit of distance is found there, however long the paths are.
    distance = np.concatenate([step * np.arange(n) for n in paths.samples])
    logits = np.zeros((len(paths.split), 10))
    logits[:, 3] = np.sin(2 * np.pi * 0.5 * distance)
    with_logits(ev, paths, logits)
    found = path_spectrum(ev, A, paths, "logits", progress=False)
    assert found.unit == "cycles per unit of L2 distance"
    assert found.frequency[-1] <= 1 / (2 * step) + 1e-9
    assert found.frequency[found.mean.argmax()] == pytest.approx(0.5, abs=found.spacing)


def test_pairs_are_even_over_the_classes_and_seeded(suite: Suite) -> None:
    for kind in ("within", "between"):
        paths = image_paths(suite.id_test, kind, pairs=205, samples=8)
        starts = np.bincount(paths.labels[:, 0], minlength=10)
        assert starts.max() - starts.min() <= 1
        same = paths.labels[:, 0] == paths.labels[:, 1]
        assert same.all() if kind == "within" else not same.any()
        again = image_paths(suite.id_test, kind, pairs=205, samples=8)
        assert again.split.content_hash == paths.split.content_hash
        assert image_paths(suite.id_test, kind, 205, 8, seed=1).split.content_hash != paths.split.content_hash
    # Both images are points of the path, and the points between are evenly spaced.
    points = paths.split.images[:8].astype(float)
    shares = np.linspace(0, 1, 8)[:, None, None]
    np.testing.assert_allclose(points, (1 - shares) * points[0] + shares * points[-1], atol=1e-3)
    assert np.array_equal(points[0], points[0].round())
    assert paths.lengths[0] == pytest.approx(np.linalg.norm((points[-1] - points[0]) / 255))
    assert paths.images(0).dtype == np.uint8


def test_paths_to_a_shift_begin_at_the_same_image(suite: Suite) -> None:
    paths = paths_to(suite.id_test, suite.splits["invert"], pairs=20, samples=9)
    ends = paths.split.images[paths.starts[:-1]], paths.split.images[paths.starts[1:] - 1]
    np.testing.assert_allclose(ends[0] + ends[1], 255, atol=1e-3)
    assert (paths.labels[:, 0] == paths.labels[:, 1]).all()
    assert np.bincount(paths.labels[:, 0]).tolist() == [2] * 10
    with pytest.raises(ValueError, match="shows none of the images of 'val'"):
        paths_to(suite.validation, suite.splits["invert"])


def test_paths_to_an_augmentation(suite: Suite) -> None:
    paths = paths_to_changed(suite.id_test, lambda images: 255 - images, name="its negative", pairs=20, samples=9)
    assert paths.description == "to its negative"
    np.testing.assert_allclose(paths.split.images[0] + paths.split.images[8], 255, atol=1e-3)
    flips = paths_to_changed(suite.id_test, augmentation("flip").once, name="flip", pairs=10, samples=9)
    assert (flips.lengths == 0).any()
    with pytest.raises(ValueError, match=r"crop turns images of shape .28, 28. .uint8. into .20, 28."):
        paths_to_changed(suite.id_test, lambda images: images[:, :20], name="crop")


def blank(labels: list[int]) -> Split:
    n = len(labels)
    return BlendSplit("few", np.zeros((n, 28, 28), np.uint8), range(n), range(n), [[1, 0]] * n, labels)


def test_bad_input_is_said(tiny_evaluator: Evaluator, suite: Suite) -> None:
    with pytest.raises(ValueError, match="class 'trousers' has one image in 'few'"):
        image_paths(blank([0, 0, 1]), "within", classes=suite.classes)
    with pytest.raises(ValueError, match="one class only"):
        image_paths(blank([0, 0]), "between")
    with pytest.raises(ValueError, match="'within' or 'between'"):
        image_paths(suite.id_test, "across")  # type: ignore[arg-type]
    for wrong in ({"pairs": 0}, {"samples": 7}, {"step": 0.0}, {"step": float("nan")}):
        with pytest.raises(ValueError, match="needs at least one pair"):
            image_paths(suite.id_test, "within", **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="steps of 50 leave fewer than 8 points on it; use at most"):
        image_paths(suite.id_test, "within", step=50)
    paths = image_paths(suite.id_test, "within", pairs=4, samples=SAMPLES)
    logits = np.zeros((len(paths.split), 10))
    logits[40, 2] = np.nan
    with_logits(tiny_evaluator, paths, logits)
    with pytest.raises(ValueError, match="on path 1 within a class are not finite: did its training diverge"):
        path_spectrum(tiny_evaluator, A, paths, progress=False)


def test_it_comes_path_by_path_and_resumes_from_the_store(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    paths = image_paths(ev.suite.id_test, "between", pairs=30, samples=SAMPLES)
    states = list(stream_path_spectrum(ev, A, paths))
    assert len(states) > 2
    counts = [len(state.density) for state in states]
    assert counts == sorted(counts)
    assert not states[0].exact
    assert states[-1].exact
    seen = ev.forward_images
    (again,) = stream_path_spectrum(ev, A, paths)
    assert ev.forward_images == seen
    np.testing.assert_array_equal(again.density, states[-1].density)
    assert again.to_frame().columns.tolist() == ["frequency", "density", "low", "high"]


def test_bootstrap_interval_of_the_power_is_that_of_a_mean(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    paths = image_paths(ev.suite.id_test, "within", pairs=200, samples=8)
    found = path_spectrum(ev, A, paths, "logits", progress=False)
    by_path = found.density[:, 1:].sum(axis=1) * found.spacing
    margin = 1.96 * by_path.std(ddof=1) / np.sqrt(len(by_path))
    assert found.power.value == pytest.approx(by_path.mean())
    assert found.power.high - found.power.low == pytest.approx(2 * margin, rel=0.15)


def test_models_side_by_side(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    recipes = {f"alpha {a}": Recipe({"zero-shot": 1 - a, "ft-a": a}) for a in (0, 0.25, 0.5, 1)}
    paths = [image_paths(ev.suite.id_test, kind, pairs=10, samples=16) for kind in ("within", "between")]
    models = model_frequencies(ev, recipes, paths, progress=False)
    frame = frequency_frame(models)
    assert frame["model"].tolist() == list(recipes)
    assert frame["within a class"].tolist() == [m.spectra["within a class"].centroid.value for m in models]
    trends = frequency_trends(models)
    assert {(t.paths, t.accuracy) for t in trends} == {
        (p, a) for p in ("within a class", "between classes") for a in ("ID test", "mean OOD")
    }
    from scipy import stats

    one = next(t for t in trends if t.paths == "between classes" and t.accuracy == "ID test")
    assert one.correlation == pytest.approx(stats.spearmanr(frame["between classes"], frame["ID test"]).statistic)
    with pytest.raises(ValueError, match="at least four models, got 3"):
        frequency_trends(models[:3])
