"""Label noise against its formula, and noise of a frequency found at that frequency."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

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


def test_uniform_noise_is_the_amplitude_everywhere() -> None:
    noise = LabelNoise(0.0, 0.3, "uniform")
    assert noise.name == "uniform"
    assert noise.values(IMAGES, 0.0).tolist() == [0.3] * 50
    # No model can be asked which images it is on.
    assert np.isnan(followed_share(np.eye(10)[np.zeros(50, int)], np.zeros(50, int), noise.values(IMAGES, 0.0)))


def test_independent_noise_is_the_images_own_and_says_nothing_of_others() -> None:
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (2000, 8, 8), dtype=np.uint8)
    noise = LabelNoise(0.0, 0.4, "independent")
    found = noise.values(images, 0.0)
    # Uniform on 0..0.8, by the test of Kolmogorov and Smirnov.
    assert stats.kstest(found / 0.8, "uniform").pvalue > 0.01
    # It follows the image wherever it stands, and a level in one pixel changes it altogether.
    order = rng.permutation(2000)
    np.testing.assert_array_equal(noise.values(images[order], 5.0), found[order])
    images[:, 0, 0] ^= 1
    assert abs(np.corrcoef(noise.values(images, 0.0), found)[0, 1]) < 0.1
    assert not np.allclose(LabelNoise(0.0, 0.4, "independent", seed=1).values(images, 0.0), found)


def test_nobody_who_knows_the_image_follows_independent_noise_and_its_own_labels_do() -> None:
    images = np.random.default_rng(2).integers(0, 256, (2000, 8, 8), dtype=np.uint8)
    labels = np.random.default_rng(3).integers(0, 10, 2000)
    noise = LabelNoise(0.0, 0.5, "independent").values(images, 0.0)
    assert followed_share(noisy_targets(labels, noise, 10).astype(float), labels, noise) == pytest.approx(1, abs=1e-5)
    # Predictions with the noise of a sine: the slope between independent numbers has mean 0 and the standard
    # deviation std(sine) / std(noise) / sqrt(n).
    sine = LabelNoise(0.7).values(images, LabelNoise(0.7).offset(images))
    spread = sine.std() / noise.std() / np.sqrt(2000)
    assert abs(followed_share(noisy_targets(labels, sine, 10).astype(float), labels, noise)) < 3 * spread < 0.1


def test_loss_on_labels_with_independent_noise_is_that_with_uniform_noise() -> None:
    images = np.random.default_rng(2).integers(0, 256, (2000, 8, 8), dtype=np.uint8)
    labels = np.random.default_rng(3).integers(0, 10, 2000)
    logits = 2 * np.random.default_rng(4).standard_normal((2000, 10))
    log = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    each = {k: -(noisy_targets(labels, LabelNoise(0.0, 0.5, k).values(images, 0.0), 10) * log).sum(axis=1)
            for k in ("uniform", "independent")}  # fmt: skip
    difference = each["independent"] - each["uniform"]
    assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(2000) < 0.1


@pytest.mark.parametrize(
    ("noise", "name"),
    [
        (LabelNoise(0.5), "radial 0.5"),
        (LabelNoise(0.5, of_class=3), "radial 0.5 of class 3"),
        (LabelNoise(0.5, direction=(2, 1), of_class=0), "wave 2,1 0.5 of class 0"),
        (LabelNoise(0.0, 0.5, "independent", of_class=3), "independent of class 3"),
    ],
)
def test_names_tell_kinds_apart(noise: LabelNoise, name: str) -> None:
    assert noise.name == name


def test_noise_of_one_class_is_on_its_labels() -> None:
    labels = np.array([3, 0, 3, 9])
    assert LabelNoise(0.5, of_class=3).affected(labels).tolist() == [True, False, True, False]
    assert LabelNoise(0.5).affected(labels).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"frequency": 0}, {"amplitude": 0.6}, {"amplitude": 0}, {"direction": "sideways"},
        {"direction": "uniform"}, {"direction": "independent", "frequency": -1}, {"of_class": -1},
    ],
)  # fmt: skip
def test_what_is_no_noise_is_said(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"noise needs|a direction is|classes are numbered from 0"):
        LabelNoise(**({"frequency": 1.0} | wrong))  # type: ignore[arg-type]
