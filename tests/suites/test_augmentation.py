"""Augmentations keep shape and type, and do what they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from soupwidgets.suites import AUGMENTATIONS, Augmentation, augmentation

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("shape", [(6, 28, 28), (6, 32, 24, 3)])
def test_every_one_keeps_the_shape_and_repeats_itself(name: str, shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    one = augmentation(name, 0.7)
    found = one.once(images, seed=3)
    assert found.shape == shape
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, one.once(images, seed=3))
    if name != "mixup":
        assert any((one.once(images, seed) != images).any() for seed in range(5))
    np.testing.assert_array_equal(augmentation(name, 0).once(images), images)


def test_a_flip_is_a_mirror_and_has_its_entropy() -> None:
    flip = augmentation("flip")
    found = flip.once(IMAGES, seed=1)
    mirrored = [(a == b[:, ::-1]).all() for a, b in zip(found, IMAGES, strict=True)]
    kept = [(a == b).all() for a, b in zip(found, IMAGES, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert flip.entropy == math.log(2)
    assert augmentation("identity").entropy == 0.0
    assert augmentation("rotate").entropy is None


@pytest.mark.parametrize(("name", "slope"), [("bluenoise", 1), ("pinknoise", -1)])
@pytest.mark.parametrize("shape", [(64, 64), (48, 64)])
def test_noise_has_the_power_of_its_frequency(name: str, slope: float, shape: tuple[int, int]) -> None:
    # Far from black and white, so that nothing is clipped; rounding adds next to nothing (1/12 of a level squared).
    grey = np.full((200, *shape), 128, np.uint8)
    found = augmentation(name, 0.2).once(grey, seed=1).astype(float) - 128
    # The standard deviation is exact but for the rounding, and for both the same.
    np.testing.assert_allclose(found.std(axis=(1, 2)), 255 * 0.4 * 0.2, rtol=0.01)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), 0, atol=0.2)
    power = (np.abs(np.fft.fft2(found)) ** 2).mean(axis=0).ravel()
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(shape[0]), np.fft.fftfreq(shape[1]), indexing="ij")).ravel()
    known = frequency > 0
    fit = np.polyfit(np.log(frequency[known]), np.log(power[known]), 1)
    assert fit[0] == pytest.approx(slope, abs=0.03)
    # A straight line all along, not only on average.
    rest = np.log(power[known]) - np.polyval(fit, np.log(frequency[known]))
    for octave in np.array_split(rest[np.argsort(frequency[known])], 6):
        assert abs(octave.mean()) < 0.05


def test_noise_of_a_frequency_is_the_images_own() -> None:
    first, second = augmentation("pinknoise", 0.2).once(np.full((2, 32, 32, 3), 128, np.uint8)).astype(float) - 128
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.5
    assert (first[..., 0] != first[..., 1]).any()
    assert augmentation("bluenoise").once(np.zeros((1, 1, 1), np.uint8)).shape == (1, 1, 1)


def test_it_does_not_touch_the_random_numbers_of_others() -> None:
    torch.manual_seed(0)
    before = torch.rand(3)
    torch.manual_seed(0)
    augmentation("noise").once(IMAGES)
    assert torch.equal(torch.rand(3), before)


@pytest.mark.parametrize(
    "transform", [lambda image: image[:, :20], lambda image: image.float(), lambda image: image.numpy()]
)
def test_a_transform_that_changes_the_shape_or_type_is_said(transform: object) -> None:
    with pytest.raises(ValueError, match=r"'mine' made .* out of torch.uint8 .1, 28, 28.: it must keep shape and type"):
        Augmentation("mine", transform).once(IMAGES)  # type: ignore[arg-type]


def test_unknown_names_and_strengths_are_said() -> None:
    with pytest.raises(ValueError, match="no augmentation 'shake'; known are identity, flip"):
        augmentation("shake")
    with pytest.raises(ValueError, match=r"lies in 0..1, not at 2"):
        augmentation("flip", 2)
