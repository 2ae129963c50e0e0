"""Label noise of a chosen frequency, and how far predictions follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites import fourier_basis

# Images are processed in pieces, because norms need double precision.
_PIECE = 4096


@dataclass(frozen=True)
class LabelNoise:
    """Label noise that follows a sine function of the image.

    Parameters
    ----------
    frequency
        Cycles per unit of L2 distance (pixel values 0..1, over all pixels and channels).
    amplitude
        A; noise ranges from 0 to 2 A, so A is at most 0.5.
    direction
        ``"radial"``: along the distance from the black image. ``"random"``: along a random direction. Or two
        whole numbers: along the Fourier basis image with these numbers of cycles over the height and the width.
    seed
        Seed of the random direction.

    Raises
    ------
    ValueError
        When amplitude, frequency or direction is invalid.

    Notes
    -----
    arXiv 2110.02424, section 3: radial noise is ``A [1 + sin(2 pi f (|x| - mean norm))]``, directional noise
    A [1 + sin(2 pi f <x, d>)], and a label becomes (1 - n) y + n / C.

    Examples
    --------
    >>> black = np.zeros((1, 2, 2), np.uint8)
    >>> LabelNoise(frequency=1.0, amplitude=0.25).values(black, offset=0.25)
    array([0.])
    """

    frequency: float
    amplitude: float = 0.5
    direction: str | tuple[int, int] = "radial"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.amplitude <= 0.5 or not self.frequency > 0:
            raise ValueError(
                f"noise needs a positive frequency, and an amplitude above 0 and at most 0.5: "
                f"got frequency {self.frequency:g} and amplitude {self.amplitude:g}"
            )
        if isinstance(self.direction, str) and self.direction not in ("radial", "random"):
            raise ValueError(f"a direction is 'radial', 'random' or two whole numbers, not {self.direction!r}")

    @property
    def name(self) -> str:
        """A name such as "radial 0.5" or "wave 2,3 0.5"."""
        where = self.direction if isinstance(self.direction, str) else "wave " + ",".join(map(str, self.direction))
        return f"{where} {self.frequency:g}"

    def offset(self, images: NDArray[np.uint8]) -> float:
        """The zero of radial noise's sine: the mean norm of the data."""
        return float(np.mean(norms(images)))

    def positions(self, images: NDArray[np.uint8], offset: float) -> NDArray[np.float64]:
        """Positions of images ``[n, height, width(, 3)]`` along the sine, ``[n]``, in units of L2 distance."""
        if self.direction == "radial":
            return norms(images) - offset
        shape = images.shape[1:]
        if self.direction == "random":
            along: NDArray[Any] = np.random.default_rng([self.seed, 5]).standard_normal(shape)
        else:
            wave = fourier_basis(shape[0], shape[1], int(self.direction[0]), int(self.direction[1]))
            along = np.broadcast_to(wave[..., None], shape) if len(shape) == 3 else wave
        flat = (along / np.linalg.norm(along)).ravel()
        pieces = [p.reshape(len(p), -1) @ flat for p in _pieces(images)]
        return np.concatenate(pieces)

    def values(self, images: NDArray[np.uint8], offset: float) -> NDArray[np.float64]:
        """The noise of images, ``[n]``, in 0..2 A.

        Parameters
        ----------
        images
            ``[n, height, width]`` or ``[n, height, width, 3]``.
        offset
            The result of `offset` for the training images.
        """
        sine = np.sin(2 * np.pi * self.frequency * self.positions(images, offset))
        found: NDArray[np.float64] = self.amplitude * (1 + sine)
        return found


def noisy_targets(labels: NDArray[np.int64], noise: NDArray[np.float64], classes: int) -> NDArray[np.float32]:
    """Labels as distributions ``[n, classes]``: (1 - n) y + n / C.

    Examples
    --------
    >>> noisy_targets(np.array([1]), np.array([0.5]), 2).tolist()
    [[0.25, 0.75]]
    """
    shares = noise[:, None]
    return ((1 - shares) * np.eye(classes)[labels] + shares / classes).astype(np.float32)


def norms(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """L2 norms of images ``[n, ...]``, pixel values 0..1."""
    return np.concatenate([np.linalg.norm(piece.reshape(len(piece), -1), axis=1) for piece in _pieces(images)])


def followed_share(probabilities: NDArray[np.float64], labels: NDArray[np.int64], noise: NDArray[np.float64]) -> float:
    """How much of the noise predictions follow: 1 for the noisy labels themselves, 0 for no trace of it.

    Parameters
    ----------
    probabilities
        Predicted probabilities, ``[n, classes]``.
    labels
        Clean classes, ``[n]``.
    noise
        ``[n]``.

    Returns
    -------
    float
        Slope (least squares) of what the predictions take from the label's probability against what
        the noise takes from it. This measure is our own.
    """
    taken = 1 - probabilities[np.arange(len(labels)), labels]
    wanted = noise * (1 - 1 / probabilities.shape[1])
    centred = wanted - wanted.mean()
    return float(centred @ (taken - taken.mean()) / (centred @ centred))


def _pieces(images: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
    return [images[i : i + _PIECE].astype(np.float64) / 255 for i in range(0, len(images), _PIECE)]
