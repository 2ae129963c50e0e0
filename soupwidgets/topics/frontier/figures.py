"""Every measured model in the plane of ID and OOD accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from soupwidgets.evaluation.axis_names import ood_name
from soupwidgets.figures.finishing import finished
from soupwidgets.figures.scales import accuracy_axis, off_scale, place
from soupwidgets.figures.shown import bold
from soupwidgets.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PALE,
    TOO_FEW,
    VERMILLION,
    band,
    base_figure,
    label_positions,
)
from soupwidgets.stats.scales import Scale
from soupwidgets.topics.frontier.models import Frontier, FrontierModel
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.robustness import Baseline

# Okabe and Ito's other colours, for kinds and for hyper-parameters that are not numbers.
_ORANGE, _SKY, _PURPLE, _YELLOW = "#E69F00", "#56B4E9", "#CC79A7", "#F0E442"
_WORD_COLOURS = (BLUE, VERMILLION, GREEN, _ORANGE, _SKY, _PURPLE, _YELLOW, INK)
_MARKS: dict[str, tuple[str, str, int]] = {
    "WiSE-FT": ("circle", _SKY, 5),
    "fine-tuned": ("circle", BLUE, 9),
    "bad ingredient": ("x", GREY, 8),
    "mixture": ("triangle-up", _PURPLE, 8),
    "soup": ("diamond", VERMILLION, 11),
    "ensemble": ("star", GREEN, 12),
    "published": ("circle", BLUE, 7),
    "zero-shot": ("square", INK, 11),
}
_WIDE_POOL = 400
_WITH_BARS = 40
_SHOWN_PARTS = 5
# So many names find room beside their marks; longer ones are said where the pointer rests.
_NAMED, _LONGEST_NAME = 16, 24
# The words name so many of a list.
_SAID = 8


@dataclass(frozen=True)
class _Mark:
    """How one model is drawn."""

    model: FrontierModel
    point: FrontierPoint
    hover: str


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
) -> go.Figure:
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
    points = result.points(shift)
    marks = {m.name: _Mark(m, points[m.name], _hover(m, points[m.name], shift)) for m in result.models}
    hidden = _far_below(marks)
    shown = [mark.point for name, mark in marks.items() if name not in hidden]
    around = [*shown, *_near(context or {}, shown)]
    figure = base_figure(
        "Accuracy against robustness of every model shown",
        accuracy_axis("In-distribution (ID) accuracy", [p.id for p in around], scale=scale),
        accuracy_axis(f"{ood_name(shift, result.models[0].evaluation)} accuracy", [p.ood for p in around], scale=scale),
        height=560,
    )
    draw = go.Scattergl if len(marks) + len(context or {}) > _WIDE_POOL else go.Scatter
    _add_lines(figure, around, scale, baseline)
    if context:
        figure.add_trace(_context_trace(draw, context, scale))
    _add_curves(figure, result, points, scale)
    for kind in _MARKS:
        # Kinds without a model get a trace too, so that traces keep their order when one is added.
        of_kind = [mark for mark in marks.values() if mark.model.kind == kind]
        figure.add_trace(_kind_trace(draw, kind, of_kind, scale, colour, len(marks)))
    best = result.pareto(shift)
    figure.add_scatter(
        x=[place(points[n].id, scale) for n in best],
        y=[place(points[n].ood, scale) for n in best],
        uid="pareto", name="not beaten on both axes", mode="lines", hoverinfo="skip",
        line={"color": INK, "width": 1, "dash": "dot", "shape": "vh"},
    )  # fmt: skip
    # A trace without any point would not be drawn, and what is not drawn cannot move on screen: there is one nowhere.
    ringed = [points[name] for name in chosen if name in points]
    figure.add_scatter(
        x=[*(place(p.id, scale) for p in ringed), None], y=[*(place(p.ood, scale) for p in ringed), None],
        uid="chosen", name="chosen", mode="markers", hoverinfo="skip", showlegend=bool(ringed),
        marker={"size": 18, "symbol": "circle-open", "color": VERMILLION, "line": {"width": 2.5, "color": VERMILLION}},
    )  # fmt: skip
    _add_names(figure, [mark for name, mark in marks.items() if name not in hidden], scale, chosen)
    if hidden:
        figure.update_layout(annotations=[_annotation(hidden)])
    figure.update_layout(dragmode="lasso" if lasso else "zoom")
    return finished(figure, _words(result, shift, baseline, context, chosen))


def _words(
    result: Frontier,
    shift: str | None,
    baseline: Baseline | None,
    context: Mapping[str, FrontierPoint] | None,
    chosen: Sequence[str],
) -> str:
    points = result.points(shift)

    def say(name: str) -> str:
        p = points[name]
        return f"{name} (ID {p.id:.1%}, OOD {p.ood:.1%})"

    counts = {kind: sum(m.kind == kind for m in result.models) for kind in _MARKS}
    most_id, most_ood = max(points, key=lambda n: points[n].id), max(points, key=lambda n: points[n].ood)
    best = result.pareto(shift)
    text = (
        f"{len(result)} models ({', '.join(f'{n} {kind}' for kind, n in counts.items() if n)}), ID accuracy against "
        f"{ood_name(shift, result.models[0].evaluation)} accuracy. Highest ID: {say(most_id)}. "
        f"Highest OOD: {say(most_ood)}. "
        f"Not beaten on both axes: {_listed([say(name) for name in best])}."
    )
    if baseline is not None:
        text += (
            f" The line of {len(baseline.names)} baseline models has the slope {baseline.slope:.2f} on the "
            f"{baseline.scale} scale."
        )
    if curves := list(result.curves()):
        text += f" Lines lead from the zero-shot model to {_listed(curves)}."
    if context:
        others = [f"{name} (ID {p.id:.1%}, OOD {p.ood:.1%})" for name, p in context.items()]
        text += f" In grey, {len(others)} published models: {_listed(others)}."
    if ringed := [say(name) for name in chosen if name in points]:
        text += f" Chosen: {_listed(ringed)}."
    return text


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _SAID} more" if len(texts) > _SAID else ""
    return "; ".join(texts[:_SAID]) + more


def _add_names(figure: go.Figure, marks: Sequence[_Mark], scale: Scale, chosen: Sequence[str]) -> None:
    """Names beside the marks, where there is room: of models that are no points of a curve, and of chosen ones."""
    alone = [mark for mark in marks if mark.model.kind != "WiSE-FT"]
    named = [mark for mark in marks if mark.model.name in chosen][:_NAMED]
    named += [mark for mark in alone if mark not in named] if len(alone) <= _NAMED else []
    named = [mark for mark in named if len(mark.model.name) <= _LONGEST_NAME]
    x, y = [place(m.point.id, scale) for m in named], [place(m.point.ood, scale) for m in named]
    names = [mark.model.name for mark in named]
    # The corners of the figure say how large a letter is beside the distances.
    (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
    beside = label_positions([*x, left, right], [*y, bottom, top], [*names, "", ""], corners=True)
    figure.add_scatter(
        x=[*x, None], y=[*y, None], text=[*names, ""], uid="names", mode="markers+text", hoverinfo="skip",
        # The marks are there already; these keep the names off them.
        marker={"size": 10, "opacity": 0}, showlegend=False, textfont={"size": 11},
        textposition=[*beside[: len(names)], "top right"],
    )  # fmt: skip


def _kind_trace(draw: Any, kind: str, marks: Sequence[_Mark], scale: Scale, colour: str | None, total: int) -> Any:
    symbol, own_colour, size = _MARKS[kind]
    marker: dict[str, Any] = {
        "symbol": [_symbol(symbol, mark, scale) for mark in marks],
        "size": size,
        "color": own_colour,
        "line": {"width": 0 if kind == "WiSE-FT" else 1, "color": "white"},
    }
    if marks and colour is not None and kind in ("fine-tuned", "WiSE-FT", "published"):
        marker |= _coloured([mark.model.hyperparameters.get(colour) for mark in marks], colour, kind != "WiSE-FT")
    trace = draw(
        x=[place(mark.point.id, scale) for mark in marks],
        y=[place(mark.point.ood, scale) for mark in marks],
        uid=kind,
        name=f"{kind} ({len(marks)})",
        showlegend=bool(marks),
        mode="markers",
        marker=marker,
        customdata=[[mark.model.name] for mark in marks],
        text=[mark.hover for mark in marks],
        hovertemplate="%{text}<extra></extra>",
    )
    if marks and total <= _WITH_BARS and kind != "WiSE-FT":
        bars = {"thickness": 1, "width": 0, "color": own_colour}
        trace.error_x = {**_bars([(m.point.id, m.point.id_interval) for m in marks], scale), **bars}
        trace.error_y = {**_bars([(m.point.ood, m.point.ood_interval) for m in marks], scale), **bars}
    return trace


def _symbol(symbol: str, mark: _Mark, scale: Scale) -> str:
    # A model without a finite position is drawn hollow at the edge of the axis.
    outside = off_scale(mark.point.id, scale) or off_scale(mark.point.ood, scale)
    return f"{symbol}-open" if outside else symbol


def _coloured(values: Sequence[Any], name: str, with_bar: bool) -> dict[str, Any]:
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == sum(v is not None for v in values) and len(set(numbers)) > 1:
        log = min(numbers) > 0 and max(numbers) / min(numbers) > 10
        shown = [PALE if v is None else float(np.log10(v) if log else v) for v in values]
        low, high = (float(np.log10(v) if log else v) for v in (min(numbers), max(numbers)))
        bar: dict[str, Any] = {"title": {"text": name, "side": "right"}, "thickness": 12, "len": 0.8}
        if log:
            ticks = np.linspace(low, high, 4)
            bar |= {"tickvals": ticks.tolist(), "ticktext": [f"{10**t:.1e}" for t in ticks]}
        scale = {"colorscale": "Cividis", "cmin": low, "cmax": high, "showscale": with_bar}
        return {"color": shown, **scale, **({"colorbar": bar} if with_bar else {})}
    words = sorted({str(v) for v in values if v is not None})
    return {
        "color": [
            PALE if v is None else _WORD_COLOURS[words.index(str(v)) % len(_WORD_COLOURS)] for v in values
        ]
    }  # fmt: skip


def _bars(values: Sequence[tuple[float, tuple[float, float]]], scale: Scale) -> dict[str, Any]:
    ends = [(place(v, scale), *(place(x, scale) for x in limits)) for v, limits in values]
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(high - v, 0) if np.isfinite(high) else TOO_FEW for v, _, high in ends],
        "arrayminus": [max(v - low, 0) if np.isfinite(low) else TOO_FEW for v, low, _ in ends],
    }


def _add_lines(figure: go.Figure, points: Sequence[FrontierPoint], scale: Scale, baseline: Baseline | None) -> None:
    everything = [a for p in points for a in (p.id, p.ood) if np.isfinite(a)]
    reach = np.linspace(max(min(everything) - 0.1, 0.001), min(max(everything) + 0.1, 0.999), 400)
    ends = [place(float(a), scale) for a in reach]
    figure.add_scatter(
        x=ends, y=ends, uid="diagonal", showlegend=_in_view(figure), name="y = x", mode="lines",
        hovertemplate="as accurate under shift as in distribution<extra></extra>",
        line={"color": GREY, "width": 1, "dash": "dash"},
    )  # fmt: skip
    if baseline is None:
        return
    limits = baseline.band(reach)
    if np.isfinite(limits).all():
        low, high = ([place(float(a), scale) for a in limits[:, i]] for i in (0, 1))
        figure.add_trace(band(ends, low, high, colour=_ORANGE, uid="baseline band"))
    figure.add_scatter(
        x=ends, y=[place(float(a), scale) for a in baseline.predict(reach)], uid="baseline", mode="lines",
        name=f"line of {len(baseline.names)} baseline models, 95% band",
        hovertemplate=f"line of {len(baseline.names)} baseline models<extra></extra>",
        line={"color": _ORANGE, "width": 2},
    )  # fmt: skip


def _in_view(figure: go.Figure) -> bool:
    """Whether the line y = x crosses the visible area."""
    (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
    return bool(max(left, bottom) < min(right, top))


def _add_curves(figure: go.Figure, result: Frontier, points: Mapping[str, FrontierPoint], scale: Scale) -> None:
    x: list[float | None] = []
    y: list[float | None] = []
    for models in result.curves().values():
        x += [*(place(points[m.name].id, scale) for m in models), None]
        y += [*(place(points[m.name].ood, scale) for m in models), None]
    figure.add_scatter(
        x=x, y=y, uid="curves", name="zero-shot to fine-tuned", mode="lines", hoverinfo="skip", showlegend=bool(x),
        line={"color": _SKY, "width": 1.5},
    )  # fmt: skip


def _context_trace(draw: Any, context: Mapping[str, FrontierPoint], scale: Scale) -> Any:
    return draw(
        x=[place(p.id, scale) for p in context.values()],
        y=[place(p.ood, scale) for p in context.values()],
        uid="context",
        name=f"published models ({len(context)})",
        mode="markers",
        marker={"color": PALE, "size": 6, "line": {"width": 0.5, "color": GREY}},
        text=[f"{name}\nID {p.id:.2%}, OOD {p.ood:.2%}" for name, p in context.items()],
        hovertemplate="%{text}<extra></extra>",
    )


def _hover(model: FrontierModel, point: FrontierPoint, shift: str | None) -> str:
    lines = [f"{bold(model.name)} ({model.kind})"]
    ood = ood_name(shift, model.evaluation)
    for what, value, (low, high) in (("ID", point.id, point.id_interval), (ood, point.ood, point.ood_interval)):
        limits = f" [{low:.2%}, {high:.2%}]" if np.isfinite(low) and np.isfinite(high) else ""
        # For published models the number of images may be unknown.
        limits = limits or ("" if model.kind == "published" else f" [{TOO_FEW}]")
        lines.append(f"{what} {value:.2%}{limits}")
    if any(np.isnan(score.loss) for score in model.evaluation.scores.values()) and model.kind != "published":
        lines.append("some of its logits are not finite: those images count as wrong")
    parts = sorted(model.evaluation.recipe.items(), key=lambda item: -abs(item[1]))
    if len(parts) > 1:
        more = f" and {len(parts) - _SHOWN_PARTS} more" if len(parts) > _SHOWN_PARTS else ""
        lines.append(", ".join(f"{name} {value:.3g}" for name, value in parts[:_SHOWN_PARTS]) + more)
    for name, value in list(model.hyperparameters.items())[:8]:
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        lines.append(f"{name}: {shown[:60]}")
    return "\n".join(lines)


def _far_below(marks: Mapping[str, _Mark]) -> list[str]:
    """Models so bad that showing them would squeeze all others into one spot."""
    middle, high = np.percentile([m.point.id for m in marks.values()], [50, 75])
    return [name for name, m in marks.items() if m.point.id < middle - 5 * (high - middle) - 0.1]


def _near(context: Mapping[str, FrontierPoint], points: Sequence[FrontierPoint]) -> list[FrontierPoint]:
    """Published models that may widen the axes without squeezing the user's own models into one spot."""
    low, high = min(p.id for p in points), max(p.id for p in points)
    room = max(high - low, 0.1)
    return [p for p in context.values() if low - room < p.id < high + room]


def _annotation(hidden: Sequence[str]) -> dict[str, Any]:
    names = ", ".join(hidden[:3]) + (f" and {len(hidden) - 3} more" if len(hidden) > 3 else "")
    corner = {"xref": "paper", "yref": "paper", "x": 0, "y": 0, "xanchor": "left", "yanchor": "bottom"}
    words = f"\u2190 far below, not in view: {names}"
    return {"text": words, "showarrow": False, "font": {"size": 11, "color": GREY}, **corner}
