"""Augmentations of the trade, each from nothing to its full strength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from soupwidgets.suites.augmentation import Augmentation, binary_entropy
from soupwidgets.suites.transforms.transform import transform


@transform("flip")
def flip(strength: float) -> Augmentation:
    """Mirror half of the images, left to right."""
    return Augmentation("flip", _v2().RandomHorizontalFlip(strength / 2), entropy=binary_entropy(strength / 2))


@transform("crop")
def crop(strength: float) -> Any:
    """Enlarge a random part, at full strength of at least a quarter of the image."""
    return _Crop(1 - 0.75 * strength)


@transform("rotate")
def rotate(strength: float) -> Any:
    """Rotate by up to 45 degrees, either way."""
    return _v2().RandomRotation(45 * strength)


@transform("translate")
def translate(strength: float) -> Any:
    """Move by up to three tenths of the image."""
    return _v2().RandomAffine(0, translate=(0.3 * strength, 0.3 * strength))


@transform("colour")
def colour(strength: float) -> Any:
    """Change brightness and contrast by up to eight tenths."""
    return _v2().ColorJitter(brightness=0.8 * strength, contrast=0.8 * strength)


@transform("blur")
def blur(strength: float) -> Any:
    """Blur with a standard deviation of up to two pixels."""
    return _v2().GaussianBlur(7, (0.1, 0.1 + 1.9 * strength))


@transform("noise")
def noise(strength: float) -> Any:
    """Add normal noise, with a standard deviation of four tenths at full strength."""
    v2 = _v2()
    steps = [
        v2.ToDtype(torch.float32, scale=True),
        v2.GaussianNoise(sigma=0.4 * strength),
        v2.ToDtype(torch.uint8, scale=True),
    ]
    return v2.Compose(steps)


@transform("bluenoise")
def blue_noise(strength: float) -> Any:
    """Add noise of power proportional to the frequency f, with a standard deviation of four tenths at full strength."""
    return _PowerLawNoise(1.0, 0.4 * strength)


@transform("pinknoise")
def pink_noise(strength: float) -> Any:
    """Add noise of power proportional to 1/f, with a standard deviation of four tenths at full strength."""
    return _PowerLawNoise(-1.0, 0.4 * strength)


@transform("cutout")
def cutout(strength: float) -> Any:
    """Blank out a square, at full strength a quarter of the image (DeVries and Taylor, arXiv 1708.04552)."""
    return _v2().RandomErasing(p=1, scale=(0.25 * strength, 0.25 * strength), ratio=(1, 1))


@transform("invert")
def invert(strength: float) -> Augmentation:
    """Swap black and white in half of the images."""
    return Augmentation("invert", _v2().RandomInvert(strength / 2), entropy=binary_entropy(strength / 2))


@transform("randaugment")
def randaugment(strength: float) -> Any:
    """Two random operations of RandAugment (arXiv 1909.13719)."""
    return _v2().RandAugment(2, round(30 * strength))


@transform("autoaugment")
def autoaugment(strength: float) -> Any:
    """The policy that AutoAugment found for ImageNet (arXiv 1805.09501)."""
    v2 = _v2()
    return v2.RandomApply([v2.AutoAugment()], p=strength)


@transform("mixup")
def mixup(strength: float) -> Augmentation:
    """Mix pairs of images and their labels (arXiv 1710.09412)."""
    return Augmentation("mixup", mixup=strength)


@dataclass(frozen=True)
class _Crop:
    """A random part of the image, of at least this share of its area, enlarged to the whole."""

    smallest: float

    def __call__(self, image: Tensor) -> Tensor:
        cropped: Tensor = _v2().RandomResizedCrop(list(image.shape[-2:]), (self.smallest, 1.0), antialias=True)(image)
        return cropped


@dataclass(frozen=True)
class _PowerLawNoise:
    """Normal noise of mean 0 whose expected power is proportional to a power of the frequency.

    Its frequency is the length of (vertical, horizontal) in cycles per pixel. Pixels are clipped to 0..255 afterwards,
    which is part of the change as it is for `noise`. The power spectra are those that arXiv 2110.02424 augments by; its
    code adds one fixed image of each, here every image gets a noise of its own.
    """

    exponent: float
    deviation: float

    def __call__(self, image: Tensor) -> Tensor:
        return (image + 255 * self.drawn(image.shape)).round().clamp(0, 255).to(image.dtype)

    def drawn(self, shape: torch.Size) -> Tensor:
        """Noise ``[channels, height, width]`` of this very standard deviation, for pixel values 0..1."""
        height, width = shape[-2:]
        frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width))
        weight = torch.where(frequency > 0, frequency.clamp_min(1 / max(height, width)) ** (self.exponent / 2), 0.0)
        found: Tensor = torch.fft.irfft2(torch.fft.rfft2(torch.randn(shape)) * weight, s=(height, width))
        # The same for both kinds, so that they differ in their spectrum alone. One pixel has no frequency.
        found *= self.deviation / found.square().mean().sqrt().clamp_min(1e-12)
        return found


def _v2() -> Any:
    # torchvision takes a second to import: only who augments waits for it.
    from torchvision.transforms import v2

    return v2
