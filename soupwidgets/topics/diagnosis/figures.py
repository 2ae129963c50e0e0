"""Figures of a diagnosis: where the members lie and how good they are, and the barriers between them."""

from __future__ import annotations

import numpy as np

from soupwidgets.figures.colours import BLUE, GREY, INK, VERMILLION, mark
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.matrix import matrix_drawing
from soupwidgets.figures.style import axis, drawing, error_bars
from soupwidgets.figures.units import unit_of
from soupwidgets.methods.advice import BARRIER
from soupwidgets.topics.diagnosis.finding import accused
from soupwidgets.topics.diagnosis.pairs import pairs_words
from soupwidgets.topics.diagnosis.verdict import Diagnosis

# More names than these would lie on each other.
_NAMED = 6
# Up to this many models there is room for numbers in the cells; points from which on colours do not rise.
_WRITTEN, _MUCH = 14, 10
_LOST = [[0, "#EDF2F6"], [0.2, "#9CC3DE"], [1, BLUE]]
_BAD = {"symbol": "x", "color": VERMILLION, "size": 11}


@figure
def members(found: Diagnosis) -> Drawing:
    """Draw how far each checkpoint lies from the origin, and its validation score.

    Returns
    -------
    go.Figure
        A point for each checkpoint that was measured, with its 95% interval; crosses are those with a finding. With a
        text alternative in ``layout.meta``.
    """
    unit, bad = unit_of(found.metric), accused(found.findings)
    drawn = drawing(
        f"How far each model went, and how good it is ({found.split})",
        axis(f"Distance from {found.facts.origin}, in multiples of its norm", rangemode="tozero"),
        axis(unit.axis("Validation")),
    )
    start = [name for name in found.alone if name == found.facts.origin]
    groups = {
        "zero-shot": (start, mark("zero-shot"), found.facts.origin),
        "sound": ([n for n in found.alone if n not in [*bad, *start]], mark("fine-tuned", 9), "nothing found"),
        "accused": ([n for n in found.alone if n in bad and n not in start], _BAD, "with a finding"),
    }
    for uid, (names, marker, called) in groups.items():
        drawn.add(
            x=[found.facts.distance[name] for name in names] or [None],
            y=[unit.place(found.alone[name]) for name in names] or [None],
            error_y=unit.bars([(found.alone[name], found.intervals[name]) for name in names], color=GREY),
            uid=uid, name=called, marker=marker, hovertext=list(names),
            # Who is accused is named in the picture, as far as there is room.
            mode="markers+text" if uid == "accused" and 0 < len(names) <= _NAMED else "markers",
            text=list(names), textposition="middle left", textfont={"color": INK},
            hovertemplate="%{hovertext}: " + f"{unit.hover('y')}, distance %{{x:.3f}}<extra></extra>",
        )  # fmt: skip
    text = f"Distance from {found.facts.origin} and validation {unit.words} of {len(found.alone)} models."
    said = [
        f"{n} lies at {found.facts.distance[n]:.2f} and has {unit.show(found.alone[n])}" for n in groups["accused"][0]
    ]
    if said:
        text += f" With a finding: {'; '.join(said)}."
    sound = groups["sound"][0]
    if sound:
        far, scores = [found.facts.distance[n] for n in sound], [found.alone[n] for n in sound]
        text += (
            f" The others lie at {min(far):.2f} to {max(far):.2f} and have {unit.show(min(scores))} to "
            f"{unit.show(max(scores))}."
        )
    return drawn.done(text)


@figure
def barriers(found: Diagnosis) -> Drawing:
    """Draw the barrier between each checkpoint and the best one.

    Returns
    -------
    go.Figure
        A point for each, with the 95% interval over examples; right of the dashed line two models are told not to be
        mixed. With a text alternative in ``layout.meta``.

    Notes
    -----
    Frankle et al., arXiv 1912.05671, section 2, at alpha 0.5.
    """
    unit = unit_of(found.metric)
    factor = 100 if unit.share else 1
    names = sorted(found.barriers, key=lambda name: found.barriers[name])
    drawn = drawing(
        f"Barrier between each model and {found.best or 'the best one'}, halfway ({found.split})",
        axis(f"{unit.words.capitalize()} lost against the mean of the two, {'points' if unit.share else 'its unit'}",
             zeroline=True, zerolinecolor=GREY),
        axis("", showgrid=False, categoryorder="array", categoryarray=names),
        height=max(300, 120 + 22 * len(names)),
    )  # fmt: skip
    bad = accused(found.findings)
    if unit.share:
        drawn.add_rule(x=100 * BARRIER, color=VERMILLION, dash="dash")
    heights = [factor * found.barriers[name] for name in names]
    margins = [factor * found.margins[name] for name in names]
    ends = [(height, height - margin, height + margin) for height, margin in zip(heights, margins, strict=True)]
    drawn.add(
        x=heights or [None], y=names or [None], uid="barriers", name="barrier", mode="markers", showlegend=False,
        error_x=error_bars(ends, color=GREY),
        marker={
            "size": 9,
            "color": [_BAD["color"] if name in bad else mark("fine-tuned")["color"] for name in names],
            "symbol": [_BAD["symbol"] if name in bad else "diamond" for name in names],
        },
        hovertemplate="%{y}: %{x:.2f}<extra></extra>",
    )  # fmt: skip
    text = f"Barriers between {found.best or 'the best model'} and {len(names)} others on {found.split}."
    if names:
        text += (
            f" The highest is {unit.difference(found.barriers[names[-1]])} ({names[-1]}), the lowest "
            f"{unit.difference(found.barriers[names[0]])} ({names[0]}); below zero the mixture is better than the mean."
        )
    return drawn.done(text)


@figure
def pairs(found: Diagnosis) -> Drawing:
    """Draw which models can be mixed with which.

    Returns
    -------
    go.Figure
        Accuracy lost halfway between each two, groups beside each other; a cross marks pairs that cannot be mixed, and
        pairs that were not looked at stay empty. With a text alternative in ``layout.meta``.

    Raises
    ------
    ValueError
        When no pairs were looked at.

    Notes
    -----
    Frankle et al., arXiv 1912.05671, section 2, at alpha 0.5.
    """
    known = found.pairs
    if known is None:
        raise ValueError("no pairs were looked at: answers are not right or wrong, or there are fewer than two models")
    names = [name for group in known.groups for name in group]
    place = {name: i for i, name in enumerate(names)}
    values, words = np.full((len(names),) * 2, np.nan), np.full((len(names),) * 2, "", dtype=object)
    for (first, second), one in known.barriers.items():
        number = f"{100 * one.height:.1f}" if len(names) <= _WRITTEN else ""
        for at in ((place[first], place[second]), (place[second], place[first])):
            values[at], words[at] = 100 * one.height, f"{number} \u00d7".strip() if one.barred else number
    drawn = matrix_drawing(
        f"Which models can be mixed (\u00d7: not) ({found.split})", names,
        values=values, unit="points lost halfway", digits=1, uid="pairs",
    )  # fmt: skip
    # Any barrier from here on is much too high: the colours are kept for those that are not.
    drawn.data[-1] |= {
        "text": words.tolist(), "texttemplate": "%{text}", "zmin": 0, "zmax": _MUCH, "colorscale": _LOST,
    }  # fmt: skip
    return drawn.done(f"{pairs_words(known)} Barriers are halfway between two models, on {found.split}.")
