"""Loss and error along lines and curves between models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from soupwidgets.figures.colours import COLOURS, GREY, INK
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, band, drawing, limits, percent
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
    unit = "Error, %" if quantity == "error" else "Cross-entropy, nats"
    columns = [quantity, f"{quantity} low", f"{quantity} high"]
    values = [v for line in named.values() for v in line.to_frame()[columns].to_numpy().ravel() * _factor(quantity)]
    ends = first.first, first.second
    drawn = drawing(
        f"{'Error' if quantity == 'error' else 'Loss'} from {ends[0]} to {ends[1]} ({first.split})",
        axis(f"t (0 {ends[0]}, 1 {ends[1]})"),
        axis(f"{unit} (band: 95%)", limits([v for v in values if math.isfinite(v)] or [0.0], 0.1)),
    )
    sentences = []
    for i, ((name, line), colour) in enumerate(zip(named.items(), COLOURS * len(named), strict=False)):
        frame = line.to_frame()
        factor = _factor(quantity)
        x = frame["t"].tolist()
        low, high = (frame[f"{quantity} {end}"].fillna(frame[quantity]) * factor for end in ("low", "high"))
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
            hovertemplate=f"t %{{x:.3g}}: %{{y:.2f}}<extra>{unit}</extra>",
        )
        sentences.append(_sentence(name, line))
    known = _values(first, quantity)
    known_ends = [t for t in (0.0, 1.0) if t in known]
    drawn.add(
        x=known_ends,
        y=[known[t] for t in known_ends],
        uid="ends",
        name="the two models",
        showlegend=False,
        mode="markers+text",
        text=[ends[0] if t == 0 else ends[1] for t in known_ends],
        # Inwards: at the ends of the axis there is no room for names.
        textposition=["top right" if t == 0 else "top left" for t in known_ends],
        marker={"color": INK, "size": 11, "symbol": "square"},
        hoverinfo="skip",
    )
    for t in (0, 1):
        drawn.add_rule(x=t, color=GREY, width=1, dash="dot")
    return drawn.done(" ".join(sentences))


def _factor(quantity: str) -> float:
    return 100.0 if quantity == "error" else 1.0


def _values(line: LandscapeLine, quantity: str) -> dict[float, float]:
    return {t: percent(e) for t, e in line.errors.items()} if quantity == "error" else line.losses


def _sentence(name: str, line: LandscapeLine) -> str:
    known = line.errors
    if not {0.0, 1.0} <= known.keys():
        return f"{name}: {len(known)} of {len(line.recipes)} points are measured."
    low, high = line.barrier_interval
    inside = [t for t in known if 0 <= t <= 1]
    top, best = (choose(inside, key=lambda t: known[t]) for choose in (max, min))
    return (
        f"{name} ({line.split}): error {known[0.0]:.1%} at {line.first}, {known[1.0]:.1%} at {line.second}; "
        f"highest between them {known[top]:.1%} at t = {top:.3g}, lowest {known[best]:.1%} at t = {best:.3g}. "
        f"Error barrier {100 * line.barrier:.2f} points [{100 * low:.2f}, {100 * high:.2f}]."
        + (f" {line.batch_norm}" if line.batch_norm else "")
    )
