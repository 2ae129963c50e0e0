"""A front: what was measured and what is only foretold, how it is judged, and how wrong the surrogates were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from soupwidgets.evaluation.evaluation import NORMAL_95
from soupwidgets.figures.colours import COLOURS, GREY, INK, ORANGE, PALE, VERMILLION, mark
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, error_bars
from soupwidgets.figures.units import Unit, unit_of
from soupwidgets.stats.figure import Figure
from soupwidgets.topics.pareto.front import Candidate, Foretold, ParetoFront
from soupwidgets.topics.pareto.objective import SHIFTS, Objective

_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")


@figure
def front(
    found: ParetoFront, across: str | None = None, up: str | None = None, shown: Candidate | Foretold | None = None
) -> Drawing:
    """Draw measured recipes as filled marks, and what the surrogates foretell as hollow ones.

    Parameters
    ----------
    across, up
        Names of the two objectives to draw; the first and the second when None.
    shown
        The recipe to point at; hollow where it is only foretold.

    Returns
    -------
    go.Figure
        Values on the images that choose: better than they are on others, which `judged` draws. With a text alternative
        in ``layout.meta``.

    Raises
    ------
    ValueError
        When there is no such objective.
    """
    (i, one), (j, other) = _axes(found, across, up)
    units = unit_of(one.metric), unit_of(other.metric)
    drawn = drawing(
        "Recipes that none beats in both, by what chooses them",
        axis(units[0].axis(_of(one))),
        axis(units[1].axis(_of(other))),
        height=520,
    )
    for side, number, unit in (("x", i, units[0]), ("y", j, units[1])):
        name = found.objectives[number].name
        if name in found.floors:
            drawn.add_rule(**{side: unit.place(found.floors[name])}, color=VERMILLION, dash="dash")
    on_front = set(found.front)
    rest = [c for c in found.measured if c not in on_front]
    drawn.add(
        **_places(rest, i, j, units), uid="measured", name="measured", mode="markers",
        marker={"symbol": "circle", "size": 7, "color": GREY}, hovertext=[found.called(c.recipe) for c in rest],
        hovertemplate=_hover(units),
    )  # fmt: skip
    values = [[value for value, _ in p.values] for p in found.predicted]
    order = sorted(range(len(values)), key=lambda k: values[k][i])
    drawn.add(
        x=[units[0].place(values[k][i]) for k in order] or [None],
        y=[units[1].place(values[k][j]) for k in order] or [None],
        error_x=_bars([found.predicted[k].values[i] for k in order], units[0]),
        error_y=_bars([found.predicted[k].values[j] for k in order], units[1]),
        uid="predicted", name="foretold, not measured", mode="markers",
        marker={"symbol": "circle-open", "size": 8, "color": ORANGE, "line": {"width": 1.5, "color": ORANGE}},
        hovertext=[found.called(found.predicted[k].recipe) for k in order],
        hovertemplate="%{hovertext}, foretold: " + f"{units[0].hover('x')}, {units[1].hover('y')}<extra></extra>",
    )  # fmt: skip
    best = list(found.front)
    # Steps around what is beaten, from the worst of the first objective on; of more than two, a plane through two of
    # them has no such line.
    drawn.add(
        **_places(best, i, j, units), uid="front", name="measured, not beaten",
        mode="lines+markers" if len(found.objectives) == 2 else "markers",
        line={"shape": "vh" if i == 0 else "hv", "width": 1.5, "color": INK},
        marker=mark("fine-tuned", 10) | {"symbol": "circle"}, hovertext=[found.called(c.recipe) for c in best],
        hovertemplate=_hover(units),
    )  # fmt: skip
    knee = [found.knee()] if best else []
    drawn.add(
        **_places(knee, i, j, units), uid="knee", name="knee", mode="markers", marker=mark("best", 16),
        hovertext=[found.called(c.recipe) for c in knee], hovertemplate=_hover(units),
    )  # fmt: skip
    at = [] if shown is None else [_point(shown)]
    drawn.add(
        x=[*(units[0].place(p[i]) for p in at), None], y=[*(units[1].place(p[j]) for p in at), None],
        uid="shown", name="the preference", mode="markers", showlegend=bool(at), hoverinfo="skip",
        marker={"size": 20, "symbol": "circle-open", "color": VERMILLION, "line": {"width": 2.5, "color": VERMILLION},
                "opacity": 1 if isinstance(shown, Candidate) else 0.5},
    )  # fmt: skip
    return drawn.done(_front_words(found, (i, j), units, shown))


@figure
def judged(found: ParetoFront, across: str | None = None, up: str | None = None) -> Drawing:
    """Draw the front on images that did not choose it, with 95% intervals.

    Parameters
    ----------
    across, up
        As in `front`.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``.

    Raises
    ------
    ValueError
        When there is no such objective.
    """
    (i, one), (j, other) = _axes(found, across, up)
    units = unit_of(one.metric), unit_of(other.metric)
    drawn = drawing(
        "The same recipes, judged by what did not choose them",
        axis(units[0].axis(_of(one, judging=True))),
        axis(units[1].axis(_of(other, judging=True))),
        height=520,
    )
    best = {one.recipe for one in found.front}
    groups = {
        "front": ("on the front", mark("fine-tuned", 10) | {"symbol": "circle"}, True),
        "alone": ("a single model", mark("zero-shot", 9), False),
    }
    for uid, (called, marker, on_front) in groups.items():
        of = {recipe: figures for recipe, figures in found.judged.items() if (recipe in best) == on_front}
        drawn.add(
            x=[units[0].place(f[i].value) for f in of.values()] or [None],
            y=[units[1].place(f[j].value) for f in of.values()] or [None],
            error_x=_limits([f[i] for f in of.values()], units[0]),
            error_y=_limits([f[j] for f in of.values()], units[1]),
            uid=uid, name=called, mode="markers", marker=marker, hovertext=[found.called(r) for r in of],
            hovertemplate=_hover(units),
        )  # fmt: skip
    said = [
        f"{found.called(r)}: {units[0].show(f[i].value)} [{units[0].limits((f[i].low, f[i].high))}] and "
        f"{units[1].show(f[j].value)} [{units[1].limits((f[j].low, f[j].high))}]"
        for r, f in found.judged.items()
    ]
    text = f"{_of(one, judging=True)} {units[0].words} and {_of(other, judging=True)} {units[1].words}. "
    return drawn.done(text + ("; ".join(said) + "." if said else "Nothing is judged yet."))


@figure
def misses(found: ParetoFront) -> Drawing:
    """Draw how far measurements lie from what the surrogates of the round before foretold.

    Returns
    -------
    go.Figure
        Bars are the 95% intervals that were foretold: one in twenty should leave out the dashed line. With a text
        alternative in ``layout.meta``.
    """
    unit = unit_of(*(one.metric for one in found.objectives))
    factor = 100 if unit.share else 1
    asked = [one for one in found.measured if one.foretold]
    drawn = drawing(
        "How wrong the surrogates were",
        axis("Recipe, in the order in which they were measured"),
        axis(f"Measured less foretold, {'points' if unit.share else 'its unit'}", zeroline=True, zerolinecolor=GREY),
    )
    drawn.add_rule(y=0, color=GREY, dash="dash")
    for number, objective in enumerate(found.objectives):
        colour = COLOURS[number % len(COLOURS)]
        gaps = [factor * (one.values[number] - one.foretold[number][0]) for one in asked]
        ends = [factor * NORMAL_95 * one.foretold[number][1] for one in asked]
        # Beside each other, so that the bars of two objectives do not lie on each other.
        beside = 0.25 * (number - (len(found.objectives) - 1) / 2)
        drawn.add(
            x=[k + 1 + beside for k in range(len(asked))] or [None], y=gaps or [None],
            error_y=error_bars([(gap, gap - end, gap + end) for gap, end in zip(gaps, ends, strict=True)],
                               color=colour, thickness=1),
            uid=f"misses-{number}", name=objective.name, mode="markers",
            marker={"color": colour, "symbol": _SYMBOLS[number % len(_SYMBOLS)], "size": 8},
            hovertext=[found.called(one.recipe) for one in asked],
            hovertemplate="%{hovertext}: %{y:+.2f}<extra></extra>",
        )  # fmt: skip
    return drawn.done(" ".join(check_words(found)) or "Nothing was foretold and then measured yet.")


def check_words(found: ParetoFront) -> list[str]:
    """A sentence for each objective on how wrong its surrogates were; none before something was foretold."""
    units = {one.name: unit_of(one.metric) for one in found.objectives}
    return [
        f"Surrogate of {check.objective}: foretold {check.recipes} measurements to "
        f"{amount(units[check.objective], check.error)} (root mean square), at most "
        f"{amount(units[check.objective], check.largest)}; {check.within} within their 95% interval."
        for check in found.checks()
    ]


def amount(unit: Unit, value: float) -> str:
    """How large a difference is, without its sign."""
    return unit.difference(abs(value)).removeprefix("+")


def _axes(found: ParetoFront, across: str | None, up: str | None) -> list[tuple[int, Objective]]:
    by_name = {one.name: (number, one) for number, one in enumerate(found.objectives)}
    names = list(by_name)
    asked = [names[0] if across is None else across, names[1] if up is None else up]
    if unknown := [name for name in asked if name not in by_name]:
        raise ValueError(f"{unknown[0]!r} is no objective of this front; there are {', '.join(names)}")
    return [by_name[name] for name in asked]


def _of(objective: Objective, *, judging: bool = False) -> str:
    """What an axis is of: which split, and which images of it."""
    if objective.split == SHIFTS:
        return "Other half of all shifts, mean" if judging else "Half of all shifts, mean"
    if objective.half:
        return f"Other half of {objective.split}" if judging else f"Half of {objective.split}"
    return "ID test" if judging else "Validation"


def _point(shown: Candidate | Foretold) -> list[float]:
    return list(shown.values) if isinstance(shown, Candidate) else [value for value, _ in shown.values]


def _places(chosen: Sequence[Candidate], i: int, j: int, units: tuple[Unit, Unit]) -> dict[str, Any]:
    return {
        "x": [units[0].place(c.values[i]) for c in chosen] or [None],
        "y": [units[1].place(c.values[j]) for c in chosen] or [None],
    }


def _hover(units: tuple[Unit, Unit]) -> str:
    return "%{hovertext}: " + f"{units[0].hover('x')}, {units[1].hover('y')}<extra></extra>"


def _bars(values: Sequence[tuple[float, float]], unit: Unit) -> dict[str, Any]:
    ends = [(value, value - NORMAL_95 * error, value + NORMAL_95 * error) for value, error in values]
    return error_bars([(unit.place(v), unit.place(a), unit.place(b)) for v, a, b in ends], color=PALE, thickness=1)


def _limits(figures: Sequence[Figure], unit: Unit) -> dict[str, Any]:
    return unit.bars([(one.value, (one.low, one.high)) for one in figures], color=GREY, thickness=1)


def _front_words(
    found: ParetoFront, which: tuple[int, int], units: tuple[Unit, Unit], shown: Candidate | Foretold | None
) -> str:
    def said(name: str, values: Sequence[float]) -> str:
        parts = [f"{found.objectives[k].name} {u.show(values[k])}" for k, u in zip(which, units, strict=True)]
        return f"{name} ({', '.join(parts)})"

    text = f"{len(found.measured)} recipes of {', '.join(found.models)} were measured; {len(found)} are not beaten"
    if found.front:
        ends = [said(found.called(c.recipe), c.values) for c in (found.front[0], found.front[-1])]
        knee = found.knee()
        text += f", from {ends[0]} to {ends[1]}. The knee is {said(found.called(knee.recipe), knee.values)}"
    text += f". {len(found.predicted)} more are foretold and not measured."
    if shown is not None:
        measured = "measured" if isinstance(shown, Candidate) else "foretold, not measured yet"
        text += f" The preference picks {said(found.called(shown.recipe), _point(shown))}, {measured}."
    if found.floors:
        text += f" Floors: {', '.join(f'{name} {value:g}' for name, value in found.floors.items())}."
    return text


__all__ = ["front", "judged", "misses"]
