"""How a greedy soup was built, candidate by candidate."""

from __future__ import annotations

from typing import Any

from soupwidgets.figures.colours import BLUE, INK, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, limits
from soupwidgets.figures.units import Unit, unit_of
from soupwidgets.methods import GreedySoup

# A candidate is a whole number, and so is every tick; where there are many candidates not each has one.
_TICKS = 12


@figure
def greedy_trace(soup: GreedySoup, step: int | None = None) -> Drawing:
    """Draw the validation score with each candidate, next to that of the soup it was tried in.

    Parameters
    ----------
    soup
        The greedy soup, with its steps.
    step
        The step to highlight, counted from 1; the last when None.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``. Every candidate's point has its step as ``customdata``.
    """
    steps, unit = soup.steps, unit_of(soup.metric)
    drawn = drawing("Greedy soup, candidate by candidate", *_axes(soup))
    held = [s.accuracy if s.accepted else s.best for s in steps]
    places = list(range(1, len(steps) + 1))
    drawn.add(
        x=places, y=unit.places(held), uid="held", name="the soup so far", mode="lines",
        line={"color": BLUE, "width": 2, "shape": "hv"}, hoverinfo="skip",
    )  # fmt: skip
    for uid, name, colour, symbol, chosen in (
        ("taken", "taken", BLUE, "circle", [s.accepted for s in steps]),
        ("left", "left out", VERMILLION, "x", [not s.accepted and s.exact for s in steps]),
        ("bound", f"left out ({_bound(unit)} this)", VERMILLION, "triangle-down-open", [not s.exact for s in steps]),
    ):
        rows = [i for i, use in enumerate(chosen) if use]
        drawn.add(
            x=[places[i] for i in rows],
            y=unit.places(steps[i].accuracy for i in rows),
            uid=uid, name=name, mode="markers", marker={"color": colour, "symbol": symbol, "size": 9},
            customdata=[[places[i]] for i in rows], hovertext=[steps[i].candidate for i in rows],
            hovertemplate=f"step %{{x}}: %{{hovertext}}<br>{name}, {unit.hover('y')}<extra></extra>",
        )  # fmt: skip
    at = len(steps) if step is None else step
    drawn.add(
        x=[at], y=[unit.place(steps[at - 1].accuracy)], uid="here", name="this step", mode="markers", cliponaxis=False,
        marker={"color": "rgba(0,0,0,0)", "size": 18, "line": {"width": 2, "color": INK}}, hoverinfo="skip",
    )  # fmt: skip
    text = (
        f"Greedy soup of {len(steps)} candidates on validation: {', '.join(soup.ingredients)} taken. "
        f"{greedy_sentence(soup, at)} "
        + " ".join(
            f"{i}. {s.candidate} {'' if s.exact else f'{_bound(unit)} '}{unit.show(s.accuracy, 2)} "
            f"{'taken' if s.accepted else 'left out'};"
            for i, s in enumerate(steps, 1)
        )
    )
    return drawn.done(text)


def greedy_sentence(soup: GreedySoup, step: int) -> str:
    """One step in words: the candidate, the score with and without it, and the decision."""
    here, unit = soup.steps[step - 1], unit_of(soup.metric)
    if step == 1:
        return f"Step 1 of {len(soup.steps)}: {here.candidate} is the first, with {unit.show(here.accuracy, 2)}."
    bound = "" if here.exact else f"{_bound(unit)} "
    return (
        f"Step {step} of {len(soup.steps)}: {here.candidate} is tried. "
        f"Validation {unit.words} {unit.show(here.best, 2)} without it, "
        f"{bound}{unit.show(here.accuracy, 2)} with it: {'taken' if here.accepted else 'left out'} "
        f"(after {here.looked_at:,} of {here.total:,} examples)."
    )


def _bound(unit: Unit) -> str:
    return "at most" if unit.higher_is_better else "at least"


def _axes(soup: GreedySoup) -> tuple[dict[str, Any], dict[str, Any]]:
    unit = unit_of(soup.metric)
    values = unit.places(step.accuracy for step in soup.steps)
    return (
        axis(
            "Candidate, in the order tried", (0.3, len(soup.steps) + 0.7), tick0=1, dtick=-(-len(soup.steps) // _TICKS)
        ),
        axis(unit.axis("Validation"), limits(values), tickformat=".2f" if unit.share else "~g"),
    )
