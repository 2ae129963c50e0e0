"""The path of theta_alpha through the plane of ID and OOD accuracy."""

from __future__ import annotations

from typing import Any

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.axis_names import ood_name
from soupwidgets.figures.colours import BLUE, GREY, VERMILLION, mark
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, limits
from soupwidgets.figures.units import Unit, unit_of
from soupwidgets.methods import Sweep
from soupwidgets.topics.alpha.figures.alpha_words import alpha_words
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.point import point as frontier_point
from soupwidgets.translation import gettext as _
from soupwidgets.translation import ngettext

HERE = "here"


@figure
def frontier(
    sweep: Sweep, alpha: float | None = None, evaluation: Evaluation | None = None, shift: str | None = None
) -> Drawing:
    """Draw the curve from zero-shot to fine-tuned, and the point for one alpha on it.

    Parameters
    ----------
    sweep
        A sweep with at least one alpha; the curve connects those that were measured.
    alpha, evaluation
        The point to mark; the sweep's best alpha by validation when None.
    shift
        One shift for the vertical axis, or None for the mean of all.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``.

    Notes
    -----
    The figure of arXiv 2109.01903 (section 1). The straight line connects the end
    points: a curve above it means that mixing weights beats trading one
    model for the other.
    """
    if alpha is None or evaluation is None:
        alpha = sweep.best_alpha()
        evaluation = sweep[alpha]
    points = [frontier_point(sweep[a], shift) for a in sweep.alphas]
    unit = unit_of(evaluation)
    x, y = unit.places(p.id for p in points), unit.places(p.ood for p in points)
    here = f"ID {unit.hover('x')}<br>OOD {unit.hover('y')}<extra></extra>"
    drawn = drawing(unit.against_robustness, *_axes(points, shift, evaluation, unit))
    # With a point in the middle, where its name stands.
    drawn.add(
        x=[x[0], (x[0] + x[-1]) / 2, x[-1]],
        y=[y[0], (y[0] + y[-1]) / 2, y[-1]],
        uid="straight",
        name=_("straight line between the ends"),
        label=_("straight line"),
        at=1,
        mode="lines",
        line={"color": GREY, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )
    drawn.add(
        x=x,
        y=y,
        uid="curve",
        name=_("mixed weights, alpha from 0 to 1"),
        label=_("mixed weights"),
        at=len(points) // 2,
        mode="lines+markers",
        line={"color": BLUE, "width": 2.5},
        marker={"size": 6},
        customdata=[[a] for a in sweep.alphas],
        hovertemplate=f"alpha %{{customdata[0]:.2f}}<br>{here}",
    )
    for i, name, what in ((0, _("zero-shot"), "zero-shot"), (len(points) - 1, sweep.fine_tuned, "fine-tuned")):
        drawn.add(
            x=[x[i]],
            y=[y[i]],
            uid=f"end-{i > 0}",
            name=f"{name} (alpha {sweep.alphas[i]:g})",
            label=name,
            at=0,
            mode="markers",
            marker=mark(what),
            customdata=[[sweep.alphas[i]]],
            meta=name,
            hovertemplate=f"%{{meta}}<br>{here}",
        )
    best = sweep.best_alpha()
    best_point = frontier_point(sweep[best], shift)
    drawn.add(
        x=[unit.place(best_point.id)],
        y=[unit.place(best_point.ood)],
        uid="best",
        name=_("best alpha by validation ({alpha})").format(alpha=f"{best:g}"),
        label=_("best ({alpha})").format(alpha=f"{best:g}"),
        at=0,
        mode="markers",
        marker=mark("best", 15),
        customdata=[[best]],
        hovertemplate=_("best by validation") + f"<br>{here}",
    )
    point = frontier_point(evaluation, shift)
    drawn.add(
        x=[unit.place(point.id)], y=[unit.place(point.ood)], uid=HERE, name=_("this alpha, with 95% intervals"),
        mode="markers",
        error_x=unit.bar(point.id, point.id_interval, color=VERMILLION, thickness=1.5, width=5),
        error_y=unit.bar(point.ood, point.ood_interval, color=VERMILLION, thickness=1.5, width=5),
        marker=mark("here", 14, hollow=not evaluation.exact), label=_("this alpha"), at=0,
        hovertemplate=_("here") + f"<br>{here}",
    )  # fmt: skip
    first, last, name = points[0], points[-1], ood_name(shift, evaluation)
    mixtures = ngettext(
        "{plane} for {count} mixture of the zero-shot model and {model}.",
        "{plane} for {count} mixtures of the zero-shot model and {model}.",
        len(sweep),
    )
    at_end = _("At alpha {alpha}: ID {id}, {name} {ood}.")
    ends = [
        at_end.format(alpha=f"{a:g}", id=unit.show(p.id), name=name, ood=unit.show(p.ood))
        for a, p in ((sweep.alphas[0], first), (sweep.alphas[-1], last))
    ]
    at_alpha = _("Here, at alpha {alpha}: ID {id} (95% interval {id_limits}), {name} {ood} ({ood_limits}).").format(
        alpha=alpha_words(alpha, evaluation),
        id=unit.show(point.id),
        id_limits=unit.limits(point.id_interval),
        name=name,
        ood=unit.show(point.ood),
        ood_limits=unit.limits(point.ood_interval),
    )
    text = " ".join(
        [
            mixtures.format(plane=unit.against_robustness, count=len(sweep), model=sweep.fine_tuned),
            *ends,
            at_alpha,
            _("Best alpha by validation: {alpha}.").format(alpha=f"{sweep.best_alpha():g}"),
        ]
    )
    # A coarse point may lie outside what the curve needs.
    x_axis, y_axis = _axes([*points, point], shift, evaluation, unit)
    return drawn.done(text, xaxis=x_axis, yaxis=y_axis)


def _axes(
    points: list[FrontierPoint], shift: str | None, evaluation: Evaluation, unit: Unit
) -> tuple[dict[str, Any], dict[str, Any]]:
    x = [value for p in points for value in (p.id, *p.id_interval)]
    y = [value for p in points for value in (p.ood, *p.ood_interval)]
    return (
        # With room for a name to the left of the first point.
        axis(unit.axis(_("In-distribution (ID)")), limits(unit.places(x), 0.08)),
        axis(unit.axis(ood_name(shift, evaluation)), limits(unit.places(y))),
    )
