"""A metric along alpha, one curve per split."""

from __future__ import annotations

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.axis_names import column_label
from soupwidgets.figures.colours import BLUE, GREEN, GREY, INK, PALE, mark
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, band, drawing
from soupwidgets.figures.units import Unit, unit_of
from soupwidgets.methods import Sweep
from soupwidgets.topics.alpha.figures.alpha_words import alpha_words
from soupwidgets.translation import gettext as _


@figure
def curves(
    sweep: Sweep, alpha: float | None = None, evaluation: Evaluation | None = None, shift: str | None = None
) -> Drawing:
    """Draw the metric on every split against alpha, and a line at one alpha.

    Parameters
    ----------
    sweep
        A sweep with at least one alpha.
    alpha, evaluation
        The point to mark; the sweep's best alpha by validation when None.
    shift
        The shift to highlight, or None to highlight the mean of all.

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
        _("{metric} along alpha").format(metric=unit.name),
        axis(_("alpha (0 zero-shot, 1 fine-tuned)"), (-0.04, 1.04)),
        axis(_("{metric} (bands: 95%)").format(metric=unit.axis())),
    )
    x = sweep.alphas
    shifts = [name for name, score in sweep[x[0]].scores.items() if score.role == "shift"]
    for position, name in enumerate(shifts):
        drawn.add(
            x=x,
            y=unit.places([sweep[a].accuracy[name] for a in x]),
            uid=f"shift-{position}",
            name=_("each shift"),
            label=_("each shift") if position == len(shifts) - 1 else None,
            showlegend=position == 0,
            mode="lines",
            line={"color": PALE, "width": 1.2},
            meta=name,
            hovertemplate=f"%{{meta}}<br>alpha %{{x:.2f}}: {unit.hover('y')}<extra></extra>",
        )
    _add_curve(drawn, x, [sweep[a].accuracy[sweep.id_test] for a in x],
               [sweep[a].interval[sweep.id_test] for a in x], _("ID test"), "id", BLUE, unit)  # fmt: skip
    shown = _("mean OOD") if shift is None else column_label(evaluation, shift)
    ood: list[float] = []
    intervals: list[tuple[float, float]] = []
    if shift is None and shifts:
        ood, intervals = [sweep[a].shift_accuracy for a in x], [sweep[a].shift_interval for a in x]
    elif shift is not None:
        ood, intervals = [sweep[a].accuracy[shift] for a in x], [sweep[a].interval[shift] for a in x]
    if ood:
        _add_curve(drawn, x, ood, intervals, shown, "ood", GREY, unit)
    drawn.add(
        x=x,
        y=unit.places([sweep[a].accuracy[sweep.validation] for a in x]),
        uid="validation",
        name=_("validation (chooses alpha)"),
        label=_("validation"),
        mode="lines",
        line={"color": GREEN, "width": 1.5, "dash": "dot"},
        hovertemplate=_("validation") + f"<br>alpha %{{x:.2f}}: {unit.hover('y')}<extra></extra>",
    )
    best = sweep.best_alpha()
    drawn.add(
        x=[best],
        y=[unit.place(sweep[best].accuracy[sweep.validation])],
        uid="best",
        name=_("best alpha by validation ({alpha})").format(alpha=f"{best:g}"),
        label=_("best ({alpha})").format(alpha=f"{best:g}"),
        at=0,
        mode="markers",
        marker=mark("best", 13),
        hovertemplate=_("best by validation") + f"<br>alpha %{{x:.2f}}: {unit.hover('y')}<extra></extra>",
    )
    drawn.add_rule(x=alpha, color=INK if evaluation.exact else GREY, width=1.5)
    known = {column_label(evaluation, name): unit.show(value) for name, value in evaluation.accuracy.items()}
    rows = ", ".join(f"{name} {value}" for name, value in known.items())
    low, high = sweep.alphas[0], sweep.alphas[-1]
    sentences = [
        _("{metric} along alpha from {low} to {high} for {model}.").format(
            metric=unit.name, low=f"{low:g}", high=f"{high:g}", model=sweep.fine_tuned
        ),
        _("ID test goes from {first} to {last}").format(
            first=unit.show(sweep[low].accuracy[sweep.id_test]), last=unit.show(sweep[high].accuracy[sweep.id_test])
        ),
        _("At alpha {alpha}: {rows}.").format(alpha=alpha_words(alpha, evaluation), rows=rows),
    ]
    if ood:
        moves = _("{name} from {first} to {last}")
        sentences[1] += ", " + moves.format(name=shown, first=unit.show(ood[0]), last=unit.show(ood[-1]))
    sentences[1] += "."
    text = " ".join(sentences)
    return drawn.done(text)


def _add_curve(
    drawn: Drawing,
    x: list[float],
    values: list[float],
    intervals: list[tuple[float, float]],
    name: str,
    uid: str,
    colour: str,
    unit: Unit,
) -> None:
    low, high = unit.places(i[0] for i in intervals), unit.places(i[1] for i in intervals)
    drawn.add(**band(x, low, high, colour=colour, uid=f"band-{uid}"))
    drawn.add(
        x=x,
        y=unit.places(values),
        uid=f"curve-{uid}",
        name=_("{name}, with 95% interval").format(name=name),
        label=name,
        mode="lines+markers",
        line={"color": colour, "width": 2.5},
        marker={"size": 5},
        customdata=[[a] for a in x],
        meta=name,
        hovertemplate=f"%{{meta}}<br>alpha %{{x:.2f}}: {unit.hover('y')}<extra></extra>",
    )
