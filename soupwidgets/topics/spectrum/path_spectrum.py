"""How fast a model's predictions change along straight lines between images: the spectrum of a classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator, stream_probe
from soupwidgets.recipe import Recipe
from soupwidgets.stats.bootstrap import estimate, percentile_limits, resampled
from soupwidgets.stats.estimate import Estimate
from soupwidgets.text import one_line
from soupwidgets.topics.spectrum.image_paths import ImagePaths

Values = Literal["probabilities", "logits"]
Window = Literal["hann", "boxcar"]
Detrend = Literal["linear", "constant", "none"]

_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class PathSpectrum:
    """The power spectrum of a model's predictions along paths, averaged over the paths.

    Parameters
    ----------
    description
        Where the paths lead, for titles.
    values
        What was followed: probabilities, or logits (minus their mean over the classes, on which predictions do not
        depend).
    unit
        Unit of the frequencies.
    frequency
        ``[frequencies]``, from 0 to half a cycle from point to point.
    density
        Power density of each path, summed over the classes, ``[paths, frequencies]``: one-sided, so that its sum
        times `spacing` is the mean square of the detrended values (for the Hann window, on average).
    window, detrend
        Treatment of the values of each path: the best-fitting straight line (or the mean) is
        subtracted, and they fade out towards both ends, because a path does not end where it starts.
    total
        Total number of paths.
    """

    description: str
    values: Values
    unit: str
    frequency: NDArray[np.float64]
    density: NDArray[np.float64]
    window: Window
    detrend: Detrend
    total: int

    @property
    def exact(self) -> bool:
        """Whether every path was followed."""
        return len(self.density) == self.total

    @property
    def spacing(self) -> float:
        """Distance from one frequency to the next."""
        return float(self.frequency[1] - self.frequency[0])

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """Mean density over the paths, ``[frequencies]``."""
        found: NDArray[np.float64] = self.density.mean(axis=0)
        return found

    @cached_property
    def band(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """95% bootstrap interval of `mean` over the paths, at each frequency."""
        low, high = percentile_limits(self._drawn)
        return low, high

    @property
    def power(self) -> Estimate:
        """Power above frequency 0 in the mean over the paths."""
        return self._estimate(lambda mean: mean[..., 1:].sum(axis=-1) * self.spacing)

    @property
    def centroid(self) -> Estimate:
        """Mean frequency above 0, weighted by power: how fast predictions change. NaN if nothing changes."""
        frequency = self.frequency[1:]
        return self._estimate(lambda mean: _ratio((mean[..., 1:] * frequency).sum(axis=-1), mean[..., 1:].sum(axis=-1)))

    def to_frame(self) -> pd.DataFrame:
        """One row per frequency: mean density with its interval."""
        low, high = self.band
        return pd.DataFrame({"frequency": self.frequency, "density": self.mean, "low": low, "high": high})

    @cached_property
    def _drawn(self) -> NDArray[np.float64]:
        """Mean densities of resampled paths, ``[draws, frequencies]``."""
        drawn: NDArray[np.float64] = resampled(len(self.density), _DRAWS) @ self.density / len(self.density)
        return drawn

    def _estimate(self, number: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Estimate:
        return estimate(number(self.mean), number(self._drawn))


def path_spectrum(
    ev: Evaluator,
    recipe: Recipe,
    paths: ImagePaths,
    values: Values = "probabilities",
    *,
    window: Window = "hann",
    detrend: Detrend = "linear",
    progress: bool = True,
) -> PathSpectrum:
    """Follow a model's predictions along paths between images, and find how fast they change.

    Parameters
    ----------
    paths
        From `image_paths`, `paths_to` or `paths_to_changed`.
    values
        Which model output to follow.
    window, detrend
        Treatment of the values of each path before the transform.

    Raises
    ------
    ValueError
        When a logit is not finite, and as in `stream_probe`.

    Notes
    -----
    arXiv 2110.02424, section 4: the discrete Fourier transform of predictions along the path. Here by
    `scipy.signal.periodogram`, with a window and a straight line subtracted, so that a step from one class to
    the other does not leak into all frequencies.

    Examples
    --------
    >>> ev = getfixture("evaluator")
    >>> from soupwidgets.topics.spectrum import image_paths
    >>> within = image_paths(ev.suite.id_test, "within", pairs=10, samples=16)
    >>> path_spectrum(ev, Recipe({"zero-shot": 1}), within, progress=False).density.shape
    (10, 9)
    """
    with tqdm(total=len(paths), desc=f"paths {one_line(paths.description)}", unit="path", disable=not progress) as bar:
        for state in stream_path_spectrum(ev, recipe, paths, values, window=window, detrend=detrend):
            bar.update(len(state.density) - bar.n)
    return state


def stream_path_spectrum(
    ev: Evaluator,
    recipe: Recipe,
    paths: ImagePaths,
    values: Values = "probabilities",
    *,
    window: Window = "hann",
    detrend: Detrend = "linear",
) -> Iterator[PathSpectrum]:
    """`path_spectrum` step by step: each state has the paths that are complete so far, at least two."""
    grid = _frequencies(paths)
    rows: list[NDArray[np.float64]] = []
    for logits in stream_probe(ev, recipe, paths.split):
        while len(rows) < len(paths) and paths.starts[len(rows) + 1] <= len(logits):
            path = len(rows)
            own = logits[paths.starts[path] : paths.starts[path + 1]]
            if not np.isfinite(own).all():
                raise ValueError(
                    f"the model's logits on path {path} {paths.description} are not finite: did its training diverge? "
                    "Such a model has no spectrum"
                )
            frequency, density = power_density(
                followed(own, values), paths.spacing(path), window=window, detrend=detrend
            )
            rows.append(density if paths.step is None else np.interp(grid, frequency, density))
        if len(rows) >= min(2, len(paths)):
            yield PathSpectrum(paths.description, values, paths.unit, grid, np.array(rows), window, detrend, len(paths))


def followed(logits: NDArray[np.float32], values: Values) -> NDArray[np.float64]:
    """The values followed along a path, ``[samples, classes]``: probabilities, or logits minus their mean."""
    exact = logits.astype(np.float64)
    if values == "probabilities":
        found: NDArray[np.float64] = softmax(exact, axis=1)
        return found
    centred: NDArray[np.float64] = exact - exact.mean(axis=1, keepdims=True)
    return centred


def power_density(
    values: NDArray[np.float64], spacing: float, *, window: Window = "hann", detrend: Detrend = "linear"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Power density of values along one path, summed over the classes.

    Returns frequencies in cycles per unit of ``spacing``, and one-sided densities, both ``[samples // 2 + 1]``.

    Parameters
    ----------
    values
        ``[samples, classes]``.
    spacing
        Distance between two samples.
    window, detrend
        As in `path_spectrum`.

    Notes
    -----
    Without window and detrending, the densities times the spacing of the frequencies sum to the mean square (Parseval).

    Examples
    --------
    >>> wave = np.sin(2 * np.pi * 3 * np.arange(32) / 32)[:, None]
    >>> frequency, density = power_density(wave, 1 / 32, window="boxcar", detrend="none")
    >>> float(frequency[density.argmax()]), round(float(density.sum()), 6)
    (3.0, 0.5)
    """
    from scipy import signal

    # The type stubs misspell "linear".
    kept: Any = False if detrend == "none" else detrend
    frequency, density = signal.periodogram(values, 1 / spacing, window, detrend=kept, scaling="density", axis=0)
    return frequency, density.sum(axis=1)


def _frequencies(paths: ImagePaths) -> NDArray[np.float64]:
    """The frequencies shared by all paths; with a fixed step, those of the longest path."""
    longest = int(paths.samples.max())
    spacing = paths.spacing(int(paths.samples.argmax()))
    return np.fft.rfftfreq(longest, spacing).astype(np.float64)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    # The spectrum of constant values is rounding noise, and has no mean frequency.
    tiny = np.finfo(np.float32).eps ** 2
    return np.where(below > tiny, above / np.where(below > tiny, below, 1), np.nan)
