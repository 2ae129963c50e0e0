"""What is done to a path's predictions before the transform, and which one number is taken from the spectrum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Values = Literal["probabilities", "logits", "distance"]
Window = Literal["hann", "boxcar"]
Detrend = Literal["linear", "constant", "none"]
Statistic = Literal["centroid", "power", "share"]

# The part of the highest frequency above which a frequency counts as fast.
FAST = 0.25
STATISTIC_NAMES: Mapping[Statistic, str] = {
    "centroid": "mean frequency",
    "power": "power",
    "share": "share of fast power",
}
VALUE_NAMES: Mapping[Values, str] = {
    "probabilities": "probabilities",
    "logits": "logits (minus their mean)",
    "distance": "distance of the probabilities from the start",
}
WINDOW_NAMES: Mapping[Window, str] = {"hann": "Hann window", "boxcar": "no window"}
DETREND_NAMES: Mapping[Detrend, str] = {
    "linear": "straight line subtracted",
    "constant": "mean subtracted",
    "none": "nothing subtracted",
}


@dataclass(frozen=True)
class Treatment:
    """What is followed along a path, and what is done to it before the transform.

    Parameters
    ----------
    values
        What is followed: probabilities; logits, minus their mean over the classes, on which predictions do not
        depend; or one number per point, the L2 distance of its probabilities from those at the path's start.
    window
        ``"hann"`` lets the values fade out towards both ends, ``"boxcar"`` leaves them as they are.
    detrend
        What is subtracted first: the best-fitting straight line, the mean, or nothing.

    Examples
    --------
    >>> str(RELEASE)
    'distance of the probabilities from the start, no window, nothing subtracted'
    """

    values: Values = "probabilities"
    window: Window = "hann"
    detrend: Detrend = "linear"

    def __str__(self) -> str:
        return f"{VALUE_NAMES[self.values]}, {WINDOW_NAMES[self.window]}, {DETREND_NAMES[self.detrend]}"

    def changed(
        self, values: Values | None = None, window: Window | None = None, detrend: Detrend | None = None
    ) -> Treatment:
        """Replace what is given."""
        return Treatment(values or self.values, window or self.window, detrend or self.detrend)


# A path does not end where it starts: without window and trend the step between its ends has power everywhere.
OURS = Treatment()
# Spectrum of ``batch_interpolation`` in the paper's released ``evaluate_interpolation.py`` (arXiv 2110.02424).
RELEASE = Treatment("distance", "boxcar", "none")
TREATMENTS: Mapping[str, Treatment] = {"ours": OURS, "release": RELEASE}


def all_treatments() -> list[Treatment]:
    """List every treatment that can give another answer.

    Without a window, subtracting the mean changes nothing above frequency 0: it stands once, as nothing subtracted.

    Examples
    --------
    >>> len(all_treatments())
    15
    """
    return [
        Treatment(values, window, detrend)
        for values in get_args(Values)
        for window in get_args(Window)
        for detrend in get_args(Detrend)
        if (window, detrend) != ("boxcar", "constant")
    ]
