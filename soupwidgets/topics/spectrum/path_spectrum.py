"""How fast a model's predictions change along straight lines between images: the spectrum of a classifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator, stream_probe
from soupwidgets.recipe import Recipe
from soupwidgets.stats.bootstrap import estimate, percentile_limits, resampled
from soupwidgets.stats.estimate import Estimate
from soupwidgets.text import one_line
from soupwidgets.topics.spectrum.image_paths import ImagePaths
from soupwidgets.topics.spectrum.power import followed, number_of, power_density
from soupwidgets.topics.spectrum.treatment import OURS, Detrend, Statistic, Treatment, Values, Window

_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class PathSpectrum:
    """The power spectrum of a model's predictions along paths, averaged over the paths.

    Parameters
    ----------
    description
        Where the paths lead, for titles.
    treatment
        What was followed, and what was done to it before the transform.
    unit
        Unit of the frequencies.
    frequency
        ``[frequencies]``, from 0 to half a cycle from point to point.
    density
        Power density of each path, summed over the classes, ``[paths, frequencies]``: one-sided, so that its sum
        times `spacing` is the mean square of the detrended values (for the Hann window, on average).
    total
        Total number of paths.
    """

    description: str
    treatment: Treatment
    unit: str
    frequency: NDArray[np.float64]
    density: NDArray[np.float64]
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
        low, high = percentile_limits(self.drawn)
        return low, high

    @property
    def power(self) -> Estimate:
        """Power above frequency 0 in the mean over the paths."""
        return self.number("power")

    @property
    def centroid(self) -> Estimate:
        """Mean frequency above 0, weighted by power: how fast predictions change. NaN if nothing changes."""
        return self.number("centroid")

    @property
    def share(self) -> Estimate:
        """Share (0..1) of the power above frequency 0 that lies above a quarter of the highest; NaN without power."""
        return self.number("share")

    def number(self, statistic: Statistic) -> Estimate:
        """One number that says how fast predictions change, with its interval: `centroid`, `power` or `share`."""
        mean, drawn = (number_of(statistic, self.frequency, density) for density in (self.mean, self.drawn))
        return estimate(mean, drawn)

    def to_frame(self) -> pd.DataFrame:
        """One row per frequency: mean density with its interval."""
        low, high = self.band
        return pd.DataFrame({"frequency": self.frequency, "density": self.mean, "low": low, "high": high})

    @cached_property
    def drawn(self) -> NDArray[np.float64]:
        """Mean densities of resampled paths, ``[draws, frequencies]``; of as many paths always the same are drawn."""
        drawn: NDArray[np.float64] = _counts(len(self.density)) @ self.density / len(self.density)
        return drawn


def path_spectrum(
    ev: Evaluator,
    recipe: Recipe,
    paths: ImagePaths,
    values: Values | None = None,
    *,
    treatment: Treatment = OURS,
    window: Window | None = None,
    detrend: Detrend | None = None,
    progress: bool = True,
) -> PathSpectrum:
    """Follow a model's predictions along paths between images, and find how fast they change.

    Parameters
    ----------
    paths
        From `image_paths`, `paths_to` or `paths_to_changed`.
    values
        Which model output to follow, if not the treatment's.
    treatment
        What to follow, and what to do to it before the transform: `OURS`, `RELEASE` or another.
    window, detrend
        Replace those of the treatment.

    Raises
    ------
    ValueError
        When a logit is not finite, and as in `stream_probe`.

    Notes
    -----
    arXiv 2110.02424, section 4: the discrete Fourier transform of predictions along the path. `OURS` is
    `scipy.signal.periodogram` of all probabilities, with a window and a straight line subtracted, so that a step from
    one class to the other does not leak into all frequencies.

    `RELEASE` is what ``batch_interpolation`` of the paper's released ``evaluate_interpolation.py`` transforms:
    ``np.linalg.norm(probs - probs[0], axis=1)``, without window or trend, then ``np.abs(np.fft.fft(...)) ** 2``. Three
    things differ there. It calls scipy's softmax without an axis, which makes all probabilities of a *path* sum to 1;
    here those of each point do, as the name says. Its points are a fixed distance apart, without the end of the path
    (``image_paths(step=...)`` is nearest to that). And it draws its pairs class by class. Its ``main`` saves the logits
    alone, so how the paper goes on from a path's spectrum cannot be read there.

    Examples
    --------
    >>> ev = getfixture("evaluator")
    >>> from soupwidgets.topics.spectrum import image_paths
    >>> within = image_paths(ev.suite.id_test, "within", pairs=10, samples=16)
    >>> path_spectrum(ev, Recipe({"zero-shot": 1}), within, progress=False).density.shape
    (10, 9)
    """
    treatment = treatment.changed(values, window, detrend)
    with tqdm(total=len(paths), desc=f"paths {one_line(paths.description)}", unit="path", disable=not progress) as bar:
        for state in stream_path_spectrum(ev, recipe, paths, treatment=treatment):
            bar.update(len(state.density) - bar.n)
    return state


def stream_path_spectrum(
    ev: Evaluator,
    recipe: Recipe,
    paths: ImagePaths,
    values: Values | None = None,
    *,
    treatment: Treatment = OURS,
    window: Window | None = None,
    detrend: Detrend | None = None,
) -> Iterator[PathSpectrum]:
    """`path_spectrum` step by step: each state has the paths that are complete so far, at least two."""
    treatment = treatment.changed(values, window, detrend)
    density = np.empty((0, len(_frequencies(paths))))
    for logits in stream_probe(ev, recipe, paths.split):
        complete = int(np.searchsorted(paths.starts, len(logits), side="right")) - 1
        if complete > len(density):
            density = np.concatenate([density, _densities(logits, paths, treatment, len(density), complete)])
        if complete >= min(2, len(paths)):
            yield _spectrum(paths, treatment, density)


def treated_spectra(
    logits: NDArray[np.float32], paths: ImagePaths, treatments: Sequence[Treatment]
) -> list[PathSpectrum]:
    """Spectra of the same predictions under several treatments.

    Parameters
    ----------
    logits
        Of every point of the paths, ``[points, classes]``.

    Raises
    ------
    ValueError
        When a logit is not finite.
    """
    return [_spectrum(paths, one, _densities(logits, paths, one, 0, len(paths))) for one in treatments]


def _densities(
    logits: NDArray[np.float32], paths: ImagePaths, treatment: Treatment, first: int, last: int
) -> NDArray[np.float64]:
    """Power densities of the paths from ``first`` to before ``last``, ``[paths, frequencies]``."""
    starts = paths.starts[first : last + 1]
    known = logits[starts[0] : starts[-1]]
    if not (finite := np.isfinite(known).all(axis=1)).all():
        path = int(np.searchsorted(starts - starts[0], finite.argmin(), side="right")) - 1 + first
        raise ValueError(
            f"the model's logits on path {path} {paths.description} are not finite: did its training diverge? "
            "Such a model has no spectrum"
        )

    def spectrum(of: NDArray[np.float32], path: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        values = followed(of, treatment.values)
        return power_density(values, paths.spacing(path), window=treatment.window, detrend=treatment.detrend)

    if paths.step is None:
        return spectrum(known.reshape(last - first, -1, known.shape[1]), first)[1]
    grid = _frequencies(paths)
    own = [spectrum(logits[paths.starts[path] : paths.starts[path + 1]], path) for path in range(first, last)]
    return np.array([np.interp(grid, *found) for found in own])


def _spectrum(paths: ImagePaths, treatment: Treatment, density: NDArray[np.float64]) -> PathSpectrum:
    return PathSpectrum(paths.description, treatment, paths.unit, _frequencies(paths), density, len(paths))


@lru_cache(maxsize=4)
def _counts(paths: int) -> NDArray[np.float64]:
    """How often each path is drawn, ``[draws, paths]``: the same for all models, so that they can be compared."""
    return resampled(paths, _DRAWS).astype(np.float64)


def _frequencies(paths: ImagePaths) -> NDArray[np.float64]:
    """The frequencies shared by all paths; with a fixed step, those of the longest path."""
    longest = int(paths.samples.max())
    spacing = paths.spacing(int(paths.samples.argmax()))
    return np.fft.rfftfreq(longest, spacing).astype(np.float64)
