"""Which frequencies images contain, and to which of them a model is sensitive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator, stream_probe
from soupwidgets.recipe import Recipe
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.suites import BlendSplit, Split, fourier_basis

_BATCH = 512


@dataclass(frozen=True, eq=False)
class ImageSpectrum:
    """Radially averaged power spectrum of a split's images.

    Parameters
    ----------
    split
        Name of the split.
    frequency
        Middle of each ring in cycles per image, ``[rings]``: 1, 2, and so on up to half the shorter side.
    power
        Mean power in each ring, ``[rings]``: of one Fourier coefficient, normalised so that all coefficients of
        an image sum to its variance (pixel values 0..1, mean over the channels).
    low, high
        95% interval of the mean over the images.
    images
        Number of images used.
    """

    split: str
    frequency: NDArray[np.float64]
    power: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    images: int


def image_spectrum(split: Split, images: int = 1000, *, seed: int = 0) -> ImageSpectrum:
    """Average the power spectrum of a split's images over rings of equal frequency.

    The mean of each image, whose frequency is 0, is left out.

    Parameters
    ----------
    images
        Number of images, drawn at random; all if there are fewer.
    seed
        Seed for drawing the images.

    Notes
    -----
    van der Schaaf and van Hateren (1996), 'Modelling the power spectra of natural images'.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(split))[:images])
    height, width = split.image_size
    y, x = (np.fft.fftfreq(side) * min(height, width) for side in (height, width))
    ring = np.rint(np.hypot(y[:, None], x[None, :])).astype(int)
    last = min(height, width) // 2
    inside = (ring >= 1) & (ring <= last)
    counts = np.bincount(ring[inside], minlength=last + 1)[1:]
    by_image = []
    for start in range(0, len(rows), _BATCH):
        pixels = np.asarray(split.images[rows[start : start + _BATCH]], dtype=np.float64) / 255
        channels = pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
        power = (np.abs(np.fft.fft2(channels)) ** 2).mean(axis=1) / (height * width) ** 2
        sums = [np.bincount(ring[inside], one[inside], minlength=last + 1)[1:] for one in power]
        by_image.append(np.array(sums) / counts)
    found = np.concatenate(by_image)
    mean = found.mean(axis=0)
    margin = 1.959964 * found.std(axis=0, ddof=1) / np.sqrt(len(found)) if len(found) > 1 else np.zeros_like(mean)
    return ImageSpectrum(split.name, np.arange(1, last + 1, dtype=float), mean, mean - margin, mean + margin, len(rows))


@dataclass(frozen=True, eq=False)
class FourierSensitivity:
    """A model's error on images with one Fourier basis image added.

    Parameters
    ----------
    split
        Name of the split.
    size
        Height and width of its images in pixels.
    norm
        L2 norm of the added basis image (pixel values 0..1).
    frequency
        ``[frequencies, 2]``: vertical and horizontal, in cycles per image. Opposite frequencies have the same basis
        image, so only one of each pair is included.
    errors
        Number of wrong predictions with each basis image added, ``[frequencies]``.
    clean_errors
        Number of wrong predictions on the unchanged images.
    seen, images
        Number of images shown so far with each basis image, and their total number.
    """

    split: str
    size: tuple[int, int]
    norm: float
    frequency: NDArray[np.int64]
    errors: NDArray[np.int64]
    clean_errors: int
    seen: int
    images: int

    @property
    def exact(self) -> bool:
        """Whether every frequency was tried on every image."""
        return self.seen == self.images

    @property
    def error(self) -> NDArray[np.float64]:
        """Share of wrong predictions (0..1), ``[frequencies]``."""
        found: NDArray[np.float64] = self.errors / self.seen
        return found

    @property
    def widest_interval(self) -> float:
        """Half the width of the widest 95% interval (Clopper-Pearson) of `error`."""
        bounds = clopper_pearson(self.errors, self.seen)
        return float(np.max(bounds[..., 1] - bounds[..., 0]) / 2)

    def grid(self, highest: int) -> NDArray[np.float64]:
        """`error` as an image ``[2 highest + 1, 2 highest + 1]`` with frequency 0 in the middle; NaN where unknown."""
        known = {_wave(v, h, *self.size): e for (v, h), e in zip(self.frequency.tolist(), self.error, strict=True)}
        sides = range(-highest, highest + 1)
        return np.array([[known.get(_wave(v, h, *self.size), np.nan) for h in sides] for v in sides])


