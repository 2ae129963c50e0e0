"""Plane waves as images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fourier_basis(height: int, width: int, vertical: int, horizontal: int) -> NDArray[np.float32]:
    """A real Fourier basis image ``[height, width]`` of L2 norm 1: a plane wave with whole cycles on the image.

    Parameters
    ----------
    height, width
        In pixels.
    vertical, horizontal
        Cycles over the height, and over the width.

    Notes
    -----
    Yin et al., arXiv 1906.08988, section 3: real, of norm 1, its transform supported at one frequency and its opposite.

    Examples
    --------
    >>> float(round(np.linalg.norm(fourier_basis(28, 28, 3, -2)), 5))
    1.0
    """
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    # An eighth of a cycle later no wave is zero everywhere, the finest included.
    wave = np.cos(2 * np.pi * (vertical * y / height + horizontal * x / width) - np.pi / 4)
    found: NDArray[np.float32] = (wave / np.linalg.norm(wave)).astype(np.float32)
    return found
