"""Each corruption against what it must do in closed form, or against scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import torch

from soupwidgets.suites.transforms import corruptions

IMAGE = torch.zeros(1, 28, 28, dtype=torch.float64)
IMAGE[0, 4:10, 6:20] = 1


def one(*values: float) -> list[torch.Tensor]:
    return [torch.tensor([value], dtype=torch.float64) for value in values]


def test_quarter_turn_is_counter_clockwise() -> None:
    turned = corruptions.rotate(IMAGE, *one(90))
    torch.testing.assert_close(turned[0], torch.rot90(IMAGE[0], 1), atol=1e-9, rtol=0)


def test_no_turn_no_change() -> None:
    torch.testing.assert_close(corruptions.rotate(IMAGE, *one(0)), IMAGE, atol=1e-9, rtol=0)


def test_scale_keeps_share_of_area_and_moves() -> None:
    small = corruptions.scale(IMAGE, *one(0.5, 0, 0))
    assert float(small.sum()) == pytest.approx(0.25 * float(IMAGE.sum()), rel=0.02)
    moved = corruptions.scale(IMAGE, *one(1, 2 / 28, 4 / 28))
    torch.testing.assert_close(moved[0, 2:, 1:], IMAGE[0, :-2, :-1], atol=1e-9, rtol=0)


def test_blur_equals_scipy() -> None:
    noise = torch.from_numpy(np.random.default_rng(0).random((1, 28, 28)))
    expected = scipy.ndimage.gaussian_filter(noise[0].numpy(), 1.3, mode="mirror", radius=4)
    np.testing.assert_allclose(corruptions.blur(noise, *one(1.3))[0].numpy(), expected, atol=1e-9)


def test_sketch_equals_scipys_sobel() -> None:
    smooth = torch.from_numpy(scipy.ndimage.gaussian_filter(np.random.default_rng(0).random((28, 28)), 2))[None]
    x, y = (scipy.ndimage.sobel(smooth[0].numpy(), axis, mode="nearest") for axis in (0, 1))
    expected = np.hypot(x, y) / np.hypot(x, y).max()
    np.testing.assert_allclose(corruptions.sketch(smooth)[0].numpy(), expected, atol=1e-9)


def test_wave_moves_each_row_by_a_sine() -> None:
    # One pixel is 2 / 28 of the half width; at phase pi / 2 and endless period every row moves alike.
    moved = corruptions.wave(IMAGE, *one(2 / 28, 1e9, np.pi / 2))
    torch.testing.assert_close(moved[0, :, :-1], IMAGE[0, :, 1:], atol=1e-6, rtol=0)


def test_pointwise_corruptions() -> None:
    assert torch.equal(corruptions.invert(IMAGE), 1 - IMAGE)
    grey = corruptions.contrast(IMAGE, *one(0.5, 0.2))
    assert sorted(set(grey.flatten().tolist())) == pytest.approx([0.2, 0.7])
    normal = torch.full_like(IMAGE, -2.0)
    assert float(corruptions.noise(IMAGE, *one(0.3), normal).max()) == pytest.approx(0.4)
    striped = corruptions.stripes(torch.full_like(IMAGE, 0.5), *one(0.25, 0.5, 0, 0.1))
    assert sorted(set(striped.flatten().tolist())) == pytest.approx([0.25, 0.75])
    assert (striped[0] == striped[0, 0]).all()  # bars at 0 degrees run from top to bottom


def test_background_shows_where_the_image_is_black() -> None:
    behind = torch.full_like(IMAGE, 0.3)
    laid = corruptions.on_background(IMAGE, behind)
    assert laid[0, 0, 0] == pytest.approx(0.3)
    assert laid[0, 5, 10] == 1
