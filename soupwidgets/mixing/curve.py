"""Curves between two models, bent by a third: a Bezier curve, or two straight lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from soupwidgets.recipe import Recipe

CurveKind = Literal["bezier", "polygon"]


@dataclass(frozen=True)
class Curve:
    """A curve on which every point is a recipe of three checkpoints.

    Parameters
    ----------
    first, second
        The ends, at t = 0 and t = 1.
    bend
        The checkpoint that bends the curve: a polygon passes through it, a Bezier curve does not.
    kind
        Which curve.

    Examples
    --------
    >>> Curve("a", "m", "b").at(0.5)
    Recipe({'a': 0.25, 'b': 0.25, 'm': 0.5})
    >>> Curve("a", "m", "b", "polygon").at(0.5)
    Recipe({'m': 1.0})

    Notes
    -----
    Garipov et al., arXiv 1802.10026, section 3.2.
    """

    first: str
    bend: str
    second: str
    kind: CurveKind = "bezier"

    def at(self, t: float) -> Recipe:
        """The model at t, 0..1."""
        return Recipe(dict(zip((self.first, self.bend, self.second), curve_coefficients(self.kind, t), strict=True)))

    def recipes(self, steps: int) -> dict[float, Recipe]:
        """Evenly spaced t, including both ends, with the models there."""
        if steps < 2:
            raise ValueError(f"a curve needs at least its two ends; {steps} points were requested")
        return {i / (steps - 1): self.at(i / (steps - 1)) for i in range(steps)}


def curve_coefficients(kind: CurveKind, t: float) -> tuple[float, float, float]:
    """The coefficients of first end, bend and second end at t.

    Examples
    --------
    >>> curve_coefficients("bezier", 0.25), curve_coefficients("polygon", 0.25)
    ((0.5625, 0.375, 0.0625), (0.5, 0.5, 0.0))
    """
    if kind == "bezier":
        return (1 - t) ** 2, 2 * t * (1 - t), t**2
    if t <= 0.5:
        return 1 - 2 * t, 2 * t, 0.0
    return 0.0, 2 - 2 * t, 2 * t - 1
