"""Predictions, and what was measured beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from soupwidgets.figures.colours import PALE, mark
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, error_bars, limits, rows_axis
from soupwidgets.topics.prediction.comparison import Comparison, sentences
from soupwidgets.topics.prediction.question import Measured, Question
from soupwidgets.translation import gettext as _

__all__ = ["predictions"]


@figure
def predictions(
    questions: Sequence[Question], predicted: Mapping[str, float], measured: Mapping[str, Measured] | None = None
) -> Drawing:
    """Draw one row per question: what was predicted and, once it is known, what was measured with its 95% interval.

    Parameters
    ----------
    questions
        What is asked, all in one unit.
    predicted
        The predictions by the questions' names.
    measured
        What was found by the questions' names; not shown when None.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``.

    Raises
    ------
    ValueError
        When the questions are in several units, which have no axis in common.
    """
    units = {one.unit for one in questions}
    if len(units) != 1:
        raise ValueError(f"one axis has one unit, and the questions have {len(units)}: {', '.join(sorted(units))}")
    (unit,) = units
    rows = [one.words for one in questions]
    said = [predicted[one.name] for one in questions]
    ends = [end for one in questions for end in (one.low, one.high)]
    found = [] if measured is None else [measured[one.name] for one in questions]
    ends += [end for one in found for end in one]
    drawn = drawing(
        _("Predicted, and measured with 95% interval") if found else _("What you predict"),
        axis(_("Value, {unit}").format(unit=unit) if unit else _("Value"), limits(ends)),
        rows_axis(len(rows)),
        height=200 + 44 * len(rows),
    )
    apart_x: list[float | None] = []
    apart_y: list[str | None] = []
    for row, guess, known in zip(rows, said, found, strict=bool(found)):
        apart_x += [guess, known.value, None]
        apart_y += [row, row, None]
    drawn.add(
        x=apart_x or [None], y=apart_y or [None], uid="apart", mode="lines", line={"color": PALE, "width": 3},
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    hover = f"%{{x:.{max(one.digits for one in questions)}f}}{unit}"
    drawn.add(
        x=said, y=rows, uid="predicted", name=_("predicted"), mode="markers", marker=mark("here", 13, hollow=True),
        customdata=[[one.name] for one in questions],
        hovertemplate="%{y}<br>" + _("predicted") + f" {hover}<extra></extra>",
    )  # fmt: skip
    if found:
        look = mark("fine-tuned", 10)
        drawn.add(
            x=[one.value for one in found], y=rows, uid="measured", name=_("measured, with 95% interval"),
            mode="markers", marker=look, error_x=error_bars(found, color=look["color"], thickness=1.5, width=6),
            hovertemplate="%{y}<br>" + _("measured") + f" {hover}<extra></extra>",
        )  # fmt: skip
    words = [
        Comparison(one, guess, known).words
        for one, guess, known in zip(questions, said, found, strict=bool(found))
    ] or [
        sentences()["unmeasured"].format(words=one.words, predicted=one.show(guess)) + "."
        for one, guess in zip(questions, said, strict=True)
    ]  # fmt: skip
    return drawn.done(" ".join(words))
