"""Spectra of images, and a model's sensitivity to waves, against images made of one wave."""

from __future__ import annotations

import numpy as np
import pytest

from soupwidgets import Evaluator, Recipe, Suite
from soupwidgets.evaluation import probe
from soupwidgets.suites import BlendSplit, fourier_basis
from soupwidgets.topics.spectrum.image_spectrum import fourier_sensitivity, image_spectrum, stream_fourier_sensitivity

A = Recipe({"ft-a": 1})


def of(images: np.ndarray) -> BlendSplit:
    n = len(images)
    return BlendSplit("made", images.astype(np.float32), range(n), range(n), [[1, 0]] * n, [0] * n)


@pytest.mark.parametrize(("v", "h"), [(3, 0), (0, 5), (3, 4), (-6, 8)])
def test_a_wave_has_its_power_in_its_ring(v: int, h: int) -> None:
    wave = 127.5 + 50 * np.sqrt(28 * 28 / 2) * fourier_basis(28, 28, v, h)
    found = image_spectrum(of(np.stack([wave, wave])))
    ring = round(np.hypot(v, h))
    assert found.frequency[found.power.argmax()] == ring
    # Two coefficients hold all of the variance; the ring's power is its mean over all of its coefficients.
    y, x = np.meshgrid(*(np.fft.fftfreq(28) * 28,) * 2, indexing="ij")
    coefficients = (np.rint(np.hypot(y, x)) == ring).sum()
    assert found.power.max() * coefficients == pytest.approx((wave / 255).var(), rel=1e-4)
    np.testing.assert_allclose(found.low, found.high, atol=1e-9)


def test_colour_images_and_few_of_them() -> None:
    grey = np.random.default_rng(0).uniform(0, 255, (5, 16, 24)).astype(np.float32)
    colour = np.repeat(grey[..., None], 3, axis=-1)
    np.testing.assert_allclose(image_spectrum(of(colour)).power, image_spectrum(of(grey)).power, rtol=1e-6)
    assert image_spectrum(of(grey), images=3).images == 3


def test_blur_takes_high_frequencies_and_noise_adds_them(suite: Suite) -> None:
    clean, blur, noise = (image_spectrum(suite.splits[name], 200) for name in ("test", "blur", "noise"))
    assert (blur.high[9:] < 0.1 * clean.low[9:]).all()
    assert (noise.low[9:] > 2 * clean.high[9:]).all()


def test_sensitivity_is_what_it_says(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    states = list(stream_fourier_sensitivity(ev, A, norm=3.0, images=30, highest=2))
    assert [s.seen for s in states] == sorted(s.seen for s in states)
    found = states[-1]
    assert found.exact
    assert len(found.frequency) == (5 * 5 - 1) / 2
    # One frequency by hand: images, signs and all.
    rng = np.random.default_rng([0, 4])
    rows = rng.permutation(len(ev.suite.id_test))[:30]
    sign = rng.choice([-1.0, 1.0], size=(30, 13))
    which = 4
    v, h = found.frequency[which]
    split = ev.suite.id_test
    added = sign[:, which + 1, None, None] * 3.0 * 255 * fourier_basis(28, 28, int(v), int(h))
    shown = of(split.images[rows] + added)
    wrong = probe(ev, A, shown).argmax(axis=1) != split.labels[rows]
    assert found.errors[which] == wrong.sum()
    clean = ev.evaluate(A, ["test"]).logits["test"][rows].argmax(axis=1) != split.labels[rows]
    assert found.clean_errors == clean.sum()
    picture = found.grid(2)
    assert picture.shape == (5, 5)
    assert np.isnan(picture[2, 2])
    np.testing.assert_array_equal(picture, picture[::-1, ::-1])
    assert picture[2 + v, 2 + h] == found.error[which]
    assert 0 < found.widest_interval < 0.25


def test_every_wave_is_shown_once() -> None:
    from soupwidgets.topics.spectrum.image_spectrum import _frequencies

    found = _frequencies(4, 8, 8)
    waves = np.stack([fourier_basis(8, 8, v, h).ravel() for v, h in found.tolist()])
    products = np.abs(waves @ waves.T) - np.eye(len(waves))
    assert products.max() < 1e-5
    # 64 coefficients less the mean; four of them are their own opposites, one of which is the mean.
    assert len(found) == (64 - 4) / 2 + 3


def test_bad_input_is_said(tiny_evaluator: Evaluator) -> None:
    for wrong in ({"norm": 0.0}, {"images": 0}):
        with pytest.raises(ValueError, match="must be positive"):
            fourier_sensitivity(tiny_evaluator, A, progress=False, **wrong)  # type: ignore[arg-type]
