"""Pictures in words, for reviewers who do not see them: what their pixels say, and what people wrote."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# In thirds of the height and of the width.
_HEIGHTS, _SIDES = ("top", "middle", "bottom"), ("left", "centre", "right")
# How much brighter or darker than the border something must be, as a share of the whole range.
_APART = 0.15
_EVEN = 0.9


def picture_words(pixels: NDArray[np.uint8]) -> str:
    """What pixels alone say of a picture: where something stands out, how large it is, how bright, how even.

    It knows nothing of labels or predictions, so it may be read by whoever judges blind.

    Parameters
    ----------
    pixels
        ``[height, width]`` or ``[height, width, 3]``, uint8.

    Examples
    --------
    >>> image = np.zeros((9, 9), dtype=np.uint8)
    >>> image[1:8, 3:6] = 200
    >>> for sentence in picture_words(image).split(". "):
    ...     print(sentence)
    9 by 9 pixels, dark in the background
    Something bright stands out: 26% of the picture, from 11% to 89% of the height, from 33% to 67% of the width
    It is taller than wide
    Its left and right halves are alike
    It is brightest in the middle of the centre.
    """
    grey = pixels.astype(np.float64) / 255
    colour = _colour_words(grey) if grey.ndim == 3 else ""
    grey = grey.mean(axis=2) if grey.ndim == 3 else grey
    height, width = grey.shape
    border = float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    ground = f"{height} by {width} pixels, {_tone(border)} in the background{colour}."
    apart = np.abs(grey - border) > _APART
    if not apart.any():
        return f"{ground} Nothing stands out."
    down, across = np.flatnonzero(apart.any(axis=1)), np.flatnonzero(apart.any(axis=0))
    top, bottom, left, right = down[0] / height, (down[-1] + 1) / height, across[0] / width, (across[-1] + 1) / width
    tall, wide = down[-1] + 1 - down[0], across[-1] + 1 - across[0]
    form = "taller than wide" if tall > 1.25 * wide else "wider than tall" if wide > 1.25 * tall else "as tall as wide"
    inside = grey[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
    found = float(grey[apart].mean())
    alike = 1 - np.abs(inside - inside[:, ::-1]).mean() / max(np.abs(inside - border).mean(), 1e-9)
    halves = "are alike" if alike > _EVEN else "are somewhat alike" if alike > _EVEN / 2 else "differ"
    extreme, word = (grey, "brightest") if found > border else (-grey, "darkest")
    bands = [np.array_split(band, 3, axis=1) for band in np.array_split(extreme, 3)]
    thirds = np.array([[part.mean() if part.size else -np.inf for part in band] for band in bands])
    row, column = np.unravel_index(int(thirds.argmax()), (3, 3))
    return (
        f"{ground} Something {_tone(found)} stands out: {apart.mean():.0%} of the picture, from {top:.0%} to "
        f"{bottom:.0%} of the height, from {left:.0%} to {right:.0%} of the width. It is {form}. "
        f"Its left and right halves {halves}. It is {word} in the {_HEIGHTS[row]} of the {_SIDES[column]}."
    )


def _tone(brightness: float) -> str:
    return "dark" if brightness < 1 / 3 else "grey" if brightness < 2 / 3 else "bright"


def _colour_words(rgb: NDArray[np.float64]) -> str:
    mean = rgb.reshape(-1, 3).mean(axis=0)
    if mean.max() - mean.min() <= _APART:
        return ", without a colour"
    return f", mostly {('red', 'green', 'blue')[int(mean.argmax())]}"
