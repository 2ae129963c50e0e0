"""Accuracy of each class along alpha."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.figures.colours import INK, PALE, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, band, drawing, percents
from soupwidgets.topics.alpha.classes import ClassCurve
from soupwidgets.translation import gettext as _
from soupwidgets.translation import ngettext


@figure
def classes(curves: Sequence[ClassCurve], alpha: float | None = None) -> Drawing:
    """Draw one curve for each class, and bring out the one that dips most between the ends.

    Parameters
    ----------
    curves
        From `soupwidgets.alpha.class_curves`, at least one.
    alpha
        Where to draw a line.

    Returns
    -------
    go.Figure
        With the 95% interval of the class that is brought out, and a text alternative in ``layout.meta``.

    Raises
    ------
    ValueError
        When there is no class.
    """
    if not curves:
        raise ValueError(_("no class has an image in this split"))
    drawn = drawing(
        _("Accuracy of each class along alpha"),
        axis(_("alpha (0 zero-shot, 1 fine-tuned)"), (-0.04, 1.04)),
        axis(_("Accuracy of the class, % (band: 95%)")),
    )
    # How far the lowest point lies below the lower end: a class may lose in between and show it at neither end.
    dips = [min(c.accuracy[0], c.accuracy[-1]) - c.accuracy.min() for c in curves]
    losses = [c.accuracy[0] - c.accuracy[-1] for c in curves]
    out = max(range(len(curves)), key=lambda i: (dips[i], losses[i]))
    order = [i for i in range(len(curves)) if i != out]
    for i in order:
        one = curves[i]
        drawn.add(
            x=list(one.alphas), y=percents(one.accuracy.tolist()), uid=f"class-{i}", name=_("each class"),
            label=_("each other class") if i == order[-1] else None,
            showlegend=i == order[0], mode="lines", line={"color": PALE, "width": 1.3}, meta=one.name,
            customdata=[[a] for a in one.alphas], hovertemplate="%{meta}<br>alpha %{x:.2f}: %{y:.1f}%<extra></extra>",
        )  # fmt: skip
    brought = curves[out]
    low, high = percents(brought.interval[:, 0].tolist()), percents(brought.interval[:, 1].tolist())
    drawn.add(**band(brought.alphas, low, high, colour=VERMILLION, uid="band"))
    drawn.add(
        x=list(brought.alphas), y=percents(brought.accuracy.tolist()), uid="brought-out",
        name=_("{name}, with 95% interval (n = {count})").format(name=brought.name, count=brought.images),
        label=brought.name, mode="lines+markers",
        line={"color": VERMILLION, "width": 2.5}, marker={"size": 5}, customdata=[[a] for a in brought.alphas],
        meta=brought.name, hovertemplate="%{meta}<br>alpha %{x:.2f}: %{y:.1f}%<extra></extra>",
    )  # fmt: skip
    if alpha is not None:
        drawn.add_rule(x=alpha, color=INK, width=1.5)
    said = ", ".join(
        _("{name} {first} to {last} (lowest {lowest} at alpha {alpha})").format(
            name=c.name,
            first=f"{c.accuracy[0]:.1%}",
            last=f"{c.accuracy[-1]:.1%}",
            lowest=f"{c.accuracy.min():.1%}",
            alpha=f"{c.alphas[int(c.accuracy.argmin())]:g}",
        )
        for c in curves
    )
    text = ngettext(
        "Accuracy of {count} class along alpha: {said}.",
        "Accuracy of {count} classes along alpha: {said}.",
        len(curves),
    )
    return drawn.done(text.format(count=len(curves), said=said))
