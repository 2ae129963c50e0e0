"""A split's images in a fixed random order, ready for a model."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.models import Architecture
from soupwidgets.suites import Split

_ORDER_SEED = 0


class SplitReader:
    """Batches of a split in a seeded order, normalised on the device.

    The first images of the order are a random sample of the split: a partial
    result is therefore an unbiased estimate. The order depends on the split's length
    alone, so every model sees the same images first.

    Parameters
    ----------
    split
        The images and labels.
    architecture
        Determines how images are normalised.
    device
        On CUDA all images are moved there once, if they take less than half of
        what is free; otherwise, and on a CPU, they stay where they are (possibly
        memory-mapped) and each batch is gathered.
    """

    def __init__(self, split: Split, architecture: Architecture, device: torch.device) -> None:
        self.split = split
        self.order = np.random.default_rng(_ORDER_SEED).permutation(len(split))
        self._place = np.argsort(self.order)
        self.labels = torch.from_numpy(split.labels[self.order]).to(device)
        self._device = device
        self._normalise = Normaliser(architecture, device)
        self._resident: Tensor | None = None
        if device.type == "cuda" and 2 * split.images.nbytes < torch.cuda.mem_get_info(device)[0]:
            self._resident = torch.from_numpy(split.images[self.order]).to(device)

    def __len__(self) -> int:
        return len(self.order)

    def batch(self, start: int, stop: int) -> Tensor:
        """Images ``start`` to ``stop`` of the order as ``[n, 3, height, width]``, float32."""
        if self._resident is None:
            return self._normalise(torch.from_numpy(self.split.images[self.order[start:stop]]).to(self._device))
        return self._normalise(self._resident[start:stop])

    def pick(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Images at these positions of the split's own order, in the form of `batch`, and their labels."""
        places = torch.from_numpy(self._place[rows]).to(self.labels.device)
        if self._resident is None:
            return self._normalise(torch.from_numpy(self.split.images[rows]).to(self._device)), self.labels[places]
        return self._normalise(self._resident[places]), self.labels[places]


class Normaliser:
    """Converts pixels to the input of the image tower.

    Parameters
    ----------
    architecture
        Determines mean and standard deviation.
    device
        Where to compute.
    """

    def __init__(self, architecture: Architecture, device: torch.device) -> None:
        # (pixel / 255 - mean) / std as one multiplication and one addition.
        std, mean = (torch.tensor(x, dtype=torch.float64) for x in (architecture.std, architecture.mean))
        self._gain = (1 / (255 * std)).float().view(-1, 1, 1).to(device)
        self._offset = (-mean / std).float().view(-1, 1, 1).to(device)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Pixels ``[n, height, width]`` or ``[n, height, width, 3]`` in 0..255 to ``[n, 3, height, width]``, float32.

        Pixels that are float32 already may be overwritten.
        """
        images = pixels.to(torch.float32)
        grey = images.ndim == 3
        images = images[:, None] if grey else images.permute(0, 3, 1, 2)
        # In place if every image has its own three channels, or one number applies to all of them.
        if grey and len(self._gain) == 3:
            return images * self._gain + self._offset
        images = images.mul_(self._gain).add_(self._offset)
        return images.expand(-1, 3, -1, -1) if grey else images
