"""Augmentations: transforms of training images, and how much of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.suites.transforms.transform import TRANSFORMS, Transform, from_channels, to_channels


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
    static
        Whether each training image is changed once, before training, and looks the same in every epoch.

    Raises
    ------
    ValueError
        When a static augmentation mixes images, which it would have to do anew in every step.

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
    static: bool = False

    def __post_init__(self) -> None:
        if self.static and self.mixup:
            raise ValueError(f"augmentation {self.name!r} mixes pairs of each step: it cannot be static")

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
        return from_channels(self.apply(to_channels(images), seed), images.ndim == 3)

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
    found = AUGMENTATIONS[name].at(strength)
    return replace(found, name=called) if isinstance(found, Augmentation) else Augmentation(called, found)


class _Augmentations(Mapping[str, Transform]):
    """The transforms that have a strength, as they are known now."""

    def __getitem__(self, name: str) -> Transform:
        if not TRANSFORMS[name].augments:
            raise KeyError(name)
        return TRANSFORMS[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name, one in TRANSFORMS.items() if one.augments)

    def __len__(self) -> int:
        return sum(1 for _ in self)


AUGMENTATIONS: Mapping[str, Transform] = _Augmentations()
