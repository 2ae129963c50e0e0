"""Two models beside each other: their confidence image by image, and their accuracy class by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soupwidgets.figures.colours import BLUE, GREEN, GREY, INK, PALE, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, share_bars
from soupwidgets.topics.diversity.specialists import ClassSpecialist, Specialisation

# With more points than this, WebGL is used.
_WEBGL = 2000


@figure
def confidences(found: Specialisation) -> Drawing:
    """Draw the confidence of two models in every image, by which of them is correct.

    Returns
    -------
    go.Figure
        With the diagonal on which both are equally confident, and a text alternative in ``layout.meta``.

    Notes
    -----
    arXiv 2110.12899, section 4.3 and figure 3.
    """
    first, second = found.first, found.second
    drawn = drawing(
        f"Confidence of both models, image by image ({found.split})",
        axis(f"Confidence of {first}", (0, 1.02), constrain="domain"),
        axis(f"Confidence of {second}", (0, 1.02), scaleanchor="x", constrain="domain"),
        height=480,
    )
    drawn.add(
        x=[0, 1], y=[0, 1], uid="equal", mode="lines", line={"color": GREY, "width": 1, "dash": "dot"},
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    a, b = found.right.T
    cases = {
        "both right": (a & b, PALE, "circle"),
        "both wrong": (~a & ~b, INK, "x"),
        f"only {first} right": (a & ~b, BLUE, "triangle-right"),
        f"only {second} right": (~a & b, VERMILLION, "triangle-up"),
    }
    kind = "scattergl" if len(a) > _WEBGL else "scatter"
    for i, (name, (rows, colour, symbol)) in enumerate(cases.items()):
        images = np.flatnonzero(rows)
        drawn.add(
            kind, uid=f"case-{i}", name=f"{name} ({len(images):,})", mode="markers",
            x=found.confidences[rows, 0].round(4).tolist() or [None],
            y=found.confidences[rows, 1].round(4).tolist() or [None],
            marker={"color": colour, "symbol": symbol, "size": 5, "opacity": 0.7 if i else 0.35},
            customdata=[[int(image)] for image in images],
            hovertemplate="image %{customdata[0]}: %{x:.2f}, %{y:.2f}<extra></extra>",
        )  # fmt: skip
    degrees = np.degrees(found.angles)
    text = (
        f"Confidence of {found.first} against that of {found.second} for {len(a):,} examples of {found.split}: "
        + "; ".join(f"{name} {int(rows.sum()):,}" for name, (rows, _, _) in cases.items())
        + f". The angle from the diagonal is {degrees.mean():+.1f} degrees on average, above 0 where "
        f"{found.first} is more confident, with a spread of {np.degrees(found.spread):.1f} degrees; where only "
        f"{first} is right it is {_degrees(found, found.only_first)}, where only {second} is, "
        f"{_degrees(found, found.only_second)}."
    )
    return drawn.done(text)


@figure
def specialists(found: Sequence[ClassSpecialist], first: str, second: str, by: str = "class") -> Drawing:
    """Draw on which classes or superclasses one of two models is better.

    Parameters
    ----------
    found
        One for each class.
    first, second
        Names of the models.
    by
        What each of them is.

    Returns
    -------
    go.Figure
        Differences with 95% intervals, and a text alternative in ``layout.meta``.
    """
    drawn = drawing(
        f"{second} against {first}, {by} by {by}",
        axis("Difference of accuracy, points", zeroline=True, zerolinecolor=GREY),
        axis("", showgrid=False, categoryorder="array", categoryarray=[one.name for one in found]),
        height=max(300, 120 + 26 * len(found)),
    )
    sure = [one.q_value < 0.05 for one in found]
    for uid, wanted, name, colour in (
        ("clear", True, "clear (q below .05)", GREEN),
        ("chance", False, "may be chance", PALE),
    ):
        rows = [one for one, clear in zip(found, sure, strict=True) if clear == wanted]
        drawn.add("bar",
            x=[100 * one.test.difference for one in rows],
            y=[one.name for one in rows],
            uid=uid, name=name, orientation="h", marker={"color": colour},
            error_x=share_bars([(r.test.difference, r.test.interval) for r in rows], color=INK, thickness=1),
            hovertemplate="%{y}: %{x:+.1f} points<extra></extra>",
        )  # fmt: skip
    words = "; ".join(f"{one.name} {100 * one.test.difference:+.1f} (q {one.q_value:.2g})" for one in found)
    return drawn.done(f"Accuracy of {second} minus that of {first}, by {by}, in points: {words}.")


def _degrees(found: Specialisation, rows: NDArray[np.bool_]) -> str:
    mean = found.mean_angle(rows)
    value, low, high = (float(np.degrees(one)) for one in (mean.value, mean.low, mean.high))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})" if np.isfinite(value) else "not known"
