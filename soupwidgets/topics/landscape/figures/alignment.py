"""Accuracy and loss between two models, under each treatment that may lower the barrier."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from soupwidgets.figures.colours import BLUE, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, band, drawing, limits
from soupwidgets.topics.landscape.alignment import AFTER, BEFORE, BOTH, RECOMPUTED
from soupwidgets.topics.landscape.line import LandscapeLine

# Colours say whether units are aligned, dots that statistics are averaged; the order in which they are drawn.
_LOOK = {
    BEFORE: (VERMILLION, "dot"),
    RECOMPUTED: (VERMILLION, "solid"),
    AFTER: (BLUE, "dot"),
    BOTH: (BLUE, "solid"),
}
_HOW = {
    AFTER: "Alignment",
    RECOMPUTED: "Recomputing statistics",
    BOTH: "Alignment with recomputed statistics",
}
_UPPER, _LOWER = (0.43, 1.0), (0.0, 0.36)


@figure
def alignment(lines: Mapping[str, LandscapeLine]) -> Drawing:
    """Draw accuracy and loss along alpha between two models, as trained, aligned, and with statistics recomputed.

    Parameters
    ----------
    lines
        What `alignment_lines` measures, as far as it is known.

    Returns
    -------
    go.Figure
        Accuracy above, loss below, with 95% bands; a text alternative in ``layout.meta``.

    Raises
    ------
    ValueError
        When the line as trained is missing, or there is no other.
    """
    if BEFORE not in lines or not set(_HOW) & set(lines):
        raise ValueError(f"a line {BEFORE!r} and another are needed, got {', '.join(lines) or 'none'}")
    before, title = lines[BEFORE], _title(lines)
    known = {treatment: lines[treatment] for treatment in _LOOK if treatment in lines}
    accuracies, losses = ({t: _values(line, panel) for t, line in known.items()} for panel in ("accuracy", "loss"))
    upper, lower = (_range([v for rows in panel.values() for v in rows]) for panel in (accuracies, losses))
    x_axis = axis(f"alpha (0 {before.first}, 1 {before.second})", (-0.03, 1.03), anchor="y2")
    drawn = drawing(title, x_axis, axis(f"Accuracy on {before.split}, %", upper, domain=_UPPER), height=600)
    for treatment, line in known.items():
        colour, dash = _LOOK[treatment]
        for panel, rows, axis_name in (("accuracy", accuracies, "y"), ("loss", losses, "y2")):
            x = list(line.scores)
            low, middle, high = zip(*rows[treatment], strict=True) if x else ((), (), ())
            area = band(x, low, high, colour=colour, uid=f"band-{panel}-{treatment}")
            drawn.add(**area, yaxis=axis_name)
            unit = "%" if panel == "accuracy" else " nats"
            drawn.add(
                x=x, y=list(middle), yaxis=axis_name, uid=f"{panel}-{treatment}", name=treatment, mode="lines+markers",
                showlegend=panel == "accuracy", line={"color": colour, "width": 2.5, "dash": dash}, marker={"size": 5},
                hovertemplate=f"{treatment}<br>alpha %{{x:.3g}}: {panel} %{{y:.2f}}{unit}<extra></extra>",
            )  # fmt: skip
    second = axis("Cross-entropy, nats", lower, domain=_LOWER, anchor="x")
    return drawn.done(_text(known, title), yaxis2=second)


def _values(line: LandscapeLine, panel: str) -> list[tuple[float, float, float]]:
    """Lower limit, value and upper limit of every point: accuracies in percent, losses in nats."""
    frame = line.to_frame()
    if frame.empty:
        return []
    if panel == "accuracy":
        return [
            (100 * (1 - high), 100 * (1 - value), 100 * (1 - low))
            for low, value, high in frame[["error low", "error", "error high"]].to_numpy().tolist()
        ]
    return [tuple(row) for row in frame[["loss low", "loss", "loss high"]].to_numpy().tolist()]


def _range(rows: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    return limits([v for row in rows for v in row if math.isfinite(v)] or [0.0, 1.0], 0.08)


def _title(lines: Mapping[str, LandscapeLine]) -> str:
    before = lines[BEFORE]
    between = f"between {before.first} and {before.second}"
    treatment = next(name for name in (BOTH, AFTER, RECOMPUTED) if name in lines)
    after, how = lines[treatment], _HOW[treatment]
    if not all(_has_ends(line) for line in (before, after)):
        return f"Accuracy and loss {between}, {BEFORE} and {treatment}"
    was, now = 100 * before.barrier, 100 * after.barrier
    (low, high), (low_now, high_now) = before.barrier_interval, after.barrier_interval
    if high_now < low:
        return f"{how} lowers the error barrier from {was:.1f} to {now:.1f} points"
    if low_now > high:
        return f"{how} raises the error barrier from {was:.1f} to {now:.1f} points"
    changes = how[0].lower() + how[1:]
    return f"No clear change of the error barrier by {changes}: {was:.1f} and {now:.1f} points"


def _has_ends(line: LandscapeLine) -> bool:
    return {0.0, 1.0} <= line.scores.keys()


def _text(lines: Mapping[str, LandscapeLine], title: str) -> str:
    said = [f"{title}."]
    for treatment, line in lines.items():
        if not _has_ends(line):
            said.append(f"{treatment}: {len(line.scores)} of {len(line.recipes)} points are measured.")
            continue
        low, high = line.barrier_interval
        worst = min(line.scores, key=lambda t: line.scores[t].accuracy)
        said.append(
            f"{treatment}: accuracy {line.scores[0.0].accuracy:.1%} at {line.first}, "
            f"{line.scores[1.0].accuracy:.1%} at {line.second}, lowest {line.scores[worst].accuracy:.1%} at alpha "
            f"{worst:.3g}; highest loss {max(line.losses.values()):.3f} nats; error barrier {100 * line.barrier:.2f} "
            f"points [{100 * low:.2f}, {100 * high:.2f}]. {line.batch_norm}".rstrip()
        )
    return " ".join(said)
