"""Accuracy and loss between two models, under each treatment that may lower the barrier."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from soupwidgets.figures.colours import BLUE, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, band, drawing, limits
from soupwidgets.figures.units import unit_of, within_sentence
from soupwidgets.topics.landscape.alignment import AFTER, BEFORE, BOTH, RECOMPUTED
from soupwidgets.topics.landscape.figures.plane import height_of
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
    loss = height_of(before, "loss")
    nats = " nats" if loss.nats else ""
    x_axis = axis(f"alpha (0 {before.first}, 1 {before.second})", (-0.03, 1.03), anchor="y2")
    unit = unit_of(before.metric)
    shown_on = f"{unit.name} on {before.split}{', %' if unit.share else ''}"
    drawn = drawing(title, x_axis, axis(shown_on, upper, domain=_UPPER), height=600)
    for treatment, line in known.items():
        colour, dash = _LOOK[treatment]
        for panel, rows, axis_name in (("accuracy", accuracies, "y"), ("loss", losses, "y2")):
            x = list(line.scores)
            low, middle, high = zip(*rows[treatment], strict=True) if x else ((), (), ())
            area = band(x, low, high, colour=colour, uid=f"band-{panel}-{treatment}")
            drawn.add(**area, yaxis=axis_name)
            called, form = (unit.words, unit.hover("y")) if panel == "accuracy" else ("loss", "%{y:.2f}" + nats)
            drawn.add(
                x=x, y=list(middle), yaxis=axis_name, uid=f"{panel}-{treatment}", name=treatment, mode="lines+markers",
                showlegend=panel == "accuracy", line={"color": colour, "width": 2.5, "dash": dash}, marker={"size": 5},
                hovertemplate=f"{treatment}<br>alpha %{{x:.3g}}: {called} {form}<extra></extra>",
            )  # fmt: skip
    second = axis(loss.unit, lower, domain=_LOWER, anchor="x")
    return drawn.done(_text(known, title), yaxis2=second)


def _values(line: LandscapeLine, panel: str) -> list[tuple[float, float, float]]:
    """Lower limit, value and upper limit of every point: of the metric in its unit, or of the loss."""
    frame = line.to_frame()
    if frame.empty:
        return []
    if panel == "accuracy":
        place = unit_of(line.metric).place
        return [
            (place(score.interval[0]), place(score.accuracy), place(score.interval[1]))
            for score in line.scores.values()
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
        return f"{unit_of(before.metric).name} and loss {between}, {BEFORE} and {treatment}"
    shown = height_of(before, "error")
    factor, points = abs(shown.factor), " points" if abs(shown.factor) == 100 else ""
    was, now = (f"{factor * line.barrier:{'.1f' if points else '.3g'}}" for line in (before, after))
    barrier = "error barrier" if before.metric == "accuracy" else f"barrier of {within_sentence(shown.name)}"
    (low, high), (low_now, high_now) = before.barrier_interval, after.barrier_interval
    if high_now < low:
        return f"{how} lowers the {barrier} from {was} to {now}{points}"
    if low_now > high:
        return f"{how} raises the {barrier} from {was} to {now}{points}"
    changes = how[0].lower() + how[1:]
    return f"No clear change of the {barrier} by {changes}: {was} and {now}{points}"


def _has_ends(line: LandscapeLine) -> bool:
    return {0.0, 1.0} <= line.scores.keys()


def _text(lines: Mapping[str, LandscapeLine], title: str) -> str:
    said = [f"{title}."]
    for treatment, line in lines.items():
        if not _has_ends(line):
            said.append(f"{treatment}: {len(line.scores)} of {len(line.recipes)} points are measured.")
            continue
        shown, loss, unit = height_of(line, "error"), height_of(line, "loss"), unit_of(line.metric)
        low, high = (shown.difference(value).removesuffix(" points") for value in line.barrier_interval)
        worst = min(line.scores, key=lambda t: unit.merit(line.scores[t].accuracy))
        values = {t: unit.show(score.accuracy) for t, score in line.scores.items()}
        said.append(
            f"{treatment}: {unit.words} {values[0.0]} at {line.first}, {values[1.0]} at {line.second}, "
            f"{'lowest' if unit.higher_is_better else 'highest'} {values[worst]} at alpha {worst:.3g}; highest loss "
            f"{loss.show(max(line.losses.values()))}; {'error ' if line.metric == 'accuracy' else ''}barrier "
            f"{shown.difference(line.barrier)} [{low}, {high}]. {line.batch_norm}".rstrip()
        )
    return " ".join(said)
