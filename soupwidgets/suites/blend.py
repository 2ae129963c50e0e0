"""Images that are weighted sums of two others: made on the device when a model is shown them, and never stored."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites.content import SuiteError
from soupwidgets.suites.split import Form, Role, Source, Split


class BlendSplit(Split):
    """A split whose image ``i`` is ``weights[i, 0] * sources[first[i]] + weights[i, 1] * sources[second[i]]``.

    Points of a straight line between two images are such sums; so is an image with a pattern added to it,
    and the mixture of two images that mixup shows. Nothing is rounded to 256 grey levels or cut off at black and
    white: a model takes any number.

    Parameters
    ----------
    name
        Of the split.
    sources
        ``[m, height, width]`` or ``[m, height, width, 3]``: uint8, or float32 of the same scale (0..255).
    first, second
        Places in ``sources``, ``[n]``.
    weights
        ``[n, 2]``.
    labels
        Class of each image, ``[n]``.

    Raises
    ------
    SuiteError
        When there is no image, a place is not in ``sources``, a weight is not finite, or lengths differ.

    Examples
    --------
    >>> black_and_white = np.stack([np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)])
    >>> grey = BlendSplit("grey", black_and_white, [0], [1], [[0.5, 0.5]], [7])
    >>> grey.images.tolist()
    [[[127.5, 127.5], [127.5, 127.5]]]
    """

    def __init__(self, name: str, sources: NDArray[Any], first: Any, second: Any, weights: Any, labels: Any) -> None:
        role: Role = "probe"
        super().__init__(name, role, Source(images=Path(name), labels=Path(name)))
        self.sources = np.require(sources, requirements=["C", "W"])
        self.first, self.second = (np.asarray(places, dtype=np.int64) for places in (first, second))
        self.weights = np.asarray(weights, dtype=np.float32)
        self._labels = np.asarray(labels, dtype=np.int64)
        n = len(self._labels)
        if self.sources.dtype not in (np.dtype(np.uint8), np.dtype(np.float32)) or self.sources.ndim not in (3, 4):
            raise SuiteError(f"{name}: images are uint8 or float32 arrays, not {self.sources.dtype}")
        if not n or self.first.shape != (n,) or self.second.shape != (n,) or self.weights.shape != (n, 2):
            raise SuiteError(f"{name}: {n} labels, but places {self.first.shape} and weights {self.weights.shape}")
        for places in (self.first, self.second):
            if places.min() < 0 or places.max() >= len(self.sources):
                raise SuiteError(f"{name}: an image names place {places.max()}, there are {len(self.sources)} sources")
        if not np.isfinite(self.weights).all():
            raise SuiteError(f"{name}: a weight is not finite")

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class indices ``[n]``."""
        return self._labels

    @property
    def images(self) -> NDArray[Any]:
        """All images ``[n, height, width(, 3)]`` as float32 in 0..255, made anew: for looking, not for measuring."""
        return self.blend(slice(None))

    def blend(self, rows: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Some images, as float32 in 0..255."""
        shape = (-1,) + (1,) * (self.sources.ndim - 1)
        first, second = (self.weights[rows, i].reshape(shape) for i in (0, 1))
        blended: NDArray[np.float32] = first * self.sources[self.first[rows]].astype(np.float32)
        return blended + second * self.sources[self.second[rows]].astype(np.float32)

    @property
    def form(self) -> Form:
        """One image, as float32."""
        return {"images": (self.sources.shape[1:], "float32")}

    @cached_property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.sources.shape[1]), int(self.sources.shape[2])

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of everything that decides the images and their labels."""
        digest = hashlib.sha256(repr((self.sources.shape, self.sources.dtype.str)).encode())
        for part in (self.sources, self.first, self.second, self.weights, self._labels):
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()
