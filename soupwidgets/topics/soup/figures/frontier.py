"""Ingredients in the plane of ID and OOD accuracy, with a mixture of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.axis_names import ood_name
from soupwidgets.figures.patch import Patch, finished, make_patch
from soupwidgets.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PALE,
    VERMILLION,
    axis,
    base_figure,
    error_bar,
    interval_words,
    limits,
    percent,
    percents,
)
from soupwidgets.recipe import Recipe
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.point import point as frontier_point

_IN, _OUT = 10, 7


def frontier(
    ingredients: Mapping[str, Evaluation],
    mixture: Evaluation | None = None,
    ensemble: Evaluation | None = None,
    zero_shot: str | None = None,
    shift: str | None = None,
) -> go.Figure:
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
    points = {name: frontier_point(evaluation, shift) for name, evaluation in ingredients.items()}
    name_of_shift = ood_name(shift, next(iter(ingredients.values())))
    figure = base_figure("Accuracy against robustness", *_axes(list(points.values()), [], name_of_shift))
    figure.add_scatter(
        x=percents([p.id for p in points.values()]),
        y=percents([p.ood for p in points.values()]),
        uid="ingredients",
        name="ingredients (blue: in the soup)",
        mode="markers",
        customdata=[[name] for name in points],
        hovertext=list(points),
        hovertemplate="%{hovertext}<br>ID %{x:.2f}%<br>OOD %{y:.2f}%<extra></extra>",
    )
    for uid, name, colour, symbol in (
        ("ensemble", "ensemble of the same members", GREEN, "diamond"),
        ("here", "this soup, with 95% intervals", VERMILLION, "circle"),
    ):
        figure.add_scatter(
            x=[None], y=[None], uid=uid, name=name, mode="markers",
            marker={"color": colour, "size": 13, "symbol": symbol},
            hovertemplate=f"{name}<br>ID %{{x:.2f}}%<br>OOD %{{y:.2f}}%<extra></extra>",
        )  # fmt: skip
    figure.update_layout(dragmode="lasso")
    return finished(figure, frontier_patch(ingredients, mixture, ensemble, zero_shot, shift))


def frontier_patch(
    ingredients: Mapping[str, Evaluation],
    mixture: Evaluation | None = None,
    ensemble: Evaluation | None = None,
    zero_shot: str | None = None,
    shift: str | None = None,
) -> Patch:
    """What moves in `frontier` when the mixture changes; its marker is hollow until the score is exact."""
    names = list(ingredients)
    recipe = mixture.recipe if mixture else Recipe({})
    inside = [name in recipe for name in names]
    traces: dict[str, dict[str, Any]] = {
        "ingredients": {
            "marker": {
                "color": [BLUE if used else PALE for used in inside],
                "size": [_IN if used else _OUT for used in inside],
                "symbol": [
                    ("square" if name == zero_shot else "circle") + ("" if evaluation.exact else "-open")
                    for name, evaluation in ingredients.items()
                ],
                "line": {"width": 1, "color": INK},
            }
        }
    }
    name_of_shift = ood_name(shift, next(iter(ingredients.values())))
    points = [frontier_point(evaluation, shift) for evaluation in ingredients.values()]
    shown: list[FrontierPoint] = []
    best = max(zip(names, points, strict=True), key=lambda item: item[1].id)
    text = (
        f"Accuracy against robustness of {len(names)} ingredients: ID from {min(p.id for p in points):.1%} to "
        f"{best[1].id:.1%} ({best[0]}), {name_of_shift} from {min(p.ood for p in points):.1%} to "
        f"{max(p.ood for p in points):.1%}."
    )
    for uid, evaluation, what in (
        ("here", mixture, f"This soup of {sum(inside)}"),
        ("ensemble", ensemble, "The ensemble of the same members"),
    ):
        if evaluation is None:
            # One point without coordinates: a trace without points would not appear in the legend.
            traces[uid] = {"x": [None], "y": [None]}
            continue
        point = frontier_point(evaluation, shift)
        shown.append(point)
        colour = VERMILLION if uid == "here" else GREEN
        traces[uid] = {
            "x": [percent(point.id)],
            "y": [percent(point.ood)],
            "marker": {
                "color": colour,
                "size": 13,
                "symbol": ("circle" if uid == "here" else "diamond") + ("" if evaluation.exact else "-open"),
                "line": {"width": 2.5, "color": colour},
            },
        }
        if uid == "here":
            traces[uid]["error_x"] = error_bar(point.id, point.id_interval, color=colour, thickness=1.5, width=5)
            traces[uid]["error_y"] = error_bar(point.ood, point.ood_interval, color=colour, thickness=1.5, width=5)
        text += (
            f" {what}{'' if evaluation.exact else ' (coarse)'}: ID {point.id:.1%} (95% interval "
            f"{interval_words(point.id_interval)}), {name_of_shift} {point.ood:.1%} "
            f"({interval_words(point.ood_interval)})."
        )
    outside = _far_away(points, [used or name == zero_shot for name, used in zip(names, inside, strict=True)])
    x_axis, y_axis = _axes([p for i, p in enumerate(points) if i not in outside], shown, name_of_shift)
    hidden = [names[i] for i in outside]
    if hidden:
        text += f" Far below and not in view: {', '.join(hidden)}."
    return make_patch(text, traces, xaxis=x_axis, yaxis=y_axis, annotations=_annotations(hidden))


def _far_away(points: list[FrontierPoint], kept: list[bool]) -> list[int]:
    """Ingredients so bad that the others would be squeezed into one spot; those in the soup are always shown."""
    middle, high = np.percentile([p.id for p in points], [50, 75])
    return [i for i, p in enumerate(points) if p.id < middle - 5 * (high - middle) - 0.1 and not kept[i]]


def _annotations(hidden: list[str]) -> list[dict[str, Any]]:
    if not hidden:
        return []
    names = ", ".join(hidden[:3]) + (f" and {len(hidden) - 3} more" if len(hidden) > 3 else "")
    words = f"\u2190 far below, not in view: {names}"
    place = {"xref": "paper", "yref": "paper", "x": 0, "y": 0, "xanchor": "left", "yanchor": "bottom"}
    return [{"text": words, "showarrow": False, "font": {"size": 11, "color": GREY}, **place}]


def _axes(
    ingredients: list[FrontierPoint], shown: list[FrontierPoint], name_of_shift: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        axis("In-distribution (ID) accuracy, %", _range([p.id for p in ingredients], [p.id for p in shown])),
        axis(
            f"{name_of_shift} accuracy, %",
            _range([p.ood for p in ingredients], [p.ood for p in shown]),
        ),
    )


def _range(ingredients: list[float], shown: list[float]) -> tuple[float, float]:
    """Limits with a margin for soups around the ingredients, so that axes stay fixed until a soup leaves them."""
    low, high = limits(percents(ingredients), margin=0.2)
    if all(low < value < high for value in percents(shown)):
        return low, high
    return limits([low, high, *percents(shown)])
