"""Axes of accuracies on a linear, logit or probit scale, with ticks in percent; of other numbers; logarithmic ones."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal, cast

import numpy as np

from soupwidgets.figures.style import axis
from soupwidgets.stats.scales import Scale, from_scale, to_scale

# What is no share stands on the axis as the number that it is.
Placing = Scale | Literal["number"]
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
_WIDE = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5, 99.9)
_MOST_TICKS = 9
_SPAN_OF_WIDE = 60
_EDGE = 1e-4
# Up to so many powers of ten have ticks between them.
_FEW_TENS = 3


def place(accuracy: float, scale: Placing) -> float:
    """Position of an accuracy (0..1) on an axis: in percent, or on the scale; 0 and 1 are at its ends."""
    if scale == "number":
        return accuracy
    if scale == "linear":
        return 100 * accuracy
    return float(to_scale(min(max(accuracy, _EDGE), 1 - _EDGE), cast(Scale, scale)))


def off_scale(accuracy: float, scale: Placing) -> bool:
    """Whether an accuracy has no finite position on the axis: exactly 0 or 1, unless the scale is linear."""
    return scale in ("logit", "probit") and not 0 < accuracy < 1


def accuracy_axis(title: str, accuracies: Iterable[float], *, scale: Placing, margin: float = 0.06) -> dict[str, Any]:
    """An axis that covers these accuracies (0..1), labelled in percent whatever the scale.

    Examples
    --------
    >>> accuracy_axis("ID accuracy", [0.5, 0.9], scale="logit")["ticktext"]
    ['50', '55', '60', '65', '70', '75', '80', '85', '90']
    """
    values = [place(a, scale) for a in accuracies if np.isfinite(a)] or [place(0.5, scale)]
    low, high = min(values), max(values)
    width = margin * (high - low) or place(0.51, scale) - place(0.5, scale)
    low, high = low - width, high + width
    if scale == "number":
        return axis(title, (low, high))
    if scale == "linear":
        low, high = max(low, -1.0), min(high, 101.0)
        return axis(f"{title}, %", (low, high))
    first, last = (100 * float(from_scale(v, cast(Scale, scale))) for v in (low, high))
    ticks = _ticks(first, last)
    return axis(
        f"{title}, % ({scale} scale)",
        (low, high),
        tickvals=[place(t / 100, scale) for t in ticks],
        ticktext=[f"{t:g}" for t in ticks],
    )


def log_axis(title: str, low: float, high: float, **more: Any) -> dict[str, Any]:
    """A logarithmic axis from ``low`` to ``high`` (above 0), with a tick at each power of ten, or at 1, 2 and 5.

    Examples
    --------
    >>> log_axis("learning rate", 8e-5, 1e-3)["ticktext"]
    ['0.0001', '0.0002', '0.0005', '0.001']
    """
    first, last = math.log10(low), math.log10(high)
    steps = (1, 2, 5) if last - first < _FEW_TENS else (1,)
    ticks = [step * 10.0**ten for ten in range(math.floor(first), math.ceil(last) + 1) for step in steps]
    shown = [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
    words = [f"{tick:.3g}" for tick in shown]
    return axis(title, (first, last), type="log", tickvals=shown, ticktext=words, **more)


def _ticks(first: float, last: float) -> list[float]:
    if last - first > _SPAN_OF_WIDE:
        return [t for t in _WIDE if first <= t <= last]
    step = next((s for s in _STEPS if (last - first) / s <= _MOST_TICKS), _STEPS[-1])
    start = int(np.ceil(first / step - 1e-9))
    found = [round(i * step, 6) for i in range(start, int(np.floor(last / step + 1e-9)) + 1)]
    return [t for t in found if 0 < t < 100]
