"""Blended images against sums worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from soupwidgets import SuiteError
from soupwidgets.suites import BlendSplit, fourier_basis

PIXELS = np.arange(2 * 2 * 2, dtype=np.uint8).reshape(2, 2, 2)


def test_images_are_weighted_sums() -> None:
    split = BlendSplit("x", PIXELS, [0, 1], [1, 1], [[0.75, 0.25], [1.0, -2.0]], [3, 4])
    assert split.images.dtype == np.float32
    np.testing.assert_allclose(split.images[0], 0.75 * PIXELS[0] + 0.25 * PIXELS[1])
    np.testing.assert_allclose(split.images[1], -1.0 * PIXELS[1])
    assert split.labels.tolist() == [3, 4]
    assert split.image_size == (2, 2)
    assert len(split) == 2
    assert split.role == "probe"


def test_colour_images() -> None:
    colour = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    split = BlendSplit("x", colour, [2], [0], [[0.5, 0.5]], [0])
    np.testing.assert_allclose(split.images[0], (colour[2].astype(float) + colour[0]) / 2)


def test_the_hash_knows_everything_that_decides_an_image() -> None:
    def made(**change: Any) -> str:
        given = {"sources": PIXELS, "first": [0], "second": [1], "weights": [[0.5, 0.5]], "labels": [3]} | change
        return BlendSplit("x", **given).content_hash

    others = [
        made(sources=PIXELS + 1), made(first=[1]), made(second=[0]), made(weights=[[0.5, 0.25]]), made(labels=[2]),
        made(sources=PIXELS.astype(np.float32)),
    ]  # fmt: skip
    assert made() == made()
    assert len({made(), *others}) == len(others) + 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sources": PIXELS.astype(np.int32)}, "uint8 or float32"),
        ({"first": [2]}, "place 2, there are 2"),
        ({"second": [-1]}, "names place"),
        ({"weights": [[float("nan"), 0]]}, "not finite"),
        ({"labels": []}, "0 labels"),
        ({"weights": [1.0]}, "weights"),
    ],
)
def test_what_is_no_blend_is_said(change: dict[str, Any], words: str) -> None:
    given = {"sources": PIXELS, "first": [0], "second": [1], "weights": [[0.5, 0.5]], "labels": [3]} | change
    with pytest.raises(SuiteError, match=words):
        BlendSplit("x", **given)


def test_fourier_basis_is_orthonormal_and_lives_at_its_frequency() -> None:
    waves = {(v, h): fourier_basis(8, 8, v, h) for v in range(-3, 4) for h in range(1, 4)}
    flat = np.stack([wave.ravel() for wave in waves.values()])
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-5)
    for (v, h), wave in waves.items():
        there = np.argwhere(np.abs(np.fft.fft2(wave)) > 1e-3)
        assert {tuple(x) for x in there.tolist()} == {(v % 8, h % 8), (-v % 8, -h % 8)}
