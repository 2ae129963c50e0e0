"""A hyper-parameter against accuracy, over the ingredients of a pool."""

from __future__ import annotations

from collections.abc import Mapping

from soupwidgets.evaluation import Evaluation
from soupwidgets.figures.colours import BLUE
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.scales import log_axis
from soupwidgets.figures.style import axis, drawing, error_bars_of, limits, percents

# Beside the outer points of a logarithmic axis.
_ROOM = 1.2


@figure
def hyperparameter(
    values: Mapping[str, float], evaluations: Mapping[str, Evaluation], *, name: str, split: str, log: bool = False
) -> Drawing:
    """Draw one point per ingredient.

    Parameters
    ----------
    values
        Ingredient to value of the hyper-parameter; at least one.
    evaluations
        Ingredient to its evaluation.
    name
        Name of the hyper-parameter, with its unit if it has one.
    split
        The split on which accuracy was measured.
    log
        Whether the horizontal axis is logarithmic.

    Returns
    -------
    go.Figure
        With 95% intervals, and a text alternative in ``layout.meta``.

    Raises
    ------
    KeyError
        When an ingredient was not evaluated on the split.
    """
    names = sorted(values, key=lambda ingredient: values[ingredient])
    scores = [evaluations[ingredient].scores[split] for ingredient in names]
    ends = [end for score in scores for end in score.interval]
    low, high = min(values.values()), max(values.values())
    x_axis = log_axis(name, low / _ROOM, high * _ROOM) if log else axis(name)
    title = f"{name[:1].upper()}{name[1:]} and accuracy"
    drawn = drawing(title, x_axis, axis(f"Accuracy on {split}, % (95% intervals)", limits(percents(ends))))
    drawn.add(
        x=[values[ingredient] for ingredient in names],
        y=percents([score.accuracy for score in scores]),
        error_y=error_bars_of(scores, color=BLUE, thickness=1, width=3),
        uid="ingredients", name="ingredients, with 95% intervals", mode="markers",
        marker={"color": BLUE, "size": 8}, customdata=[[ingredient] for ingredient in names],
        hovertext=names,
        hovertemplate="%{hovertext}<br>%{x:.3g}<br>%{y:.2f}%<extra></extra>",
    )  # fmt: skip
    rows = "; ".join(f"{i} {values[i]:.3g}: {score.accuracy:.2%}" for i, score in zip(names, scores, strict=True))
    return drawn.done(f"{name} and accuracy on {split} of {len(names)} ingredients: {rows}.")
