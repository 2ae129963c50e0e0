"""How one model is drawn in the plane of ID and OOD accuracy, by its kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from soupwidgets.evaluation.axis_names import ood_name
from soupwidgets.figures.colours import BLUE, COLOURS, GREEN, GREY, INK, PALE, PURPLE, SKY, VERMILLION
from soupwidgets.figures.scales import Placing, off_scale, place
from soupwidgets.figures.shown import bold
from soupwidgets.figures.style import TOO_FEW, error_bars
from soupwidgets.figures.units import unit_of
from soupwidgets.topics.frontier.models import FrontierModel
from soupwidgets.topics.frontier.point import FrontierPoint

# For hyper-parameters that are not numbers: yellow is no colour for a line, but good enough for a mark.
_WORD_COLOURS = (*COLOURS, "#F0E442", INK)
KIND_MARKS: dict[str, tuple[str, str, int]] = {
    "WiSE-FT": ("circle", SKY, 5),
    "fine-tuned": ("diamond", BLUE, 10),
    "bad ingredient": ("x", GREY, 8),
    "mixture": ("cross", PURPLE, 8),
    "soup": ("circle", VERMILLION, 11),
    "ensemble": ("triangle-up", GREEN, 12),
    "published": ("circle", BLUE, 7),
    "zero-shot": ("square", INK, 11),
}
_SHOWN_PARTS = 5


@dataclass(frozen=True)
class Marked:
    """How one model is drawn."""

    model: FrontierModel
    point: FrontierPoint
    hover: str


def kind_trace(kind: str, marks: Sequence[Marked], scale: Placing, colour: str | None, *, bars: bool) -> dict[str, Any]:
    """Draw the models of one kind; with their intervals, if those are wanted."""
    symbol, own_colour, size = KIND_MARKS[kind]
    marker: dict[str, Any] = {
        "symbol": [_symbol(symbol, mark, scale) for mark in marks],
        "size": size,
        "color": own_colour,
        "line": {"width": 0 if kind == "WiSE-FT" else 1, "color": "white"},
    }
    if marks and colour is not None and kind in ("fine-tuned", "WiSE-FT", "published"):
        marker |= _coloured([mark.model.hyperparameters.get(colour) for mark in marks], colour, kind != "WiSE-FT")
    trace: dict[str, Any] = {
        "x": [place(mark.point.id, scale) for mark in marks],
        "y": [place(mark.point.ood, scale) for mark in marks],
        "uid": kind,
        "name": f"{kind} ({len(marks)})",
        "showlegend": bool(marks),
        "mode": "markers",
        "marker": marker,
        "customdata": [[mark.model.name] for mark in marks],
        "text": [mark.hover for mark in marks],
        "hovertemplate": "%{text}<extra></extra>",
    }
    if marks and bars and kind != "WiSE-FT":
        style = {"thickness": 1, "width": 0, "color": own_colour}
        trace["error_x"] = {**_bars([(m.point.id, m.point.id_interval) for m in marks], scale), **style}
        trace["error_y"] = {**_bars([(m.point.ood, m.point.ood_interval) for m in marks], scale), **style}
    return trace


def _symbol(symbol: str, mark: Marked, scale: Placing) -> str:
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


def _bars(values: Sequence[tuple[float, tuple[float, float]]], scale: Placing) -> dict[str, Any]:
    # A value beyond the edge of the scale stands at the edge, and so does its bar's end.
    ends = [(place(v, scale), *(place(x, scale) for x in limits)) for v, limits in values]
    return error_bars([(v, min(low, v), max(high, v)) for v, low, high in ends])


def hover_text(model: FrontierModel, point: FrontierPoint, shift: str | None) -> str:
    """What is said of a model where the pointer rests."""
    lines = [f"{bold(model.name)} ({model.kind})"]
    ood, unit = ood_name(shift, model.evaluation), unit_of(model.evaluation)
    for what, value, (low, high) in (("ID", point.id, point.id_interval), (ood, point.ood, point.ood_interval)):
        limits = f" [{unit.show(low, 2)}, {unit.show(high, 2)}]" if np.isfinite(low) and np.isfinite(high) else ""
        # For published models the number of images may be unknown.
        limits = limits or ("" if model.kind == "published" else f" [{TOO_FEW}]")
        lines.append(f"{what} {unit.show(value, 2)}{limits}")
    if any(np.isnan(score.loss) for score in model.evaluation.scores.values()) and model.kind != "published":
        lines.append("some of its logits are not finite: those examples count as wrong")
    parts = sorted(model.evaluation.recipe.items(), key=lambda item: -abs(item[1]))
    if len(parts) > 1:
        more = f" and {len(parts) - _SHOWN_PARTS} more" if len(parts) > _SHOWN_PARTS else ""
        lines.append(", ".join(f"{name} {value:.3g}" for name, value in parts[:_SHOWN_PARTS]) + more)
    for name, value in list(model.hyperparameters.items())[:8]:
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        lines.append(f"{name}: {shown[:60]}")
    return "\n".join(lines)
