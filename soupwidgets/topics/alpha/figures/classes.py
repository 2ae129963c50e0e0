"""Accuracy of each class along alpha."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from soupwidgets.figures.colours import INK, PALE, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, band, drawing, percents
from soupwidgets.topics.alpha.classes import ClassCurve
from soupwidgets.translation import N_, ngettext
from soupwidgets.translation import gettext as _

_TITLES = {
    "class": N_("Accuracy of each class along alpha"),
    "slice": N_("Accuracy of each slice along alpha"),
    "group": N_("Accuracy of each group along alpha"),
}
# With intervals that hold for all at once, and each by itself.
_OTHER = N_("Accuracy, % (band: 95% for all at once)"), N_("Accuracy, % (band: 95%)")
_AXES = {
    "class": (N_("Accuracy of the class, % (band: 95% for all at once)"), N_("Accuracy of the class, % (band: 95%)")),
    "slice": _OTHER,
    "group": _OTHER,
}
_EACH = {
    "class": (N_("each class"), N_("each other class")),
    "slice": (N_("each slice"), N_("each other slice")),
    "group": (N_("each group"), N_("each other group")),
}


@figure
def classes(
    curves: Sequence[ClassCurve],
    alpha: float | None = None,
    *,
    together: bool = False,
    by: Literal["class", "slice", "group"] = "class",
) -> Drawing:
    """Draw one curve for each class, slice or group, and bring out the one that dips most between the ends.

    Parameters
    ----------
    curves
        From `soupwidgets.alpha.class_curves`, at least one.
    alpha
        Where to draw a line.
    together
        Whether their intervals hold for all classes and alphas at once, as `group_curves` makes them.
    by
        What the curves are of.

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
    together_words, alone_words = _AXES[by]
    drawn = drawing(
        _(_TITLES[by]),
        axis(_("alpha (0 zero-shot, 1 fine-tuned)"), (-0.04, 1.04)),
        axis(_(together_words) if together else _(alone_words)),
    )
    # How far the lowest point lies below the lower end: a class may lose in between and show it at neither end.
    dips = [min(c.accuracy[0], c.accuracy[-1]) - c.accuracy.min() for c in curves]
    losses = [c.accuracy[0] - c.accuracy[-1] for c in curves]
    out = max(range(len(curves)), key=lambda i: (dips[i], losses[i]))
    order = [i for i in range(len(curves)) if i != out]
    for i in order:
        one = curves[i]
        drawn.add(
            x=list(one.alphas), y=percents(one.accuracy.tolist()), uid=f"class-{i}", name=_(_EACH[by][0]),
            label=_(_EACH[by][1]) if i == order[-1] else None,
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
    text = {
        "class": ngettext(
            "Accuracy of {count} class along alpha: {said}.",
            "Accuracy of {count} classes along alpha: {said}.",
            len(curves),
        ),
        "slice": ngettext(
            "Accuracy of {count} slice along alpha: {said}.",
            "Accuracy of {count} slices along alpha: {said}.",
            len(curves),
        ),
        "group": ngettext(
            "Accuracy of {count} group along alpha: {said}.",
            "Accuracy of {count} groups along alpha: {said}.",
            len(curves),
        ),
    }[by]
    return drawn.done(text.format(count=len(curves), said=said))
