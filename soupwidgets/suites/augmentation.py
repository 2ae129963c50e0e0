"""Augmentations: what may be done to training images, and how much of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """One way to change training images at random.

    Parameters
    ----------
    name
        What it is called.
    transform
        From one image ``[channels, height, width]`` (uint8) to another of the same shape: a transform or a policy of
        ``torchvision.transforms.v2``, or any function. Random ones draw from torch's generator. For training in several
        processes it must be importable: a function of a module, no lambda.
    mixup
        Parameter of the Beta distribution that mixes pairs of images and their labels; 0 for none (arXiv 1710.09412).
    entropy
        Of the choice that a discrete augmentation makes, in nats; None where choices are not countable.

    Examples
    --------
    >>> black = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    >>> int(Augmentation("invert", lambda image: 255 - image).apply(black, seed=0).min())
    255
    """

    name: str
    transform: Callable[[Tensor], Tensor] | None = None
    mixup: float = 0.0
    entropy: float | None = None

    def apply(self, images: Tensor, seed: int) -> Tensor:
        """Change images ``[n, channels, height, width]`` (uint8), each with random numbers of its own.

        Raises
        ------
        ValueError
            When an image comes back in another shape or type.
        """
        if self.transform is None:
            return images
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            changed = [self._changed(image) for image in images]
        return torch.stack(changed)

    def once(self, images: NDArray[np.uint8], seed: int = 0) -> NDArray[np.uint8]:
        """Change pictures ``[n, height, width]`` or ``[n, height, width, 3]`` once, without mixing them.

        Raises
        ------
        ValueError
            As in `apply`.
        """
        grey = images.ndim == 3
        plain = torch.from_numpy(np.array(images))
        changed = self.apply(plain[:, None] if grey else plain.permute(0, 3, 1, 2), seed)
        found: NDArray[np.uint8] = (changed[:, 0] if grey else changed.permute(0, 2, 3, 1)).numpy()
        return found

    def _changed(self, image: Tensor) -> Tensor:
        assert self.transform is not None
        changed = self.transform(image)
        if not isinstance(changed, Tensor) or changed.shape != image.shape or changed.dtype != image.dtype:
            found = f"{changed.dtype} {tuple(changed.shape)}" if isinstance(changed, Tensor) else type(changed).__name__
            raise ValueError(
                f"augmentation {self.name!r} made {found} out of {image.dtype} {tuple(image.shape)}: "
                "it must keep shape and type, so resize or convert back in it"
            )
        return changed


def binary_entropy(p: float) -> float:
    """Entropy in nats of an event with probability ``p``.

    Examples
    --------
    >>> round(binary_entropy(0.5), 4)
    0.6931
    """
    return sum(-q * math.log(q) for q in (p, 1 - p) if q > 0)


def augmentation(name: str, strength: float = 1.0) -> Augmentation:
    """An augmentation by name, from nothing to its full strength.

    Parameters
    ----------
    name
        One of `AUGMENTATIONS`, or ``"identity"``.
    strength
        0 (nothing) to 1.

    Returns
    -------
    Augmentation
        Called like ``"rotate 0.5"``.

    Raises
    ------
    ValueError
        When there is none of that name, or the strength is not in 0..1.

    Examples
    --------
    >>> augmentation("flip").entropy == math.log(2)
    True
    """
    if name != "identity" and name not in AUGMENTATIONS:
        raise ValueError(f"there is no augmentation {name!r}; known are identity, {', '.join(AUGMENTATIONS)}")
    if not 0 <= strength <= 1:
        raise ValueError(f"the strength of an augmentation lies in 0..1, not at {strength:g}")
    if name == "identity":
        return Augmentation(name, entropy=0.0)
    called = name if strength == 1 else f"{name} {strength:g}"
    if strength == 0:
        return Augmentation(called, entropy=0.0)
    return Augmentation(called, **AUGMENTATIONS[name](strength))


def _flip(s: float) -> dict[str, Any]:
    return {"transform": _v2().RandomHorizontalFlip(s / 2), "entropy": binary_entropy(s / 2)}


def _crop(s: float) -> dict[str, Any]:
    return {"transform": _Crop(1 - 0.75 * s)}


def _rotate(s: float) -> dict[str, Any]:
    return {"transform": _v2().RandomRotation(45 * s)}


def _translate(s: float) -> dict[str, Any]:
    return {"transform": _v2().RandomAffine(0, translate=(0.3 * s, 0.3 * s))}


def _colour(s: float) -> dict[str, Any]:
    return {"transform": _v2().ColorJitter(brightness=0.8 * s, contrast=0.8 * s)}


def _blur(s: float) -> dict[str, Any]:
    return {"transform": _v2().GaussianBlur(7, (0.1, 0.1 + 1.9 * s))}


def _noise(s: float) -> dict[str, Any]:
    v2 = _v2()
    steps = [
        v2.ToDtype(torch.float32, scale=True),
        v2.GaussianNoise(sigma=0.4 * s),
        v2.ToDtype(torch.uint8, scale=True),
    ]
    return {"transform": v2.Compose(steps)}


def _cutout(s: float) -> dict[str, Any]:
    # DeVries and Taylor, arXiv 1708.04552: a square without content, at full strength a quarter of the image.
    return {"transform": _v2().RandomErasing(p=1, scale=(0.25 * s, 0.25 * s), ratio=(1, 1))}


def _invert(s: float) -> dict[str, Any]:
    return {"transform": _v2().RandomInvert(s / 2), "entropy": binary_entropy(s / 2)}


def _randaugment(s: float) -> dict[str, Any]:
    return {"transform": _v2().RandAugment(2, round(30 * s))}


def _autoaugment(s: float) -> dict[str, Any]:
    v2 = _v2()
    return {"transform": v2.RandomApply([v2.AutoAugment()], p=s)}


def _mixup(s: float) -> dict[str, Any]:
    return {"mixup": s}


AUGMENTATIONS: dict[str, Callable[[float], dict[str, Any]]] = {
    "flip": _flip,
    "crop": _crop,
    "rotate": _rotate,
    "translate": _translate,
    "colour": _colour,
    "blur": _blur,
    "noise": _noise,
    "cutout": _cutout,
    "invert": _invert,
    "randaugment": _randaugment,
    "autoaugment": _autoaugment,
    "mixup": _mixup,
}


class _Crop:
    """A random part of the image, of at least this share of its area, enlarged to the whole."""

    def __init__(self, smallest: float) -> None:
        self._smallest = smallest

    def __call__(self, image: Tensor) -> Tensor:
        cropped: Tensor = _v2().RandomResizedCrop(list(image.shape[-2:]), (self._smallest, 1.0), antialias=True)(image)
        return cropped


def _v2() -> Any:
    # torchvision takes a second to import: only who augments waits for it.
    from torchvision.transforms import v2

    return v2
