"""What all figures of a plane of models share: its values and colours, its title, its words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation import SplitScore
from soupwidgets.figures.style import colour_bar
from soupwidgets.figures.units import LOSS_WORDS, unit_of
from soupwidgets.suites.task import Task
from soupwidgets.topics.landscape.blocks import BlockProfile
from soupwidgets.topics.landscape.height import Quantity, is_error
from soupwidgets.topics.landscape.line import LandscapeLine
from soupwidgets.topics.landscape.marks import Mark
from soupwidgets.topics.landscape.plane import Landscape

# From pale (low, where models and their labels are) to dark: ordered by lightness, so it works without colours.
COLOURS = [[0, "#FFFFE5"], [0.2, "#E3F2C1"], [0.4, "#A8DDB5"], [0.6, "#4EB3D3"], [0.8, "#2166AC"], [1, "#081D58"]]
# Of marks and names on these colours, which are the same in the dark theme: it has no other shade of this.
DARK = "#1A1A1A"
# Maximum number of contours.
_CONTOURS = 16
# Values further above the rest than this multiple of its spread are clipped: they would leave it a single colour.
_CLIP = 2.0


@dataclass(frozen=True)
class Height:
    """How a loss, an error, or another metric is drawn.

    Parameters
    ----------
    name
        What a title calls it.
    unit
        What an axis calls it.
    factor
        From the stored number, of which less is better, to the one that is drawn: 100 for percent, -1 for a metric of
        which more is better.
    nats
        Whether it is a loss in nats.
    """

    name: str
    unit: str
    factor: float = 1.0
    nats: bool = False

    @property
    def best_word(self) -> str:
        """What the best value is."""
        return "highest" if self.factor < 0 else "lowest"

    @property
    def worst_word(self) -> str:
        """What the worst value is."""
        return "lowest" if self.factor < 0 else "highest"

    def show(self, stored: float, digits: int = 3) -> str:
        """A stored number in words."""
        if not math.isfinite(stored):
            return "not finite"
        if abs(self.factor) == 100:
            return f"{self.factor * stored:.1f}%"
        return f"{stored:.{digits}f} nats" if self.nats else f"{self.factor * stored:.{digits}g}"

    def spread(self, stored: float) -> str:
        """A standard error of stored numbers in words."""
        return f"{100 * stored:.2g} points" if abs(self.factor) == 100 else f"{stored:.2g}"

    def difference(self, stored: float) -> str:
        """A difference of stored numbers in words."""
        return f"{100 * stored:.2f} points" if abs(self.factor) == 100 else f"{stored:.3g}"


def height_of(
    of: Landscape | LandscapeLine | BlockProfile | SplitScore, quantity: Quantity, task: Task = "single-label"
) -> Height:
    """How a quantity of a landscape, a line, a profile or a score (of this task) is drawn."""
    if quantity == "loss":
        words = LOSS_WORDS[task if isinstance(of, SplitScore) else of.task]
        return Height("Loss", words, nats=words.endswith("nats"))
    unit = unit_of(of.metric)
    if of.metric == "accuracy":
        return Height("Error", "Error, %", 100.0)
    if is_error(of.metric):
        return Height(f"1 - {unit.words}", f"1 - {unit.words}, %", 100.0)
    return Height(unit.name, unit.axis(), (-1.0 if unit.higher_is_better else 1.0) * (100.0 if unit.share else 1.0))


def contour_trace(landscape: Landscape, quantity: Quantity) -> dict[str, Any]:
    """The landscape as contours at numbers that can be read."""
    values, top, clipped = drawn_values(landscape, quantity)
    shown = height_of(landscape, quantity)
    bar = height_bar(shown, top, clipped)
    more_is_better = shown.factor < 0
    if more_is_better:
        values, top = -values, -float(np.min(values))
    low = float(np.min(values))
    step = round_step((top - low) / _CONTOURS)
    return {
        "kind": "contour",
        "x": landscape.x.tolist(),
        "y": landscape.y.tolist(),
        "z": values.tolist(),
        "zmin": low,
        "zmax": top,
        "colorscale": COLOURS,
        "reversescale": more_is_better,
        "contours": {"start": step * math.ceil(low / step), "end": top, "size": step},
        "line": {"width": 0.6, "color": "rgba(34,34,34,0.45)"},
        "colorbar": bar,
        "hovertemplate": "(%{x:.3g}, %{y:.3g}): %{z:.3f}<extra></extra>",
    }


def drawn_values(landscape: Landscape, quantity: Quantity) -> tuple[NDArray[np.float64], float, int]:
    """The values (all finite, less is better), the upper end of the colours, and the number of points above it."""
    raw = landscape.heights(quantity)[0] * abs(height_of(landscape, quantity).factor)
    finite = raw[np.isfinite(raw)]
    if not finite.size:
        return np.zeros_like(raw), 1.0, raw.size
    # Three quarters of the points show the landscape; values far above them are the rim, where models are broken.
    upper = float(np.quantile(finite, 0.75))
    beyond = upper + _CLIP * (upper - float(finite.min()))
    top = min(float(finite.max()), beyond) if beyond > upper else float(finite.max())
    clipped = int((~(raw <= top)).sum())
    return np.where(raw <= top, raw, top), top, clipped


def height_bar(shown: Height, top: float, clipped: int) -> dict[str, Any]:
    """A colour bar that says how many points are beyond its end."""
    beyond = ""
    if clipped:
        where = f"below {-top:.3g}" if shown.factor < 0 else f"above {top:.3g}"
        beyond = f"; {clipped} point{'s' if clipped > 1 else ''} {where} in the last colour"
    return colour_bar(shown.unit + beyond, above=True) | {"tickformat": "~g"}


def round_step(least: float) -> float:
    """The next 1, 2 or 5 times a power of ten: contours at numbers that can be read."""
    if not least > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * (1 - 1e-9))


def plane_title(landscape: Landscape, quantity: Quantity) -> str:
    """What is shown, and through which models the plane goes."""
    plane = landscape.plane
    names = list(plane.corners)
    through = f"a run of {len(names)} checkpoints" if plane.explained else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{height_of(landscape, quantity).name} on the plane through {through} ({landscape.split})"


def plane_words(landscape: Landscape, quantity: Quantity, marks: Mapping[str, Mark]) -> str:
    """A landscape in words: how much is measured, its lowest point, the models on it and off it."""
    values = landscape.error if quantity == "error" else landscape.loss
    measured = int((landscape.seen == landscape.total).sum())
    some = int((landscape.seen > 0).sum())
    finite = np.where(np.isfinite(values), values, np.inf)
    row, column = np.unravel_index(int(np.argmin(finite)), finite.shape)
    shape = f"{len(landscape.x)} by {len(landscape.y)}"
    drawn = height_of(landscape, quantity)
    low = drawn.show(float(values[row, column]))
    lost = int((~np.isfinite(values) & (landscape.seen > 0)).sum())
    norm = f" {landscape.batch_norm}" if landscape.batch_norm else ""
    on = [name for name, mark in marks.items() if mark.place.off == 0]
    beside = [f"{name} ({mark.place.off:.3g})" for name, mark in marks.items() if mark.place.off > 0]
    return (
        f"{drawn.name} on {landscape.split} on a grid of {shape} models: {measured} measured on all "
        f"{landscape.total:,} examples, {some - measured} on some of them. The {drawn.best_word}, {low}, is at "
        f"({landscape.x[column]:.3g}, {landscape.y[row]:.3g}).{f' {lost} points have no finite loss.' if lost else ''}"
        f"{norm} On the plane lie {', '.join(on) or 'no models'}."
        + (f" Off the plane, with their distances: {', '.join(beside)}." if beside else "")
    )


def corner_marks(landscape: Landscape) -> dict[str, Mark]:
    """The plane's own corners as marks."""
    return {name: Mark(landscape.plane.place(recipe)) for name, recipe in landscape.plane.corners.items()}
