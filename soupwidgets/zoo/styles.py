"""The styles in which images are shown in pre-training."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from soupwidgets.suites.transforms import corruptions
from soupwidgets.zoo.captions import STYLES

CLEAN_SHARE = 0.04
FLIP_SHARE = 0.3
_DRAWN = tuple(style for style in STYLES if style != "clean")


def _uniform(rng: np.random.Generator, low: float, high: float, n: int) -> Tensor:
    return torch.from_numpy(rng.uniform(low, high, n)).float()


def _textures(rng: np.random.Generator, n: int, size: int) -> Tensor:
    """Smooth random blobs in 0..0.7, ``[n, size, size]``."""
    coarse = torch.from_numpy(rng.random((n, 1, 7, 7))).float()
    return 0.7 * F.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)[:, 0]


def _apply(style: str, images: Tensor, rng: np.random.Generator) -> Tensor:
    n, size = len(images), images.shape[-1]
    if style == "invert":
        return corruptions.invert(images)
    if style == "rotate":
        sign = torch.from_numpy(rng.choice([-1.0, 1.0], n)).float()
        return corruptions.rotate(images, sign * _uniform(rng, 10, 60, n))
    if style == "blur":
        return corruptions.blur(images, _uniform(rng, 0.7, 2.2, n))
    if style == "noise":
        normal = torch.from_numpy(rng.standard_normal(images.shape)).float()
        return corruptions.noise(images, _uniform(rng, 0.1, 0.5, n), normal)
    if style == "contrast":
        gain = _uniform(rng, 0.15, 0.5, n)
        return corruptions.contrast(images, gain, (1 - gain) * _uniform(rng, 0, 1, n))
    if style == "sketch":
        return corruptions.sketch(images)
    if style == "scale":
        factor = _uniform(rng, 0.5, 0.85, n)
        room = 1 - factor
        right, down = _uniform(rng, -1, 1, n) * room, _uniform(rng, -1, 1, n) * room
        return corruptions.scale(images, factor, right, down)
    if style == "background":
        return corruptions.on_background(images, _textures(rng, n, size))
    return images


def draw(images: Tensor, rng: np.random.Generator) -> tuple[Tensor, list[str]]:
    """Show each image in a randomly chosen style.

    Parameters
    ----------
    images
        Grey images ``[n, height, width]``, values in 0..1.
    rng
        Source of all randomness.

    Returns
    -------
    tuple[Tensor, list[str]]
        The styled images, and the name of each one's style.
    """
    flip = torch.from_numpy(rng.random(len(images)) < FLIP_SHARE)
    images = torch.where(flip[:, None, None], images.flip(-1), images)
    clean = rng.random(len(images)) < CLEAN_SHARE
    drawn = rng.integers(len(_DRAWN), size=len(images))
    styles = ["clean" if c else _DRAWN[d] for c, d in zip(clean, drawn, strict=True)]
    styled = images.clone()
    for style in _DRAWN:
        rows = torch.tensor([i for i, s in enumerate(styles) if s == style], dtype=torch.long)
        if len(rows):
            styled[rows] = _apply(style, images[rows], rng)
    return styled, styles
