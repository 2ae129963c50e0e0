"""Every measured model in the plane of ID and OOD accuracy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from soupwidgets.evaluation.axis_names import ood_name
from soupwidgets.figures.colours import GREY, INK, ORANGE, PALE, SKY, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.labels import label_positions
from soupwidgets.figures.scales import Placing, accuracy_axis, place
from soupwidgets.figures.style import band, drawing, not_in_view
from soupwidgets.figures.units import Unit, unit_of
from soupwidgets.stats.scales import Scale
from soupwidgets.topics.frontier.figures.marks import KIND_MARKS, Marked, hover_text, kind_trace
from soupwidgets.topics.frontier.figures.words import frontier_words
from soupwidgets.topics.frontier.models import Frontier
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.robustness import Baseline

_WIDE_POOL = 400
_WITH_BARS = 40
# So many names find room beside their marks; longer ones are said where the pointer rests.
_NAMED, _LONGEST_NAME = 16, 24


@figure
def models(
    result: Frontier,
    shift: str | None = None,
    scale: Scale = "linear",
    colour: str | None = None,
    baseline: Baseline | None = None,
    context: Mapping[str, FrontierPoint] | None = None,
    chosen: Sequence[str] = (),
    *,
    lasso: bool = False,
) -> Drawing:
    """Draw a frontier: each kind of model with its own marker, WiSE-FT as curves.

    Parameters
    ----------
    result
        The models, at least one.
    shift
        One shift for the vertical axis, or None for the mean of all.
    scale
        Scale of both axes; ticks are in percent on every scale.
    colour
        A hyper-parameter by which fine-tuned models, and mixtures of a single one, are coloured.
    baseline
        The line of baseline models with its band, from `fit_baseline` for the same shift.
    context
        Published models, by name, drawn in grey.
    chosen
        Names of models to circle.
    lasso
        Whether dragging selects models instead of zooming.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``; each model has its name as ``customdata``.
        With more than 400 models the markers are drawn with WebGL.

    Notes
    -----
    The figures of arXiv 2109.01903 (section 1) and 2203.05482 (section 1), on the axes of arXiv 2007.00644.
    """
    points, unit = result.points(shift), unit_of(result.models[0].evaluation)
    on: Placing = scale if unit.share else "number"
    marks = {m.name: Marked(m, points[m.name], hover_text(m, points[m.name], shift)) for m in result.models}
    hidden = _far_below(marks, unit)
    shown = [mark.point for name, mark in marks.items() if name not in hidden]
    around = [*shown, *_near(context or {}, shown)]
    ood = ood_name(shift, result.models[0].evaluation)
    drawn = drawing(
        f"{unit.against_robustness} of every model shown",
        accuracy_axis(f"In-distribution (ID) {unit.words}", [p.id for p in around], scale=on),
        accuracy_axis(f"{ood} {unit.words}", [p.ood for p in around], scale=on),
        height=560,
    )
    kind = "scattergl" if len(marks) + len(context or {}) > _WIDE_POOL else "scatter"
    _add_lines(drawn, around, on, baseline)
    if context:
        drawn.add(kind, **_context_trace(context, on))
    _add_curves(drawn, result, points, on)
    for made_by in KIND_MARKS:
        # Kinds without a model get a trace too, so that traces keep their order when one is added.
        of_kind = [mark for mark in marks.values() if mark.model.kind == made_by]
        drawn.add(kind, **kind_trace(made_by, of_kind, on, colour, bars=len(marks) <= _WITH_BARS))
    best = result.pareto(shift)
    drawn.add(
        x=[place(points[n].id, on) for n in best],
        y=[place(points[n].ood, on) for n in best],
        uid="pareto", name="not beaten on both axes", mode="lines", hoverinfo="skip",
        line={"color": INK, "width": 1, "dash": "dot", "shape": "vh"},
    )  # fmt: skip
    # A trace without any point would not be drawn, and what is not drawn cannot move on screen: there is one nowhere.
    ringed = [points[name] for name in chosen if name in points]
    drawn.add(
        x=[*(place(p.id, on) for p in ringed), None], y=[*(place(p.ood, on) for p in ringed), None],
        uid="chosen", name="chosen", mode="markers", hoverinfo="skip", showlegend=bool(ringed),
        marker={"size": 18, "symbol": "circle-open", "color": VERMILLION, "line": {"width": 2.5, "color": VERMILLION}},
    )  # fmt: skip
    _add_names(drawn, [mark for name, mark in marks.items() if name not in hidden], on, chosen)
    return drawn.done(
        frontier_words(result, shift, baseline, context, chosen),
        annotations=not_in_view(hidden, below=unit.higher_is_better),
        dragmode="lasso" if lasso else "zoom",
    )


def _add_names(drawn: Drawing, marks: Sequence[Marked], scale: Placing, chosen: Sequence[str]) -> None:
    """Names beside the marks, where there is room: of models that are no points of a curve, and of chosen ones."""
    alone = [mark for mark in marks if mark.model.kind != "WiSE-FT"]
    named = [mark for mark in marks if mark.model.name in chosen][:_NAMED]
    named += [mark for mark in alone if mark not in named] if len(alone) <= _NAMED else []
    named = [mark for mark in named if len(mark.model.name) <= _LONGEST_NAME]
    x, y = [place(m.point.id, scale) for m in named], [place(m.point.ood, scale) for m in named]
    # The digits that tell two mixtures apart are said where there are two.
    short = [re.sub(r" \([0-9a-f]{6}\)$", "", mark.model.name) for mark in named]
    names = [s if short.count(s) == 1 else mark.model.name for s, mark in zip(short, named, strict=True)]
    across, up = (tuple(drawn.layout[f"{side}axis"]["range"]) for side in "xy")
    beside = label_positions(x, y, names, (across, up))
    drawn.add(
        x=[*x, None], y=[*y, None], text=[*names, ""], uid="names", mode="markers+text", hoverinfo="skip",
        # The marks are there already; these keep the names off them.
        marker={"size": 10, "opacity": 0}, showlegend=False, textfont={"size": 11},
        textposition=[*beside, "top right"], cliponaxis=False,
    )  # fmt: skip


def _add_lines(drawn: Drawing, points: Sequence[FrontierPoint], scale: Placing, baseline: Baseline | None) -> None:
    everything = [a for p in points for a in (p.id, p.ood) if np.isfinite(a)]
    low, high = min(everything), max(everything)
    room = 0.1 if scale != "number" else 0.5 * (high - low)
    reach = np.linspace(low - room, high + room, 400)
    if scale != "number":
        reach = np.linspace(max(low - room, 0.001), min(high + room, 0.999), 400)
    ends = [place(float(a), scale) for a in reach]
    drawn.add(
        x=ends, y=ends, uid="diagonal", showlegend=_in_view(drawn), name="y = x", mode="lines",
        hovertemplate="as good under shift as in distribution<extra></extra>",
        line={"color": GREY, "width": 1, "dash": "dash"},
    )  # fmt: skip
    if baseline is None:
        return
    limits = baseline.band(reach)
    if np.isfinite(limits).all():
        lower, upper = ([place(float(a), scale) for a in limits[:, i]] for i in (0, 1))
        drawn.add(**band(ends, lower, upper, colour=ORANGE, uid="baseline band"))
    drawn.add(
        x=ends, y=[place(float(a), scale) for a in baseline.predict(reach)], uid="baseline", mode="lines",
        name=f"line of {len(baseline.names)} baseline models, 95% band",
        hovertemplate=f"line of {len(baseline.names)} baseline models<extra></extra>",
        line={"color": ORANGE, "width": 2},
    )  # fmt: skip


def _in_view(drawn: Drawing) -> bool:
    """Whether the line y = x crosses the visible area."""
    (left, right), (bottom, top) = (drawn.layout[f"{side}axis"]["range"] for side in "xy")
    return bool(max(left, bottom) < min(right, top))


def _add_curves(drawn: Drawing, result: Frontier, points: Mapping[str, FrontierPoint], scale: Placing) -> None:
    x: list[float | None] = []
    y: list[float | None] = []
    for models in result.curves().values():
        x += [*(place(points[m.name].id, scale) for m in models), None]
        y += [*(place(points[m.name].ood, scale) for m in models), None]
    drawn.add(
        x=x, y=y, uid="curves", name="zero-shot to fine-tuned", mode="lines", hoverinfo="skip", showlegend=bool(x),
        line={"color": SKY, "width": 1.5},
    )  # fmt: skip


def _context_trace(context: Mapping[str, FrontierPoint], scale: Placing) -> dict[str, Any]:
    return {
        "x": [place(p.id, scale) for p in context.values()],
        "y": [place(p.ood, scale) for p in context.values()],
        "uid": "context",
        "name": f"published models ({len(context)})",
        "mode": "markers",
        "marker": {"color": PALE, "size": 6, "line": {"width": 0.5, "color": GREY}},
        "text": [f"{name}\nID {p.id:.2%}, OOD {p.ood:.2%}" for name, p in context.items()],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _far_below(marks: Mapping[str, Marked], unit: Unit) -> list[str]:
    """Models so bad that showing them would squeeze all others into one spot."""
    merits = {name: unit.merit(m.point.id) for name, m in marks.items()}
    middle, high = np.percentile(list(merits.values()), [50, 75])
    # Ten points, or as much of a number that may be of any size.
    least = middle - 5 * (high - middle) - (0.1 if unit.share else abs(middle))
    return [name for name, merit in merits.items() if merit < least]


def _near(context: Mapping[str, FrontierPoint], points: Sequence[FrontierPoint]) -> list[FrontierPoint]:
    """Published models that may widen the axes without squeezing the user's own models into one spot."""
    low, high = min(p.id for p in points), max(p.id for p in points)
    room = max(high - low, 0.1)
    return [p for p in context.values() if low - room < p.id < high + room]
