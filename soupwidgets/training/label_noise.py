"""Label noise of a chosen frequency, controls without one, and how far predictions follow it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites import fourier_basis

# Images are processed in pieces, because norms need double precision.
_PIECE = 4096
# Noise that has no frequency, to compare with.
Control = Literal["uniform", "independent"]


@dataclass(frozen=True)
class LabelNoise:
    """Label noise that follows a sine function of the image, or a control that does not.

    Parameters
    ----------
    frequency
        Cycles per unit of L2 distance (pixel values 0..1, over all pixels and channels); 0 for a control.
    amplitude
        A; noise ranges from 0 to 2 A, so A is at most 0.5.
    direction
        ``"radial"``: along the distance from the black image. ``"random"``: along a random direction. Or two
        whole numbers: along the Fourier basis image with these numbers of cycles over the height and the width.
        Controls: ``"uniform"`` is A for every image, and ``"independent"`` is drawn for each image by itself, uniformly
        from 0 to 2 A, by a hash of its pixels: the same image has the same noise, and similar ones say nothing of it.
    seed
        Seed of the random direction, and of independent noise.
    of_class
        Number of the class whose labels alone have noise; all classes when None.

    Raises
    ------
    ValueError
        When amplitude, frequency, direction or class is invalid.

    Notes
    -----
    arXiv 2110.02424, section 3: radial noise is ``A [1 + sin(2 pi f (|x| - mean norm))]``, directional noise
    A [1 + sin(2 pi f <x, d>)], and a label becomes (1 - n) y + n / C. Uniform noise, and noise of one class, are those
    of its released code. Independent noise is our own; the mean loss of a model on labels with it is expected to be
    that with uniform noise, because the loss is linear in n.

    Examples
    --------
    >>> black = np.zeros((1, 2, 2), np.uint8)
    >>> LabelNoise(frequency=1.0, amplitude=0.25).values(black, offset=0.25)
    array([0.])
    >>> LabelNoise(0.0, 0.25, "uniform").values(black, offset=0.0)
    array([0.25])
    """

    frequency: float
    amplitude: float = 0.5
    direction: str | tuple[int, int] = "radial"
    seed: int = 0
    of_class: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.direction, str) and self.direction not in ("radial", "random", *get_args(Control)):
            raise ValueError(
                f"a direction is 'radial', 'random', 'uniform', 'independent' or two whole numbers, "
                f"not {self.direction!r}"
            )
        if not 0 < self.amplitude <= 0.5 or not (self.frequency == 0 if self.is_control else self.frequency > 0):
            raise ValueError(
                f"noise needs a positive frequency (a control 0), and an amplitude above 0 and at most 0.5: "
                f"got frequency {self.frequency:g} and amplitude {self.amplitude:g}"
            )
        if self.of_class is not None and self.of_class < 0:
            raise ValueError(f"classes are numbered from 0: noise cannot be of class {self.of_class}")

    @property
    def is_control(self) -> bool:
        """Whether it has no frequency."""
        return self.direction in get_args(Control)

    @property
    def name(self) -> str:
        """A name such as "radial 0.5", "wave 2,3 0.5" or "uniform of class 4"."""
        where = self.direction if isinstance(self.direction, str) else "wave " + ",".join(map(str, self.direction))
        what = where if self.is_control else f"{where} {self.frequency:g}"
        return what if self.of_class is None else f"{what} of class {self.of_class}"

    def affected(self, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which labels ``[n]`` have noise: all, or those of the one class."""
        return np.full(len(labels), True) if self.of_class is None else labels == self.of_class

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
        """The noise of images whose labels have it, ``[n]``, in 0..2 A.

        Parameters
        ----------
        images
            ``[n, height, width]`` or ``[n, height, width, 3]``.
        offset
            The result of `offset` for the training images.
        """
        if self.direction == "uniform":
            return np.full(len(images), self.amplitude)
        if self.direction == "independent":
            return 2 * self.amplitude * np.array([_share(image, self.seed) for image in images])
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
        the noise takes from it. This measure is our own. NaN for noise that is the same everywhere.
    """
    taken = 1 - probabilities[np.arange(len(labels)), labels]
    wanted = noise * (1 - 1 / probabilities.shape[1])
    centred = wanted - wanted.mean()
    return float(centred @ (taken - taken.mean()) / (centred @ centred)) if np.ptp(noise) > 0 else float("nan")


def _share(image: NDArray[np.uint8], seed: int) -> float:
    """A number in 0..1 that only this image has."""
    hashed = hashlib.blake2b(image.tobytes(), digest_size=8, key=str(seed).encode()).digest()
    return int.from_bytes(hashed, "big") / 2**64


def _pieces(images: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
    return [images[i : i + _PIECE].astype(np.float64) / 255 for i in range(0, len(images), _PIECE)]
