"""Label noise against its formula, and noise of a frequency found at that frequency."""

from __future__ import annotations

import numpy as np
import pytest

from soupwidgets.suites import fourier_basis
from soupwidgets.training import LabelNoise, followed_share, noisy_targets, norms

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 8, 8), dtype=np.uint8)


def test_radial_noise_is_its_formula() -> None:
    noise = LabelNoise(frequency=0.7, amplitude=0.3)
    radius = np.sqrt(((IMAGES / 255) ** 2).sum(axis=(1, 2)))
    np.testing.assert_allclose(norms(IMAGES), radius)
    assert noise.offset(IMAGES) == pytest.approx(radius.mean())
    expected = 0.3 * (1 + np.sin(2 * np.pi * 0.7 * (radius - radius.mean())))
    np.testing.assert_allclose(noise.values(IMAGES, noise.offset(IMAGES)), expected)


@pytest.mark.parametrize("frequency", [0.5, 1.25, 3.0])
def test_radial_noise_of_a_frequency_is_found_there(frequency: float) -> None:
    # Grey images whose norms are evenly spaced, as far as 256 levels allow: on 64 x 64 pixels a level is 1/4.
    levels = np.arange(0, 256, dtype=np.uint8)
    images = np.broadcast_to(levels[:, None, None], (256, 8, 8)).copy()
    spacing = 8 / 255
    values = LabelNoise(frequency, 0.5).values(images, 0.0)
    power = np.abs(np.fft.rfft((values - values.mean()) * np.hanning(256))) ** 2
    found = np.fft.rfftfreq(256, spacing)[power.argmax()]
    assert found == pytest.approx(frequency, abs=1 / (256 * spacing))


def test_directions_are_unit_vectors() -> None:
    wave = fourier_basis(8, 8, 2, 1)
    along_wave = LabelNoise(1.0, direction=(2, 1)).positions(IMAGES, 0.0)
    np.testing.assert_allclose(along_wave, (IMAGES / 255).reshape(50, -1) @ wave.ravel(), atol=1e-6)
    random = LabelNoise(1.0, direction="random", seed=3)
    identity = np.eye(64).reshape(64, 8, 8) * 255
    direction = random.positions(identity.astype(np.uint8), 0.0)
    assert np.linalg.norm(direction) == pytest.approx(1)
    np.testing.assert_allclose(random.positions(IMAGES, 0.0), (IMAGES / 255).reshape(50, -1) @ direction)
    assert not np.allclose(
        direction, LabelNoise(1.0, direction="random", seed=4).positions(identity.astype(np.uint8), 0)
    )
    colour = np.repeat(IMAGES[..., None], 3, axis=-1)
    np.testing.assert_allclose(
        LabelNoise(1.0, direction=(2, 1)).positions(colour, 0.0), along_wave * np.sqrt(3), atol=1e-6
    )


def test_targets_are_distributions() -> None:
    targets = noisy_targets(np.array([0, 2]), np.array([0.0, 0.6]), 3)
    np.testing.assert_allclose(targets, [[1, 0, 0], [0.2, 0.2, 0.6]], rtol=1e-6)


def test_followed_share_is_one_for_the_noise_and_zero_for_the_labels() -> None:
    rng = np.random.default_rng(1)
    labels, noise = rng.integers(0, 10, 500), rng.uniform(0, 1, 500)
    exact = noisy_targets(labels, noise, 10).astype(float)
    assert followed_share(exact, labels, noise) == pytest.approx(1, abs=1e-5)
    assert followed_share(np.eye(10)[labels], labels, noise) == pytest.approx(0)
    half = (exact + np.eye(10)[labels]) / 2
    assert followed_share(half, labels, noise) == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize("wrong", [{"frequency": 0}, {"amplitude": 0.6}, {"amplitude": 0}, {"direction": "sideways"}])
def test_what_is_no_noise_is_said(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"noise needs|a direction is"):
        LabelNoise(**({"frequency": 1.0} | wrong))  # type: ignore[arg-type]
