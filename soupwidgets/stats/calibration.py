"""Calibration: how often a model that is 80% confident is correct."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BINS = 15
_LOG_TEMPERATURES = (-5.0, 5.0)


def expected_calibration_error(logits: NDArray[np.floating], labels: NDArray[np.int64], *, bins: int = _BINS) -> float:
    """Mean distance between confidence and accuracy, over equally wide bins of confidence.

    Parameters
    ----------
    logits
        ``[images, classes]``; images with a non-finite logit count as wrong, with confidence 1.
    labels
        ``[images]``.
    bins
        Number of bins.

    Returns
    -------
    float
        In 0..1; 0 is perfect.

    Notes
    -----
    Guo et al., arXiv 1706.04599, section 2 (equation 3).

    Examples
    --------
    >>> sure = np.log([[0.75, 0.25]] * 4)
    >>> expected_calibration_error(sure, np.array([0, 0, 0, 1]))
    0.0
    """
    from scipy.special import softmax

    finite = np.isfinite(logits).all(axis=1)
    confidence = np.ones(len(labels))
    confidence[finite] = softmax(logits[finite].astype(np.float64), axis=1).max(axis=1)
    right = (logits.argmax(axis=1) == labels) & finite
    # Bins are open below and closed above, as in the paper.
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    sums = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.round(np.abs(sums).sum() / len(labels), 12))


def best_temperature(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The number by which to divide logits to get the lowest cross-entropy.

    Parameters
    ----------
    logits, labels
        Of validation images, never of images that are reported on.

    Raises
    ------
    ValueError
        When a logit is not finite.

    Notes
    -----
    Temperature scaling: Guo et al., arXiv 1706.04599, section 4.2.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    if not np.isfinite(logits).all():
        raise ValueError("a logit is not finite: no temperature can be fitted")
    exact = logits.astype(np.float64)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(exact * np.exp(-log_temperature), axis=1)[rows, labels].mean())

    found = minimize_scalar(loss, bounds=_LOG_TEMPERATURES, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


@dataclass(frozen=True)
class Calibration:
    """Expected calibration errors (0..1) of the unchanged model, and at the temperature fitted on validation images."""

    ece: float
    temperature: float
    ece_scaled: float


def calibration(
    logits: NDArray[np.floating],
    labels: NDArray[np.int64],
    *,
    validation_logits: NDArray[np.floating],
    validation_labels: NDArray[np.int64],
) -> Calibration:
    """Calibration of a model on one split, before and after temperature scaling on validation images."""
    temperature = best_temperature(validation_logits, validation_labels)
    return Calibration(
        expected_calibration_error(logits, labels),
        temperature,
        expected_calibration_error(logits / temperature, labels),
    )
