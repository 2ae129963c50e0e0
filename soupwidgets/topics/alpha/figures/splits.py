"""A metric on every split at one alpha, between the two ends."""

from __future__ import annotations

from typing import Any

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.axis_names import split_label
from soupwidgets.figures.colours import PALE, VERMILLION, mark
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, limits, rows_axis
from soupwidgets.figures.units import Unit, counted, unit_of
from soupwidgets.methods import Sweep
from soupwidgets.translation import gettext as _

HERE = "here"


@figure
def splits(sweep: Sweep, alpha: float | None = None, evaluation: Evaluation | None = None) -> Drawing:
    """Draw one row per split: zero-shot, fine-tuned, and the mixture with its 95% interval.

    Parameters
    ----------
    sweep
        Its first and last alpha are the ends.
    alpha, evaluation
        The mixture; the sweep's best alpha by validation when None.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``.
    """
    if alpha is None or evaluation is None:
        alpha = sweep.best_alpha()
        evaluation = sweep[alpha]
    unit = unit_of(evaluation)
    drawn = drawing(
        _("{metric} on every split, with 95% interval").format(metric=unit.name),
        _metric_axis(sweep, evaluation, unit),
        rows_axis(len(evaluation.scores)),
    )
    rows = list(evaluation.scores)
    labels = [split_label(evaluation, name) for name in rows]
    zero_shot, tuned = (sweep[a] for a in (sweep.alphas[0], sweep.alphas[-1]))
    lines_x: list[float | None] = []
    lines_y: list[str | None] = []
    for name, label in zip(rows, labels, strict=True):
        lines_x += [unit.place(zero_shot.accuracy[name]), unit.place(tuned.accuracy[name]), None]
        lines_y += [label, label, None]
    drawn.add(
        x=lines_x, y=lines_y, uid="span", mode="lines", line={"color": PALE, "width": 2},
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    for end, what, name in ((zero_shot, "zero-shot", _("zero-shot")), (tuned, "fine-tuned", sweep.fine_tuned)):
        drawn.add(
            x=unit.places([end.accuracy[row] for row in rows]),
            y=labels,
            uid=f"end-{what}",
            name=name,
            mode="markers",
            marker=mark(what, 9),
            meta=name,
            hovertemplate=f"%{{meta}}<br>%{{y}}: {unit.hover('x')}<extra></extra>",
        )
    scores = evaluation.scores
    values = [score.accuracy for score in scores.values()]
    drawn.add(
        x=unit.places(values), y=labels, uid=HERE, name=_("this alpha, with 95% interval"), mode="markers",
        error_x=unit.bars(zip(values, evaluation.interval.values(), strict=True), color=VERMILLION, thickness=1.5,
                          width=4),
        marker={
            "color": VERMILLION, "size": 10,
            "symbol": [("circle" if score.exact else "circle-open") for score in scores.values()],
        },
        hovertemplate=_("this alpha") + f"<br>%{{y}}: {unit.hover('x')}<extra></extra>",
    )  # fmt: skip
    said = "; ".join(
        f"{name} {unit.show(score.accuracy, 2)} ({unit.limits(score.interval)}, {counted(score)})"
        for name, score in scores.items()
    )
    text = _("{metric} on every split at alpha {alpha}, with 95% intervals: {said}.").format(
        metric=unit.name, alpha=f"{alpha:.3g}", said=said
    )
    return drawn.done(text)


def _metric_axis(sweep: Sweep, shown: Evaluation, unit: Unit) -> dict[str, Any]:
    every = [*sweep.evaluations.values(), shown]
    ends = [end for evaluation in every for interval in evaluation.interval.values() for end in interval]
    ends += [accuracy for evaluation in every for accuracy in evaluation.accuracy.values()]
    return axis(unit.axis(), limits(unit.places(ends)))
