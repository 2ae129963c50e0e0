"""Signal, window, trend and statistic of spectra along paths: closed forms, and scipy and numpy as oracles."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal, stats

from soupwidgets import Evaluator, Recipe
from soupwidgets.evaluation import probe
from soupwidgets.topics.spectrum.frequency_table import frequency_frame, frequency_trends, model_frequencies
from soupwidgets.topics.spectrum.image_paths import ImagePaths, image_paths
from soupwidgets.topics.spectrum.path_spectrum import path_spectrum, treated_spectra
from soupwidgets.topics.spectrum.power import followed, number_of, power_density
from soupwidgets.topics.spectrum.treatment import (
    RELEASE,
    Detrend,
    Statistic,
    Treatment,
    Values,
    Window,
    all_treatments,
)

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
    assert spectrum.treatment == Treatment("logits", window, detrend)
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


def on_a_straight_line(ev: Evaluator) -> tuple[ImagePaths, float]:
    """Paths on which the probabilities move evenly from one place to another, and the distance of the two."""
    paths = image_paths(ev.suite.id_test, "between", pairs=4, samples=SAMPLES)
    start, end = np.full((2, 10), 0.05)
    start[0], end[1] = 0.55, 0.55
    along = np.tile(np.linspace(0, 1, SAMPLES), len(paths))[:, None]
    # Probabilities are the softmax of their logarithms.
    ev.record(A, paths.split, np.log((1 - along) * start + along * end).astype(np.float32))
    return paths, float(np.sqrt(2) * 0.5)


def test_the_distance_from_the_start_of_a_straight_line_is_a_ramp(tiny_evaluator: Evaluator) -> None:
    """The ramp d n / (N - 1) has |DFT|^2 = (d / (N - 1))^2 N^2 / (4 sin^2(pi k / N)) at k > 0 (geometric series)."""
    paths, distance = on_a_straight_line(tiny_evaluator)
    logits = probe(tiny_evaluator, A, paths.split)[:SAMPLES]
    signal_along = followed(logits, "distance")
    assert signal_along.shape == (SAMPLES, 1)
    np.testing.assert_allclose(signal_along[:, 0], distance * np.linspace(0, 1, SAMPLES), atol=1e-6)
    found = path_spectrum(tiny_evaluator, A, paths, treatment=RELEASE, progress=False)
    k = np.arange(1, SAMPLES // 2)
    transform = (distance / (SAMPLES - 1)) ** 2 * SAMPLES**2 / (4 * np.sin(np.pi * k / SAMPLES) ** 2)
    # One-sided, per unit of frequency: twice the transform over N (N - 1) points per path.
    np.testing.assert_allclose(found.mean[1:-1], 2 * transform / (SAMPLES * (SAMPLES - 1)), rtol=1e-5)
    # A straight line of probabilities is a straight line: ours takes all of it away.
    ours = path_spectrum(tiny_evaluator, A, paths, progress=False)
    assert ours.power.value < 1e-10


def test_the_release_by_numpys_transform(tiny_evaluator: Evaluator) -> None:
    """As ``batch_interpolation`` has it, but for the softmax, which is that of each point."""
    ev = tiny_evaluator
    paths = image_paths(ev.suite.id_test, "within", pairs=6, samples=SAMPLES)
    logits = 3 * np.random.default_rng(0).standard_normal((len(paths.split), 10))
    ev.record(A, paths.split, logits.astype(np.float32))
    spectra = []
    for path in logits.astype(np.float32).astype(np.float64).reshape(6, SAMPLES, 10):
        probs = np.exp(path) / np.exp(path).sum(axis=1, keepdims=True)
        distances = np.linalg.norm(probs - probs[0], axis=1)
        spectra.append(np.abs(np.fft.fft(distances)) ** 2)
    mean = np.mean(spectra, axis=0)
    cycles = np.abs(np.fft.fftfreq(SAMPLES, 1 / (SAMPLES - 1)))
    found = path_spectrum(ev, A, paths, treatment=RELEASE, progress=False)
    moving = cycles > 0
    assert found.centroid.value == pytest.approx((cycles * mean).sum() / mean[moving].sum())
    # Parseval: the mean square is the sum of the squared transform over N squared.
    assert found.power.value == pytest.approx(mean[moving].sum() / SAMPLES**2)
    assert found.share.value == pytest.approx(mean[cycles > cycles.max() / 4].sum() / mean[moving].sum())
    # Parts of it can be replaced, and the old arguments say the same.
    parts = path_spectrum(ev, A, paths, "distance", window="boxcar", detrend="none", progress=False)
    np.testing.assert_array_equal(parts.density, found.density)
    assert path_spectrum(ev, A, paths, treatment=RELEASE, window="hann", progress=False).treatment == Treatment(
        "distance", "hann", "none"
    )


def test_two_sines_have_the_numbers_that_are_worked_out_by_hand(tiny_evaluator: Evaluator) -> None:
    """Amplitudes 2 and 1 at 2 and 11 cycles of at most 16: a fifth of the power is fast."""
    n = np.arange(SAMPLES)
    wave = 2 * np.sin(2 * np.pi * 2 * n / SAMPLES) + np.sin(2 * np.pi * 11 * n / SAMPLES)
    frequency, density = power_density(wave[:, None], 1 / SAMPLES, window="boxcar", detrend="none")
    assert number_of("share", frequency, density) == pytest.approx(1 / 5)
    assert number_of("centroid", frequency, density) == pytest.approx((4 * 2 + 11) / 5)
    assert number_of("power", frequency, density) == pytest.approx((4 + 1) / 2)
    # At a quarter of the highest frequency is not above it.
    edge = power_density(np.sin(2 * np.pi * 4 * n / SAMPLES)[:, None], 1 / SAMPLES, window="boxcar", detrend="none")
    assert number_of("share", *edge) == pytest.approx(0, abs=1e-12)
    for statistic in get_args(Statistic):
        nothing = number_of(statistic, frequency, np.zeros(17))
        assert nothing == 0 if statistic == "power" else np.isnan(nothing)


def test_many_paths_at_once_are_paths_one_by_one() -> None:
    values = np.random.default_rng(0).standard_normal((3, SAMPLES, 10))
    _, together = power_density(values, 0.1)
    np.testing.assert_allclose(together, [power_density(one, 0.1)[1] for one in values])
    logits = values.astype(np.float32)
    for what in get_args(Values):
        np.testing.assert_allclose(followed(logits, what), [followed(one, what) for one in logits])


def test_every_treatment_that_differs(tiny_evaluator: Evaluator) -> None:
    """None is missing but the mean taken off without window, which is the same above frequency 0."""
    every = {Treatment(*parts) for parts in product(get_args(Values), get_args(Window), get_args(Detrend))}
    left_out = every - set(all_treatments())
    assert left_out == {Treatment(values, "boxcar", "constant") for values in get_args(Values)}
    ev = tiny_evaluator
    paths = image_paths(ev.suite.id_test, "within", pairs=4, samples=SAMPLES)
    logits = np.random.default_rng(0).standard_normal((len(paths.split), 10)).astype(np.float32)
    for one in left_out:
        twins = treated_spectra(logits, paths, [one, one.changed(detrend="none")])
        for statistic in get_args(Statistic):
            assert twins[0].number(statistic).value == pytest.approx(twins[1].number(statistic).value)


def test_the_statistic_of_tables_and_trends(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    recipes = {f"alpha {a}": Recipe({"zero-shot": 1 - a, "ft-a": a}) for a in (0, 0.25, 0.5, 1)}
    paths = [image_paths(ev.suite.id_test, "within", pairs=10, samples=16)]
    models = model_frequencies(ev, recipes, paths, progress=False, treatment=RELEASE)
    frame = frequency_frame(models, "power")
    assert frame["within a class"].tolist() == [m.spectra["within a class"].power.value for m in models]
    (trend,) = [t for t in frequency_trends(models, "power") if t.accuracy == "ID test"]
    assert trend.correlation == pytest.approx(stats.spearmanr(frame["within a class"], frame["ID test"]).statistic)
