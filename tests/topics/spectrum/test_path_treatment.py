"""Window and trend of spectra along paths, through `model_frequencies`: closed forms, and scipy as the oracle."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from soupwidgets import Evaluator, Recipe
from soupwidgets.topics.spectrum.frequency_table import model_frequencies
from soupwidgets.topics.spectrum.image_paths import ImagePaths, image_paths
from soupwidgets.topics.spectrum.path_spectrum import Detrend, Window

SAMPLES = 32
A = Recipe({"ft-a": 1})


def filed(ev: Evaluator, wave: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> ImagePaths:
    """Paths on which the model's logit of class 0 is a known function of the place, 0..1; the others are 0."""
    paths = image_paths(ev.suite.id_test, "between", pairs=4, samples=SAMPLES)
    logits = np.zeros((len(paths.split), 10))
    logits[:, 0] = wave(np.tile(np.linspace(0, 1, SAMPLES), len(paths)))
    ev.record(A, paths.split, logits.astype(np.float32))
    return paths


def centroid(ev: Evaluator, paths: ImagePaths, window: Window, detrend: Detrend) -> float:
    (model,) = model_frequencies(
        ev, {"a": A}, [paths], values="logits", splits=["val"], progress=False, window=window, detrend=detrend
    )
    spectrum = model.spectra[paths.description]
    assert (spectrum.window, spectrum.detrend) == (window, detrend)
    return spectrum.centroid.value


def test_a_straight_line_leaks_into_all_frequencies_unless_it_is_taken_off(tiny_evaluator: Evaluator) -> None:
    """The transform of n = 0 .. N - 1 has the squared size N^2 / (4 sin^2(pi k / N)) at k > 0 (geometric series)."""
    paths = filed(tiny_evaluator, lambda place: place)
    k = np.arange(1, SAMPLES // 2 + 1)
    power = 1 / np.sin(np.pi * k / SAMPLES) ** 2
    power[-1] /= 2  # one-sided: half a cycle from point to point is its own mirror image
    expected = (SAMPLES - 1) / SAMPLES * (k * power).sum() / power.sum()
    assert centroid(tiny_evaluator, paths, "boxcar", "none") == pytest.approx(expected, rel=1e-5)
    assert centroid(tiny_evaluator, paths, "boxcar", "constant") == pytest.approx(expected, rel=1e-5)
    assert np.isnan(centroid(tiny_evaluator, paths, "boxcar", "linear"))
    assert np.isnan(centroid(tiny_evaluator, paths, "hann", "linear"))


@pytest.mark.parametrize(("window", "detrend"), list(product(get_args(Window), get_args(Detrend))))
def test_every_treatment_against_scipy(tiny_evaluator: Evaluator, window: Window, detrend: Detrend) -> None:
    def wave(place: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.5 + np.tanh(8 * (place - 0.4)) + 0.3 * np.sin(2 * np.pi * 7.3 * place)

    paths = filed(tiny_evaluator, wave)
    # The filed values are float32; less the mean of ten classes, class 0 keeps 9/10, the nine others lose 1/10 each:
    # one signal ten times, whose scale no mean frequency depends on.
    values = wave(np.linspace(0, 1, SAMPLES)).astype(np.float32).astype(np.float64)
    treated = values - values.mean() if detrend == "constant" else values
    if detrend == "linear":
        treated = signal.detrend(values)
    power = np.abs(np.fft.rfft(treated * signal.get_window(window, SAMPLES))) ** 2
    power[1:-1] *= 2
    frequency = np.fft.rfftfreq(SAMPLES, 1 / (SAMPLES - 1))
    expected = (frequency * power)[1:].sum() / power[1:].sum()
    assert centroid(tiny_evaluator, paths, window, detrend) == pytest.approx(expected, rel=1e-6)


def test_which_of_two_models_is_faster_can_depend_on_the_treatment(tiny_evaluator: Evaluator) -> None:
    """A model that steps once, and one that waves a little: the step's leak outweighs the wave."""
    ev, other = tiny_evaluator, Recipe({"ft-b": 1})
    paths = filed(ev, lambda place: np.sin(2 * np.pi * 2 * place))
    slope = np.zeros((len(paths.split), 10), dtype=np.float32)
    slope[:, 0] = np.tile(np.linspace(0, 4, SAMPLES) + 0.1 * np.sin(np.linspace(0, 2 * np.pi, SAMPLES)), len(paths))
    ev.record(other, paths.split, slope)

    def faster(window: Window, detrend: Detrend) -> bool:
        first, second = model_frequencies(
            ev,
            {"a": A, "b": other},
            [paths],
            values="logits",
            splits=["val"],
            progress=False,
            window=window,
            detrend=detrend,
        )
        return second.spectra[paths.description].centroid.value > first.spectra[paths.description].centroid.value

    assert faster("boxcar", "none")
    assert not faster("hann", "linear")


def test_other_treatments_run_no_model_again(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    paths = image_paths(ev.suite.id_test, "within", pairs=4, samples=SAMPLES)
    first = model_frequencies(ev, {"a": A}, [paths], splits=["val"], progress=False)
    seen = ev.forward_images
    other = model_frequencies(ev, {"a": A}, [paths], splits=["val"], progress=False, window="boxcar", detrend="none")
    assert ev.forward_images == seen
    assert other[0].centroids() != first[0].centroids()
