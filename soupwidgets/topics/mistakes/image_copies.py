"""Copies of an image as duplicates have them: planted ones, and views of an image under which they are looked for."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

# Of JPEG.
_QUALITY = 75
# Images are moved by a pixel of so many.
_PIXELS = 28


def _moved(images: torch.Tensor, axis: int, sign: int) -> torch.Tensor:
    """Images moved by a pixel for every 28 along an axis; edges are repeated."""
    size = images.shape[axis]
    step = sign * max(1, round(size / _PIXELS))
    places = (torch.arange(size, device=images.device) - step).clamp(0, size - 1)
    return images.index_select(axis, places)


# Networks that were trained on small images tell a picture from the same one a pixel aside, or mirrored.
VIEWS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "as it is": lambda images: images,
    "flipped": lambda images: images.flip(-1),
    "from the left": lambda images: _moved(images, -1, 1),
    "from the right": lambda images: _moved(images, -1, -1),
    "from above": lambda images: _moved(images, -2, 1),
    "from below": lambda images: _moved(images, -2, -1),
}


def planted_copies(images: NDArray[np.uint8]) -> Mapping[str, NDArray[np.uint8]]:
    """Copies of images as duplicates have them, by how they were changed.

    Parameters
    ----------
    images
        ``[n, height, width]`` or ``[n, height, width, 3]``.

    Returns
    -------
    Mapping[str, NDArray[np.uint8]]
        Shifted to the right by a pixel for every 28 of the width, edges repeated; flipped left to right; and written as
        JPEG of quality 75 and read again.
    """
    step = max(1, round(images.shape[2] / _PIXELS))
    shifted = np.concatenate([np.repeat(images[:, :, :1], step, axis=2), images[:, :, :-step]], axis=2)
    return {
        "shifted": shifted,
        "flipped": np.ascontiguousarray(images[:, :, ::-1]),
        "re-encoded": _each(images, _as_jpeg),
    }


def _each(images: NDArray[np.uint8], change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack([change(image) for image in images])


def _as_jpeg(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=_QUALITY)
    with Image.open(file) as again:
        return np.asarray(again, dtype=np.uint8)
