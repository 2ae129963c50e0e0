"""Accuracy of each class along alpha."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.figures.colours import INK, PALE, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, band, drawing, percents
from soupwidgets.topics.alpha.classes import ClassCurve


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
        raise ValueError("no class has an image in this split")
    drawn = drawing(
        "Accuracy of each class along alpha",
        axis("alpha (0 zero-shot, 1 fine-tuned)", (-0.04, 1.04)),
        axis("Accuracy of the class, % (band: 95%)"),
    )
    # How far the lowest point lies below the lower end: a class may lose in between and show it at neither end.
    dips = [min(c.accuracy[0], c.accuracy[-1]) - c.accuracy.min() for c in curves]
    losses = [c.accuracy[0] - c.accuracy[-1] for c in curves]
    out = max(range(len(curves)), key=lambda i: (dips[i], losses[i]))
    order = [i for i in range(len(curves)) if i != out]
    for i in order:
        one = curves[i]
        drawn.add(
            x=list(one.alphas), y=percents(one.accuracy.tolist()), uid=f"class-{i}", name="each class",
            label="each other class" if i == order[-1] else None,
            showlegend=i == order[0], mode="lines", line={"color": PALE, "width": 1.3}, meta=one.name,
            customdata=[[a] for a in one.alphas], hovertemplate="%{meta}<br>alpha %{x:.2f}: %{y:.1f}%<extra></extra>",
        )  # fmt: skip
    brought = curves[out]
    low, high = percents(brought.interval[:, 0].tolist()), percents(brought.interval[:, 1].tolist())
    drawn.add(**band(brought.alphas, low, high, colour=VERMILLION, uid="band"))
    drawn.add(
        x=list(brought.alphas), y=percents(brought.accuracy.tolist()), uid="brought-out",
        name=f"{brought.name}, with 95% interval (n = {brought.images})", label=brought.name, mode="lines+markers",
        line={"color": VERMILLION, "width": 2.5}, marker={"size": 5}, customdata=[[a] for a in brought.alphas],
        meta=brought.name, hovertemplate="%{meta}<br>alpha %{x:.2f}: %{y:.1f}%<extra></extra>",
    )  # fmt: skip
    if alpha is not None:
        drawn.add_rule(x=alpha, color=INK, width=1.5)
    said = ", ".join(
        f"{c.name} {c.accuracy[0]:.1%} to {c.accuracy[-1]:.1%} (lowest {c.accuracy.min():.1%} at alpha "
        f"{c.alphas[int(c.accuracy.argmin())]:g})"
        for c in curves
    )
    text = f"Accuracy of {len(curves)} classes along alpha: {said}."
    return drawn.done(text)