def fourier_sensitivity(
    ev: Evaluator,
    recipe: Recipe,
    *,
    split: Split | None = None,
    norm: float = 4.0,
    images: int = 100,
    highest: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> FourierSensitivity:
    """Measure a model's error with each Fourier basis image added.

    Parameters
    ----------
    split
        The split of the images; the in-distribution test when None.
    norm
        L2 norm of the added basis image (pixel values 0..1, the same in every channel). Its sign is random for each
        image and frequency. Sums are not clipped to black and white.
    images
        Number of images, drawn at random.
    highest
        Highest frequency in each direction, in cycles per image; half the shorter side when None.
    seed
        Seed for images and signs.

    Raises
    ------
    ValueError
        When a number is not positive, or the classes of split and model differ.

    Notes
    -----
    Yin et al., arXiv 1906.08988, section 3.
    """
    states = stream_fourier_sensitivity(ev, recipe, split=split, norm=norm, images=images, highest=highest, seed=seed)
    with tqdm(desc="Fourier basis", unit="image", disable=not progress) as bar:
        for state in states:
            bar.total = state.images
            bar.update(state.seen - bar.n)
    return state


def stream_fourier_sensitivity(
    ev: Evaluator,
    recipe: Recipe,
    *,
    split: Split | None = None,
    norm: float = 4.0,
    images: int = 100,
    highest: int | None = None,
    seed: int = 0,
) -> Iterator[FourierSensitivity]:
    """`fourier_sensitivity` step by step: every state has all frequencies, on more and more images."""
    chosen = ev.suite.id_test if split is None else split
    if norm <= 0 or images < 1:
        raise ValueError(f"the norm and the number of images must be positive, not {norm:g} and {images}")
    if chosen.scoring.class_map is not None:
        raise ValueError(f"{chosen.name!r} is scored on other classes than the model has: use another split")
    height, width = chosen.image_size
    limit = min(height, width) // 2 if highest is None else min(highest, min(height, width) // 2)
    frequency = _frequencies(limit, height, width)
    rng = np.random.default_rng([seed, 4])
    rows = rng.permutation(len(chosen))[:images]
    n, m = len(rows), len(frequency)
    basis = np.stack([255 * norm * fourier_basis(height, width, v, h) for v, h in frequency])
    pixels = np.asarray(chosen.images[rows], dtype=np.float32)
    if pixels.ndim == 4:
        basis = np.repeat(basis[..., None] / np.sqrt(3), 3, axis=-1)
    # Image by image, each unchanged and with every basis image: so every state is a complete map.
    first = np.repeat(np.arange(n), m + 1)
    second = np.tile(n + np.concatenate([[0], np.arange(m)]), n)
    sign = rng.choice([-1.0, 1.0], size=(n, m + 1))
    sign[:, 0] = 0
    weights = np.stack([np.ones(n * (m + 1)), sign.ravel()], axis=1)
    labels = np.repeat(chosen.labels[rows], m + 1)
    blends = BlendSplit(
        f"Fourier basis, {chosen.name}", np.concatenate([pixels, basis]), first, second, weights, labels
    )
    for logits in stream_probe(ev, recipe, blends):
        seen = len(logits) // (m + 1)
        if seen:
            shown = logits[: seen * (m + 1)]
            right = (shown.argmax(axis=1) == labels[: len(shown)]) & np.isfinite(shown).all(axis=1)
            wrong = (~right).reshape(seen, m + 1).sum(axis=0)
            yield FourierSensitivity(chosen.name, (height, width), norm, frequency, wrong[1:], int(wrong[0]), seen, n)


def _frequencies(limit: int, height: int, width: int) -> NDArray[np.int64]:
    """One of each pair of opposite frequencies, without 0."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for v in range(-limit, limit + 1):
        for h in range(limit + 1):
            found.setdefault(_wave(v, h, height, width), (v, h))
    del found[0, 0]
    return np.array(list(found.values()))


def _wave(vertical: int, horizontal: int, height: int, width: int) -> tuple[int, int]:
    """A key shared by a frequency, its opposite, and all frequencies that are aliased on these pixels."""
    there = vertical % height, horizontal % width
    return min(there, (-vertical % height, -horizontal % width))
