"""Scales for accuracies, on which lines of models are straight."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scale = Literal["linear", "logit", "probit"]


def to_scale(accuracy: ArrayLike, scale: Scale) -> NDArray[np.float64]:
    """Accuracies (0..1) on an axis; exactly 0 and 1 are at minus and plus infinity, unless the scale is linear.

    Examples
    --------
    >>> to_scale([0.5, 0.75], "logit").round(4).tolist()
    [0.0, 1.0986]
    """
    from scipy import special

    values = np.asarray(accuracy, dtype=np.float64)
    if scale == "logit":
        return np.asarray(special.logit(values))
    if scale == "probit":
        return np.asarray(special.ndtri(values))
    return values


def from_scale(place: ArrayLike, scale: Scale) -> NDArray[np.float64]:
    """The inverse of `to_scale`."""
    from scipy import special

    values = np.asarray(place, dtype=np.float64)
    if scale == "logit":
        return np.asarray(special.expit(values))
    if scale == "probit":
        return np.asarray(special.ndtr(values))
    return values
