"""What is followed along a path, the power of its frequencies, and the numbers that sum it up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from soupwidgets.topics.spectrum.treatment import FAST, Detrend, Statistic, Values, Window

# The spectrum of constant values is rounding noise: it has no power, and no mean frequency.
_ROUNDING = np.finfo(np.float32).eps ** 2


def followed(logits: NDArray[np.float32], values: Values) -> NDArray[np.float64]:
    """What is followed along one path or more.

    Parameters
    ----------
    logits
        ``[..., samples, classes]``.

    Returns
    -------
    NDArray[np.float64]
        Probabilities or logits minus their mean, ``[..., samples, classes]``, or the L2 distance of the probabilities
        from those of the first sample, ``[..., samples, 1]``.
    """
    exact = logits.astype(np.float64)
    if values == "logits":
        centred: NDArray[np.float64] = exact - exact.mean(axis=-1, keepdims=True)
        return centred
    shares: NDArray[np.float64] = softmax(exact, axis=-1)
    return shares if values == "probabilities" else np.linalg.norm(shares - shares[..., :1, :], axis=-1, keepdims=True)


def power_density(
    values: NDArray[np.float64], spacing: float, *, window: Window = "hann", detrend: Detrend = "linear"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Power density of values along one path or more, summed over the classes.

    Returns frequencies in cycles per unit of ``spacing``, ``[samples // 2 + 1]``, and one-sided densities,
    ``[..., samples // 2 + 1]``.

    Parameters
    ----------
    values
        ``[..., samples, classes]``.
    spacing
        Distance between two samples.
    window, detrend
        As in `Treatment`.

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
    frequency, density = signal.periodogram(values, 1 / spacing, window, detrend=kept, scaling="density", axis=-2)
    return frequency, density.sum(axis=-1)


def number_of(
    statistic: Statistic, frequency: NDArray[np.float64], density: NDArray[np.float64]
) -> NDArray[np.float64]:
    """One number of each power density.

    Parameters
    ----------
    statistic
        ``"centroid"``, the mean frequency above 0, weighted by power; ``"power"``, all of it above frequency 0; or
        ``"share"``, the share of that power that lies above a quarter of the highest frequency.
    frequency
        ``[frequencies]``, evenly spaced from 0.
    density
        ``[..., frequencies]``.

    Returns
    -------
    NDArray[np.float64]
        ``[...]``; centroid and share are NaN where there is no power.

    Examples
    --------
    >>> frequency, density = np.arange(9.0), np.array([7.0, 1, 0, 0, 0, 0, 0, 0, 3])
    >>> [float(number_of(one, frequency, density)) for one in ("centroid", "power", "share")]
    [6.25, 4.0, 0.75]
    """
    return _NUMBERS[statistic](frequency, density)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    some = below > _ROUNDING
    return np.where(some, above / np.where(some, below, 1), np.nan)


def _power(frequency: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    total = mean[..., 1:].sum(axis=-1)
    return np.where(total > _ROUNDING, total * (frequency[1] - frequency[0]), 0.0)


def _centroid(frequency: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    return _ratio((mean[..., 1:] * frequency[1:]).sum(axis=-1), mean[..., 1:].sum(axis=-1))


def _share(frequency: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    return _ratio(mean[..., frequency > FAST * frequency[-1]].sum(axis=-1), mean[..., 1:].sum(axis=-1))


_NUMBERS: Mapping[Statistic, Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]] = {
    "centroid": _centroid,
    "power": _power,
    "share": _share,
}
