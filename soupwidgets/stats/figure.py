"""A metric's value on some examples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """The value of a metric, by its name, with its 95% interval."""

    metric: str
    value: float
    low: float
    high: float
