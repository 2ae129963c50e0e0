"""What every treatment says to one question, and which classes a model is fast in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import get_args

from soupwidgets.figures.colours import COLOURS, GREY, ORANGE, SKY
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.labels import label_positions
from soupwidgets.figures.style import ROOM_ABOVE, axis, colour_bar, drawing, error_bars, limits
from soupwidgets.topics.spectrum.class_frequency import ClassFrequencies
from soupwidgets.topics.spectrum.sensitivity import Sensitivity, TreatedAnswer
from soupwidgets.topics.spectrum.treatment import FAST, STATISTIC_NAMES, TREATMENTS, VALUE_NAMES, Statistic, Values

_WINDOWS = {"hann": "Hann", "boxcar": "none"}
_NUMBERS = {"centroid": "mean frequency", "power": "power", "share": "fast share"}
_TAKEN = {"linear": "line off", "constant": "mean off", "none": "as it is"}
_SIGNS = {1: "\u25b2", -1: "\u25bc", 0: ""}
_UNCLEAR = "#EEEEEE"
_DIFFERENCES, _TRENDS = ("smoother", "cannot tell", "rougher"), ("slower", "cannot tell", "faster")


@figure
def treatments(found: Sensitivity) -> Drawing:
    """Draw what every treatment and statistic says, as a grid of signs and values.

    Parameters
    ----------
    found
        From `spectrum.sensitivity`, or one of `spectrum.trend_sensitivity`.

    Returns
    -------
    go.Figure
        A cell is pale, and its value in brackets, where the 95% interval contains 0. The cells of `OURS` and of
        `RELEASE` say so.
    """
    compared = found.measure == "difference"
    columns = list(dict.fromkeys((a.treatment.window, a.treatment.detrend) for a in found.answers))
    rows = list(product(get_args(Values), get_args(Statistic)))
    by_place = {
        ((a.treatment.values, a.statistic), (a.treatment.window, a.treatment.detrend)): a for a in found.answers
    }
    cells = [[by_place[row, column] for column in columns] for row in rows]
    title = (
        f"Is {found.subject} rougher than {found.reference} {found.paths}?"
        if compared
        else f"{found.subject} {found.paths}: does speed go with {found.reference}?"
    )
    drawn = drawing(
        title,
        axis("Window, and what is subtracted", automargin=True, showgrid=False),
        axis("", autorange="reversed", automargin=True, showgrid=False),
        height=470,
    )
    names = _DIFFERENCES if compared else _TRENDS
    what = "times the second model's" if compared else "rank correlation"
    drawn.add("heatmap",
        z=[[one.sign for one in row] for row in cells], uid="signs", xgap=2, ygap=2, zmin=-1, zmax=1,
        x=[f"{_WINDOWS[window]},\n{_TAKEN[detrend]}" for window, detrend in columns],
        y=[f"{values}:\n{_NUMBERS[statistic]}" for values, statistic in rows],
        colorscale=[[0, SKY], [1 / 3, SKY], [1 / 3, _UNCLEAR], [2 / 3, _UNCLEAR], [2 / 3, ORANGE], [1, ORANGE]],
        text=[[_cell(one) for one in row] for row in cells], texttemplate="%{text}", textfont={"color": "#000000"},
        hovertext=[[_sentence(one) for one in row] for row in cells], hovertemplate="%{hovertext}<extra></extra>",
        colorbar=colour_bar(what, above=True) | {"tickvals": [-2 / 3, 0, 2 / 3], "ticktext": list(names)},
    )  # fmt: skip
    said = [f"{name}: {_sentence(found.answer(one, 'centroid'))}." for name, one in TREATMENTS.items()]
    return drawn.done(" ".join([found.words, *said]), **ROOM_ABOVE)


@figure
def class_frequency(found: ClassFrequencies, model: str) -> Drawing:
    """Draw classes by their diversity, and by how fast a model's predictions change within them.

    Parameters
    ----------
    found
        From `spectrum.class_frequencies`.
    model
        Name of the model.
    """
    x, y = [c.diversity for c in found.classes], [c.found for c in found.classes]
    name = statistic_title(found.statistic, found.unit)
    drawn = drawing(
        f"{model} within each class: {STATISTIC_NAMES[found.statistic]} and diversity",
        axis("Mean L2 distance between two images of the class (pixel values 0..1)", limits(x, 0.1)),
        axis(f"{name}\n({VALUE_NAMES[found.treatment.values]})", limits([v for e in y for v in (e.low, e.high)], 0.08)),
    )
    names = [c.name for c in found.classes]
    across, up = (tuple(drawn.layout[f"{side}axis"]["range"]) for side in "xy")
    drawn.add(
        x=x, y=[e.value for e in y], uid="classes", name="classes, with 95% intervals", mode="markers+text",
        text=names, textposition=label_positions(x, [e.value for e in y], names, (across, up)),
        textfont={"size": 11}, marker={"size": 9, "color": COLOURS[0]},
        error_y=error_bars([(e.value, e.low, e.high) for e in y], color=GREY, thickness=1, width=0),
        hovertemplate="%{text}<br>%{x:.3g}, %{y:.3g}<extra></extra>",
    )  # fmt: skip
    each = "; ".join(f"{c.name} {c.found} and {c.diversity:.3g}" for c in found.classes)
    return drawn.done(
        f"{name} of {model} by class, and mean distance between two images: {each}. Rank correlation over "
        f"{len(names)} classes {found.correlation} (p = {found.p_value:.2g})."
    )


def statistic_title(statistic: Statistic, unit: str) -> str:
    """The title of an axis, with its unit."""
    titles: Mapping[Statistic, str] = {
        "centroid": f"Mean frequency,\n{unit}",
        "power": "Power above frequency 0",
        "share": f"Share of power above\n{FAST:g} of the highest",
    }
    return titles[statistic]


def _cell(one: TreatedAnswer) -> str:
    value = _value(one)
    shown = f"{_SIGNS[one.sign]} {value}" if one.sign else f"({value})"
    names = [name for name, treatment in TREATMENTS.items() if treatment == one.treatment]
    return "\n".join([shown, *names])


def _value(one: TreatedAnswer) -> str:
    if not math.isfinite(one.relative):
        return "?"
    return f"{one.relative:+.2f}" if one.reference is None else f"\u00d7{1 + one.relative:.3g}"


def _sentence(one: TreatedAnswer) -> str:
    kind = "rank correlation" if one.reference is None else "difference"
    return f"{STATISTIC_NAMES[one.statistic]} of {one.treatment}, {kind} {one.found}"
