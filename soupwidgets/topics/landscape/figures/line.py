"""Loss and error along lines and curves between models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from soupwidgets.figures.colours import COLOURS, GREY, INK
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, band, drawing, limits
from soupwidgets.topics.landscape.figures.plane import height_of
from soupwidgets.topics.landscape.line import LandscapeLine


@figure
def line(lines: LandscapeLine | Mapping[str, LandscapeLine], quantity: Literal["error", "loss"] = "error") -> Drawing:
    """Draw error or loss along one or more lines or curves between the same models.

    Parameters
    ----------
    lines
        A line, or several lines by name.
    quantity
        Which number to draw.

    Returns
    -------
    go.Figure
        With 95% bands, a mark at each end, and a text alternative in ``layout.meta``.
    """
    named = {"straight line": lines} if isinstance(lines, LandscapeLine) else dict(lines)
    first = next(iter(named.values()))
    shown = height_of(first, quantity)
    unit, factor = shown.unit, shown.factor
    columns = [quantity, f"{quantity} low", f"{quantity} high"]
    values = [v for line in named.values() for v in line.to_frame()[columns].to_numpy().ravel() * factor]
    ends = first.first, first.second
    drawn = drawing(
        f"{shown.name} from {ends[0]} to {ends[1]} ({first.split})",
        axis(f"t (0 {ends[0]}, 1 {ends[1]})"),
        axis(f"{unit} (band: 95%)", limits([v for v in values if math.isfinite(v)] or [0.0], 0.1)),
    )
    sentences = []
    for i, ((name, line), colour) in enumerate(zip(named.items(), COLOURS * len(named), strict=False)):
        frame = line.to_frame()
        x = frame["t"].tolist()
        low, high = (
            frame[f"{quantity} {end}"].fillna(frame[quantity]) * factor
            for end in ("low", "high")[:: 1 if factor > 0 else -1]
        )
        drawn.add(**band(x, low.tolist(), high.tolist(), colour=colour, uid=f"band-{i}"))
        drawn.add(
            x=x,
            y=(frame[quantity] * factor).tolist(),
            uid=f"line-{i}",
            name=f"{name}, with 95% interval",
            label=name,
            at=int(np.nanargmax((frame[quantity] * factor).to_numpy())),
            mode="lines+markers",
            line={"color": colour, "width": 2.5},
            marker={"size": 5},
            hovertemplate=f"t %{{x:.3g}}: %{{y:.{'2f' if factor == 100 or shown.nats else '4g'}}}<extra>{unit}</extra>",
        )
        sentences.append(_sentence(name, line))
    known = first.errors if quantity == "error" else first.losses
    known_ends = [t for t in (0.0, 1.0) if t in known]
    drawn.add(
        x=known_ends,
        y=[factor * known[t] for t in known_ends],
        uid="ends",
        name="the two models",
        showlegend=False,
        mode="markers",
        marker={"color": INK, "size": 11, "symbol": "square"},
        hoverinfo="skip",
    )
    for t in (0, 1):
        drawn.add_rule(x=t, color=GREY, width=1, dash="dot")
    return drawn.done(" ".join(sentences))


def _sentence(name: str, line: LandscapeLine) -> str:
    known = line.errors
    if not {0.0, 1.0} <= known.keys():
        return f"{name}: {len(known)} of {len(line.recipes)} points are measured."
    (low, high), shown = line.barrier_interval, height_of(line, "error")
    called = "error" if shown.name == "Error" else shown.name
    inside = [t for t in known if 0 <= t <= 1]
    top, best = (choose(inside, key=lambda t: known[t]) for choose in (max, min))
    return (
        f"{name} ({line.split}): {called} {shown.show(known[0.0])} at {line.first}, "
        f"{shown.show(known[1.0])} at {line.second}; "
        f"{shown.worst_word} between them {shown.show(known[top])} at t = {top:.3g}, {shown.best_word} "
        f"{shown.show(known[best])} at t = {best:.3g}. "
        f"{'Error barrier' if called == 'error' else 'Barrier'} {shown.difference(line.barrier)} "
        f"[{shown.difference(low)}, {shown.difference(high)}].".replace(" points,", ",").replace(" points]", "]")
        + (f" {line.batch_norm}" if line.batch_norm else "")
    )
