"""Figures of spectra, label noise and augmentations say what their data says."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe
from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.augmentation.study import AugmentationResult, AugmentationStudy
from soupwidgets.topics.spectrum import LabelNoiseStudy, NoiseResult, NoiseRun
from soupwidgets.topics.spectrum.path_spectrum import PathSpectrum

EVIL = "<img src=x onerror=alert(1)>"
CLASSES = [EVIL, *(f"class {i}" for i in range(9))]


def spectrum(scale: float = 1.0) -> PathSpectrum:
    frequency = np.arange(9) / 1.0
    density = scale * np.random.default_rng(0).uniform(0.5, 1.5, (20, 9)) * np.exp(-frequency)
    return PathSpectrum("between classes", sw.spectrum.OURS, "cycles per path", frequency, density, 20)


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.1, value + 0.1)


def study() -> AugmentationStudy:
    one = AugmentationResult(
        EVIL, estimate(0.9), estimate(-0.1), estimate(3), estimate(0.2), estimate(1.2), None, estimate(0.8),
        estimate(0.02), (2.0, 1.0), (0.3, 0.5),
    )  # fmt: skip
    other = replace(one, name="flip", change=estimate(-0.01))
    return AugmentationStudy((one, other), estimate(0.78), (2.0, 0.1), (0.3, 0.4), 3, {})


def noise() -> LabelNoiseStudy:
    results = tuple(
        NoiseResult(f"radial {f}", "radial", f, 0.5, (NoiseRun(0, (2.0, 1.5), (2.1, 1.5 - f), (0.1, f), (0.2, 0.7)),))
        for f in (0.4, 0.1)
    )
    return LabelNoiseStudy(results, {})


def drawn(figure: go.Figure) -> str:
    """All that plotly draws, without what it never shows."""
    plain = json.loads(figure.to_json())
    plain["layout"].pop("meta")
    plain["layout"].pop("template", None)
    for trace in plain["data"]:
        trace.pop("uid", None)
        trace.pop("customdata", None)
    return json.dumps(plain)


def test_spectra_with_bands_and_words() -> None:
    figure = sw.spectrum.figures.path_spectra({EVIL: spectrum(), "b": spectrum(0.1)})
    lines = {trace.uid: trace for trace in figure.data}
    np.testing.assert_allclose(lines["line-0"].y, spectrum().mean[1:])
    low, high = spectrum().band
    np.testing.assert_allclose(lines["band-0"].y, [*high[1:], *low[1:][::-1]])
    assert figure.layout.xaxis.title.text == "Frequency, cycles per path"
    assert "straight line subtracted, Hann window" in figure.layout.yaxis.title.text
    assert f"{EVIL}: mean frequency {spectrum().centroid}" in sw.figures.text_alternative(figure)
    assert "<img" not in drawn(figure)
    still = replace(spectrum(), density=np.zeros((20, 9)))
    assert "predictions do not change" in sw.figures.text_alternative(
        sw.spectrum.figures.path_spectra({"still": still})
    )
    with pytest.raises(ValueError, match="one to 4 spectra, got 5"):
        sw.spectrum.figures.path_spectra({str(i): spectrum() for i in range(5)})


def test_predictions_along_a_path() -> None:
    shares = np.zeros((5, 10))
    shares[:, 0], shares[:, 3] = [1, 0.9, 0.6, 0.2, 0], [0, 0.1, 0.4, 0.8, 1]
    figure = sw.spectrum.figures.path_predictions(shares, CLASSES, (0, 3), "m", "between classes")
    names = figure.data[-1]
    assert list(names.text) == [f"{sw.figures.shown.shown_text(EVIL[:17])}\u2026", "class 2"]
    # At the highest point of each.
    assert (list(names.x), list(names.y)) == ([0, 1], [100, 100])
    assert f"most probable {EVIL} from 0.00, class 2 from 0.75." in sw.figures.text_alternative(figure)
    assert "<img" not in drawn(figure)


def test_frequency_along_alpha() -> None:
    found = {a: {"within a class": estimate(1 + a), "between classes": estimate(2 - a)} for a in (1.0, 0.0, 0.5)}
    figure = sw.spectrum.figures.frequency_along_alpha(found, "cycles per path", "ft", 0.5)
    line = next(t for t in figure.data if t.uid == "line-0")
    assert list(line.x) == [0.0, 0.5, 1.0]
    assert list(line.y) == [1.0, 1.5, 2.0]
    # What a click gives the slider.
    assert [list(one) for one in line.customdata] == [[0.0], [0.5], [1.0]]
    assert "within a class: 1 [0.9, 1.1] at alpha 0" in sw.figures.text_alternative(figure)


def test_frequency_against_accuracy(tiny_evaluator: Evaluator) -> None:
    paths = [sw.spectrum.image_paths(tiny_evaluator.suite.id_test, "within", 6, 8)]
    recipes = {name: Recipe({name: 1}) for name in tiny_evaluator.pool.names}
    models = sw.spectrum.model_frequencies(tiny_evaluator, recipes, paths, progress=False)
    for accuracy in ("ID test", "mean OOD"):
        figure = sw.spectrum.figures.frequency_against_accuracy(models, "within a class", accuracy=accuracy)
        assert list(figure.data[0].text) == tiny_evaluator.pool.names
        assert figure.data[0].x[0] == models[0].spectra["within a class"].centroid.value
        assert f"and {accuracy} accuracy: ft-a" in sw.figures.text_alternative(figure)


def test_images_and_sensitivity(tiny_evaluator: Evaluator) -> None:
    suite = tiny_evaluator.suite
    spectra = [sw.spectrum.image_spectrum(suite.splits[name], 50) for name in ("test", "blur")]
    figure = sw.spectrum.figures.image_spectra(spectra)
    assert list(next(t for t in figure.data if t.uid == "line-1").y) == spectra[1].power.tolist()
    assert "test: " in sw.figures.text_alternative(figure)
    found = sw.spectrum.fourier_sensitivity(tiny_evaluator, Recipe({"ft-a": 1}), images=20, highest=2, progress=False)
    picture = sw.spectrum.figures.fourier_sensitivity(found, EVIL)
    assert np.asarray(picture.data[0].z).shape == (5, 5)
    assert "on 20 images of test with one wave of norm 4 added" in sw.figures.text_alternative(picture)
    assert "<img" not in drawn(picture)


def test_label_noise_states_its_sign() -> None:
    figure = sw.spectrum.figures.noise_fitting(noise(), "radial")
    assert "up = noise is fitted" in figure.layout.yaxis.title.text
    assert [t.name for t in figure.data if t.name] == [f"{f} cycles per unit of L2 distance" for f in (0.1, 0.4)]
    lines = {trace.uid: trace for trace in figure.data}
    np.testing.assert_allclose(lines["noise-1"].y, (-0.1, 0.4))
    # One training has no interval, and no band is drawn.
    assert list(lines["band-1"].x) == [None]
    assert "One training each" in sw.figures.text_alternative(figure)
    picture = sw.spectrum.figures.noise_followed(noise(), "radial")
    np.testing.assert_allclose(picture.data[0].z, [[10, 10], [10, 40]])
    assert "frequency 0.4: 40%" in sw.figures.text_alternative(picture)


def test_minima_of_noise_fitting_have_intervals_over_the_seeds() -> None:
    runs = tuple(NoiseRun(i, (1.0, 1.0), (1.0, 2.0 + i), (0.1, 0.1), (0.5, 0.5)) for i in range(3))
    flat = tuple(NoiseRun(i, (1.0, 1.0), (2.5, 3.5), (math.nan,) * 2, (0.5, 0.5)) for i in range(3))
    study = LabelNoiseStudy(
        (
            NoiseResult("radial 0.1", "radial", 0.1, 0.5, runs),
            NoiseResult("radial 0.4", "radial", 0.4, 0.5, flat),
            NoiseResult("uniform", "uniform", 0.0, 0.5, flat),
        ),
        {},
    )
    figure = sw.spectrum.figures.minimum_noise_fitting(study)
    lines = {trace.uid: trace for trace in figure.data}
    # Minima -1, -2 and -3 in the second epoch: mean -2, and Student's t with two degrees of freedom times 1 / sqrt(3).
    margin = 4.302653 / math.sqrt(3)
    assert list(lines["minimum-0"].x) == [0.1, 0.4]
    np.testing.assert_allclose(lines["minimum-0"].y, [-2, -2.5])
    np.testing.assert_allclose(lines["minimum-0"].error_y.array, [margin, 0], rtol=1e-6, atol=1e-9)
    assert list(lines["control-0"].y) == [-2.5, -2.5]
    assert list(lines["control-0"].x) == [0.1, 0.4]
    words = sw.figures.text_alternative(figure)
    assert "radial 0.1 -2.000 [-4.484, +0.484] in epoch 2; " in words
    assert "3 trainings each" in words
    # What is the same for every image cannot be followed.
    followed = sw.spectrum.figures.noise_followed(study, "uniform")
    assert "frequency 0: no share, because it is the same for every image" in sw.figures.text_alternative(followed)


def test_the_plane_of_augmentations() -> None:
    figure = sw.augmentation.figures.affinity_diversity(study(), "flip")
    points, ring = figure.data
    assert list(points.x) == [0.9, 0.9]
    assert list(points.marker.color) == [2.0, -1.0]
    assert (points.marker.cmin, points.marker.cmax) == (-2.0, 2.0)
    assert points.customdata.tolist() if hasattr(points.customdata, "tolist") else list(points.customdata)
    assert list(ring.x) == [0.9]
    assert "accuracy +2.0 points; flip" in sw.figures.text_alternative(figure)
    assert "<img" not in drawn(figure)
    curves = sw.augmentation.figures.curves(study(), EVIL)
    assert list(curves.data[1].y) == [2.0, 1.0]
    assert "<img" not in drawn(curves)


def test_affinity_along_alpha_and_soups(tiny_evaluator: Evaluator) -> None:
    found = {
        a: sw.augmentation.Affinity(EVIL, "val", 0.8, 0.4, estimate(0.5 + a / 10), estimate(-0.4), 1)
        for a in (0.0, 1.0)
    }
    figure = sw.augmentation.figures.affinity_along_alpha(found, "ft")
    assert list(figure.data[1].y) == [0.5, 0.6]
    assert "<img" not in drawn(figure)
    one = tiny_evaluator.evaluate(Recipe({"ft-a": 1}))
    groups = [sw.soup.SoupGroup(EVIL, ("ft-a",), one), sw.soup.SoupGroup("more", ("ft-b",), one)]
    figure = sw.soup.figures.by_hyperparameter(groups)
    assert figure.data[0].x[0] == pytest.approx(100 * one.accuracy["test"])
    assert f"{EVIL} (1 models): ID {one.accuracy['test']:.1%}" in sw.figures.text_alternative(figure)
    assert "<img" not in drawn(figure)
