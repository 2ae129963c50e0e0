"""Ingredients in the plane of ID and OOD accuracy, with a mixture of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.axis_names import ood_name
from soupwidgets.figures.colours import BLUE, INK, PALE, VERMILLION, mark
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, limits, not_in_view
from soupwidgets.figures.units import Unit, unit_of
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.point import point as frontier_point

_IN, _OUT = 10, 7


@figure
def frontier(
    ingredients: Mapping[str, Evaluation],
    mixture: Evaluation | None = None,
    ensemble: Evaluation | None = None,
    zero_shot: str | None = None,
    shift: str | None = None,
) -> Drawing:
    """Draw every ingredient as a point, those in the mixture in blue, and the mixture itself.

    Parameters
    ----------
    ingredients
        Name to evaluation, at least one: of your own checkpoints, or from `read_individual_results`.
    mixture
        A soup; its recipe says which ingredients are in it.
    ensemble
        The ensemble of the same members.
    zero_shot
        Name of the ingredient that is the zero-shot model, drawn as a square.
    shift
        One shift for the vertical axis, or None for the mean of all.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``. Every ingredient's point has its name as ``customdata``.

    Notes
    -----
    The figure of arXiv 2203.05482, section 1.
    """
    names, points = list(ingredients), [frontier_point(evaluation, shift) for evaluation in ingredients.values()]
    name_of_shift = ood_name(shift, next(iter(ingredients.values())))
    unit = unit_of(next(iter(ingredients.values())))
    inside = [mixture is not None and name in mixture.recipe for name in names]
    outside = _far_away(points, [used or name == zero_shot for name, used in zip(names, inside, strict=True)], unit)
    soups = {
        uid: (evaluation, frontier_point(evaluation, shift))
        for uid, evaluation in (("ensemble", ensemble), ("here", mixture))
        if evaluation is not None
    }
    kept = [p for i, p in enumerate(points) if i not in outside]
    axes = _axes(kept, [point for _, point in soups.values()], name_of_shift, unit)
    drawn = drawing(f"{unit.against_robustness} (blue: in the soup)", *axes)
    here = f"ID {unit.hover('x')}<br>OOD {unit.hover('y')}<extra></extra>"
    drawn.add(
        x=unit.places(p.id for p in points),
        y=unit.places(p.ood for p in points),
        uid="ingredients",
        name="ingredients (blue: in the soup)",
        # It may not be measured yet.
        label="zero-shot" if zero_shot in names else None,
        at=names.index(zero_shot) if zero_shot in names else None,
        showlegend=False,
        mode="markers",
        customdata=[[name] for name in names],
        hovertext=names,
        hovertemplate=f"%{{hovertext}}<br>{here}",
        marker={
            "color": [BLUE if used else PALE for used in inside],
            "size": [_IN if used else _OUT for used in inside],
            "symbol": [
                ("square" if name == zero_shot else "diamond") + ("" if evaluation.exact else "-open")
                for name, evaluation in ingredients.items()
            ],
            "line": {"width": 1, "color": INK},
        },
    )
    worst, *_, best = sorted([*zip(names, points, strict=True)] * 2, key=lambda item: unit.merit(item[1].id))
    ood = sorted((p.ood for p in points), key=unit.merit)
    text = (
        f"{unit.against_robustness} of {len(names)} ingredients: ID from {unit.show(worst[1].id)} to "
        f"{unit.show(best[1].id)} ({best[0]}), {name_of_shift} from {unit.show(ood[0])} to {unit.show(ood[-1])}."
    )
    for uid, name, label in (
        ("ensemble", "ensemble of the same members", "ensemble"),
        ("here", "this soup, with 95% intervals", "this soup"),
    ):
        drawn.add(
            # One point that is nowhere where there is none: a trace without any would not be in the legend.
            **(_marked(*soups[uid], uid, unit) if uid in soups else {"x": [None], "y": [None]}),
            uid=uid, name=name, mode="markers", label=label, at=0,
            hovertemplate=f"{name}<br>{here}",
        )  # fmt: skip
    for uid, what in (("here", f"This soup of {sum(inside)}"), ("ensemble", "The ensemble of the same members")):
        if uid in soups:
            evaluation, point = soups[uid]
            text += (
                f" {what}{'' if evaluation.exact else ' (coarse)'}: ID {unit.show(point.id)} (95% interval "
                f"{unit.limits(point.id_interval)}), {name_of_shift} {unit.show(point.ood)} "
                f"({unit.limits(point.ood_interval)})."
            )
    hidden = [names[i] for i in outside]
    if hidden:
        text += f" Far {'below' if unit.higher_is_better else 'above'} and not in view: {', '.join(hidden)}."
    return drawn.done(text, dragmode="lasso", annotations=not_in_view(hidden, below=unit.higher_is_better))


def _marked(evaluation: Evaluation, point: FrontierPoint, what: str, unit: Unit) -> dict[str, Any]:
    """A soup's place, hollow while it is not exact."""
    drawn: dict[str, Any] = {"x": [unit.place(point.id)], "y": [unit.place(point.ood)]}
    drawn["marker"] = mark(what, 13, hollow=not evaluation.exact)
    if what == "here":
        style = {"color": VERMILLION, "thickness": 1.5, "width": 5}
        drawn["error_x"] = unit.bar(point.id, point.id_interval, **style)
        drawn["error_y"] = unit.bar(point.ood, point.ood_interval, **style)
    return drawn


def _far_away(points: list[FrontierPoint], kept: list[bool], unit: Unit) -> list[int]:
    """Ingredients so bad that the others would be squeezed into one spot; those in the soup are always shown."""
    merits = [unit.merit(p.id) for p in points]
    middle, high = np.percentile(merits, [50, 75])
    # Ten points, or as much of a number that may be of any size.
    least = middle - 5 * (high - middle) - (0.1 if unit.share else abs(middle))
    return [i for i, merit in enumerate(merits) if merit < least and not kept[i]]


def _axes(
    ingredients: list[FrontierPoint], shown: list[FrontierPoint], name_of_shift: str, unit: Unit
) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        axis(unit.axis("In-distribution (ID)"), _range([p.id for p in ingredients], [p.id for p in shown], unit)),
        axis(
            unit.axis(name_of_shift),
            _range([p.ood for p in ingredients], [p.ood for p in shown], unit),
        ),
    )


def _range(ingredients: list[float], shown: list[float], unit: Unit) -> tuple[float, float]:
    """Limits with a margin for soups around the ingredients, so that axes stay fixed until a soup leaves them."""
    low, high = limits(unit.places(ingredients), margin=0.2)
    if all(low < value < high for value in unit.places(shown)):
        return low, high
    return limits([low, high, *unit.places(shown)])
