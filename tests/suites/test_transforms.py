"""One decorator makes a function a distribution shift and an augmentation, of grey images and of colours."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from soupwidgets.suites import AUGMENTATIONS, TRANSFORMS, Shift, augmentation, transform
from soupwidgets.suites.transforms import corruptions
from soupwidgets.zoo.suite import SHIFTS

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (8, 20, 20), dtype=np.uint8)
COLOURS = RNG.integers(0, 256, (8, 20, 20, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, one in list(TRANSFORMS.items()):
        monkeypatch.setitem(TRANSFORMS, name, one)
    for name in ("own", "dim"):
        monkeypatch.setitem(TRANSFORMS, name, None)
        del TRANSFORMS[name]


@pytest.mark.parametrize("name", [name for name in SHIFTS if name != "noise"])
def test_a_shift_of_colours_is_that_of_each_plane(name: str) -> None:
    found = SHIFTS[name].apply(COLOURS)
    planes = np.stack([SHIFTS[name].apply(np.ascontiguousarray(COLOURS[..., c])) for c in range(3)], axis=-1)
    if name == "sketch":
        # Edges are scaled to the brightest of the image, whatever its colour.
        assert found.max() == 255
        assert ((found == 255).sum(axis=(1, 2, 3)) >= 1).all()
    else:
        np.testing.assert_array_equal(found, planes)


def test_noise_is_another_in_every_colour() -> None:
    plain = np.full((4, 20, 20, 3), 128, np.uint8)
    found = SHIFTS["noise"].apply(plain).astype(int) - 128
    assert abs(found).max(axis=(1, 2, 3)).min() > 50
    assert abs(np.corrcoef(found[..., 0].ravel(), found[..., 1].ravel())[0, 1]) < 0.1


def test_many_images_are_shifted_like_few(monkeypatch: pytest.MonkeyPatch) -> None:
    shifts = [SHIFTS["wave"], SHIFTS["noise"], Shift("cutout", 1, {"strength": (0.2, 1)})]
    whole = [shift.apply(COLOURS) for shift in shifts[:2]]
    monkeypatch.setattr("soupwidgets.suites.shifts._MOST_NUMBERS", COLOURS[:3].size)
    for shift, expected in zip(shifts, whole, strict=False):
        np.testing.assert_array_equal(shift.apply(COLOURS), expected)
    np.testing.assert_array_equal(shifts[2].apply(GREY), shifts[2].apply(GREY))
    assert shifts[2].apply(GREY[:0]).shape == (0, 20, 20)


@pytest.mark.parametrize("images", [GREY, COLOURS], ids=["grey", "colours"])
def test_a_function_of_images_shifts_and_augments(images: np.ndarray) -> None:
    @transform("dim", amount=(0, 0.5))
    def dim(images: Tensor, amount: Tensor, standard_normal: Tensor) -> Tensor:
        assert (images.dtype, standard_normal.shape) == (torch.float64, images.shape)
        return images * (1 - amount)

    shift = Shift("dim", 0, {"amount": (0.25, 0.25)})
    np.testing.assert_allclose(shift.apply(images), images * 0.75, atol=0.5 + 1e-9)
    assert Shift.from_json(shift.to_json()) == shift
    assert "dim" in AUGMENTATIONS
    half = augmentation("dim", 0.5)
    assert half.name == "dim 0.5"
    found = half.once(images, seed=3)
    np.testing.assert_array_equal(found, half.once(images, seed=3))
    darker = images.reshape(8, -1).mean(axis=1) / found.reshape(8, -1).mean(axis=1)
    assert (darker >= 0.99).all()
    assert (darker < 1 / 0.74).all()
    assert len(set(darker.round(3))) > 4


@pytest.mark.parametrize("images", [GREY, COLOURS], ids=["grey", "colours"])
def test_a_function_of_the_strength_augments_and_shifts(images: np.ndarray) -> None:
    @transform("own")
    def own(strength: float) -> Any:
        return lambda image: (image * strength).to(torch.uint8)

    np.testing.assert_array_equal(augmentation("own", 0.5).once(images), images // 2)
    np.testing.assert_array_equal(Shift("own", 0, {"strength": (0.5, 0.5)}).apply(images), images // 2)
    varied = Shift("cutout", 0, {"strength": (0.1, 1)})
    found = varied.apply(images)
    np.testing.assert_array_equal(found, varied.apply(images))
    blank = (found == 0).reshape(8, -1).mean(axis=1)
    assert 0.01 < blank.min() < 0.15 < blank.max() < 0.3


def test_a_name_may_be_of_one_function_for_shifts_and_of_one_for_augmentations() -> None:
    assert TRANSFORMS["rotate"].pixels is not None
    assert TRANSFORMS["rotate"].by_strength is not None
    assert TRANSFORMS["wave"].augments is False
    assert "wave" not in AUGMENTATIONS
    with pytest.raises(ValueError, match="no augmentation 'wave'"):
        augmentation("wave")
    assert all(one.summary.endswith(".") for one in TRANSFORMS.values())


def test_an_augmentation_goes_to_another_process() -> None:
    transform("own", gain=(1, 0.5), offset=(0, 0.5))(corruptions.contrast)
    one = augmentation("own", 0.5)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(one)).once(GREY, 1), one.once(GREY, 1))


def test_what_is_no_transform_is_refused() -> None:
    for name, ranges, function, why in [
        ("Own one", {}, lambda images: images, "'Own one' cannot be a transform's name"),
        ("identity", {}, lambda images: images, "'identity' cannot be"),
        ("own", {}, lambda pixels: pixels, "its first parameter is images or strength"),
        ("own", {"a": (0, 1)}, lambda images, b: images, "ranges are given of a, it takes b"),
        ("own", {"a": (0, 1)}, lambda strength: None, "ranges are given of a, it takes none"),
        ("rotate", {}, lambda images: images, r"there is a transform 'rotate' already, in soupwidgets\.suites"),
    ]:
        with pytest.raises(ValueError, match=why):
            transform(name, **ranges)(function)  # type: ignore[arg-type]
    transform("own")(lambda images: images[..., :5])
    with pytest.raises(ValueError, match=r"'own' made .* out of"):
        Shift("own", 0).apply(GREY)
    with pytest.raises(ValueError, match="One of your own is known once the file that defines it is imported"):
        Shift("fog", 0)
