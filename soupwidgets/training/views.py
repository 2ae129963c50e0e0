"""Training images in the form in which a model sees them: flipped, cropped, augmented, normalised."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.models import Images
from soupwidgets.suites import Augmentation, Split
from soupwidgets.training.hyperparameters import Hyperparameters


class Views:
    """Training images in the form in which the model sees them.

    Parameters
    ----------
    split
        The images.
    inputs
        Determines how they are normalised.
    settings
        Determine how they are flipped, cropped and augmented.
    device
        Where to compute.
    augmentation
        A further augmentation, applied after those; a static one is applied before, to each image once.
    """

    def __init__(
        self,
        split: Split,
        inputs: Images,
        *,
        settings: Hyperparameters,
        device: torch.device,
        augmentation: Augmentation | None = None,
    ) -> None:
        self._images, self._settings, self._device = split.images, settings, device
        self._augmentation, self._channels = augmentation, inputs.channels
        self._once: NDArray[np.uint8] | None = None
        self._mean, self._std = (
            torch.tensor(x, dtype=torch.float32).view(-1, 1, 1).to(device) for x in (inputs.mean, inputs.std)
        )

    def plain(self, rows: NDArray[np.int64]) -> Tensor:
        """Unchanged images ``[n, channels, height, width]`` (uint8)."""
        return self._channels_first(self._images[rows])

    def show(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Randomly flipped, cropped and augmented images, with values in 0..1."""
        augmentation = self._augmentation
        static = augmentation is not None and augmentation.static
        images = self._channels_first(self._changed_once()[rows]) if static else self.plain(rows)
        flip = torch.from_numpy(rng.random(len(rows)) < self._settings.flip).to(self._device)
        images = torch.where(flip[:, None, None, None], images.flip(-1), images)
        seed = int(rng.integers(2**62))
        if self._settings.crop < 1 or self._settings.randaugment_operations:
            images = _augment(images, self._settings, seed)
        if augmentation is not None and not static:
            images = augmentation.apply(images, seed)
        return images.float() / 255

    def _changed_once(self) -> NDArray[np.uint8]:
        """The images as the static augmentation leaves them, by the training's seed."""
        if self._once is None:
            assert self._augmentation is not None
            count = min(self._settings.images or len(self._images), len(self._images))
            self._once = self._augmentation.once(np.asarray(self._images[:count]), self._settings.seed)
        return self._once

    def _channels_first(self, found: NDArray[np.uint8]) -> Tensor:
        pixels = torch.from_numpy(np.ascontiguousarray(found))
        return (pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)).to(self._device)

    def normalise(self, images: Tensor) -> Tensor:
        """Convert images to the model's input: normalised, a grey image once for each channel."""
        images = (images - self._mean) / self._std
        return images.expand(-1, self._channels, -1, -1)


def _augment(images: Tensor, settings: Hyperparameters, seed: int) -> Tensor:
    from torchvision.transforms import v2

    size = list(images.shape[-2:])
    steps: list[Any] = []
    if settings.crop < 1:
        steps.append(v2.RandomResizedCrop(size, scale=(settings.crop, 1.0), antialias=True))
    if settings.randaugment_operations:
        steps.append(v2.RandAugment(settings.randaugment_operations, settings.randaugment_magnitude))
    transform = v2.Compose(steps)
    # torchvision uses torch's global generator, which dropout in the tower uses as well.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.stack([transform(image) for image in images])
