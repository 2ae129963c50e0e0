"""How an ensemble grows, helper by helper, and what each helper alone is worth."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.figures.colours import BLUE, COLOURS, GREEN, GREY, INK
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, share_bars
from soupwidgets.figures.units import Unit, unit_of
from soupwidgets.topics.diversity.helpers import HelperStep
from soupwidgets.topics.diversity.single_helpers import HelperGain
from soupwidgets.topics.diversity.trainings import LEVELS


@figure
def helpers(steps: Sequence[HelperStep], validation: str, test: str) -> Drawing:
    """Draw how an ensemble grows.

    Parameters
    ----------
    steps
        The steps, starting with the strong model alone.
    validation, test
        Names of the split used for selection, and of the one reported next to it.

    Returns
    -------
    go.Figure
        With 95% intervals, and a text alternative in ``layout.meta``.
    """
    names = [step.name if i == 0 else f"+ {step.name}" for i, step in enumerate(steps)]
    scores = {split: [step.evaluation.scores[split] for step in steps] for split in (validation, test)}
    units = {split: unit_of(some[0]) for split, some in scores.items()}
    # What both splits are drawn in.
    shown = unit_of(*(some[0] for some in scores.values()))
    plain = shown == Unit()
    words = {split: "" if plain else f"{unit.words}, " for split, unit in units.items()}
    drawn = drawing(
        f"An ensemble that grows from {steps[0].name}",
        axis("", tickangle=-30, automargin=True, showgrid=False),
        axis(f"{shown.axis()} (95% intervals)"),
    )
    for split, colour, what in ((validation, GREEN, "chose"), (test, BLUE, "reported")):
        drawn.add(
            x=names,
            y=shown.places(score.accuracy for score in scores[split]),
            uid=what, name=f"{split} ({words[split]}{what})", label=f"{split} ({what})",
            mode="lines+markers", line={"color": colour, "width": 2},
            error_y=shown.bars(((score.accuracy, score.interval) for score in scores[split]), thickness=1),
            hovertemplate=f"%{{x}}: {shown.hover('y')}<extra></extra>",
        )  # fmt: skip
    drawn.add(
        x=names, y=shown.places(step.alone for step in steps), uid="alone",
        name=f"the joining model alone ({words[validation]}validation)", mode="markers",
        label="joining, alone",
        marker={"color": INK, "symbol": "x", "size": 9},
        hovertemplate=f"%{{x}} alone: {shown.hover('y')}<extra></extra>",
    )  # fmt: skip
    first, last = steps[0].evaluation, steps[-1].evaluation
    reported = units[test]
    text = (
        f"Ensemble of {len(steps)} models, chosen on {validation}: {', '.join(step.name for step in steps)}. "
        f"{reported.name} on {test} {reported.show(first.accuracy[test], 2)} with the first alone, "
        f"{reported.show(last.accuracy[test], 2)} with all."
    )
    return drawn.done(text)


# Beside the colours, for those who do not see them.
_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "star")


@figure
def helper_gains(gains: Sequence[HelperGain], base: str, split: str) -> Drawing:
    """Draw what each helper adds to a strong model, by how good it is alone and how differently it was trained.

    Parameters
    ----------
    gains
        The helpers.
    base
        Name of the strong model.
    split
        Where they were compared.

    Returns
    -------
    go.Figure
        With 95% intervals, and a text alternative in ``layout.meta``.

    Notes
    -----
    arXiv 2110.12899, figure 5.
    """
    drawn = drawing(
        f"What one more model adds to {base} ({split})",
        axis("Accuracy of the other model alone, %"),
        axis(f"Ensemble of the two minus {base}, points (95% intervals)", zeroline=True, zerolinecolor=GREY),
    )
    for number, level in enumerate(LEVELS):
        rows = [one for one in gains if one.divergence == level]
        if rows:
            drawn.add(
                x=[100 * one.alone for one in rows], y=[100 * one.test.difference for one in rows],
                uid=f"level-{number}", name=f"differs by {level}" if number else "siblings", mode="markers",
                marker={"color": COLOURS[number], "symbol": _SYMBOLS[number], "size": 10},
                error_y=share_bars([(one.test.difference, one.test.interval) for one in rows], thickness=1),
                hovertext=[one.name for one in rows],
                hovertemplate="%{hovertext}: %{x:.1f}% alone, adds %{y:+.2f} points<extra></extra>",
            )  # fmt: skip
    words = "; ".join(
        f"{one.name} ({one.divergence}, {one.alone:.1%} alone) {100 * one.test.difference:+.2f} (q {one.q_value:.2g})"
        for one in gains
    )
    return drawn.done(f"Accuracy on {split} of {base} with one more model, minus that of it alone, in points: {words}.")
