"""The gain from averaging two solutions, against the angle between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soupwidgets.figures.colours import GREEN, GREY, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, limits, percents
from soupwidgets.topics.soup.pairs import PairGain


@figure
def pair_gains(pairs: Sequence[PairGain]) -> Drawing:
    """Draw one point per pair of ingredients for their average, and one for their ensemble.

    Parameters
    ----------
    pairs
        From `soupwidgets.soup.pair_gains`, at least one.

    Returns
    -------
    go.Figure
        Error bars are one standard error. With a text alternative in ``layout.meta``.

    Notes
    -----
    arXiv 2203.05482, section 3.3.
    """
    angles = [pair.angle for pair in pairs]
    gains = percents([pair.gain for pair in pairs])
    ensembles = percents([pair.ensemble_gain for pair in pairs])
    errors = percents([pair.standard_error for pair in pairs])
    ends = [g + sign * e for g, e in zip(gains, errors, strict=True) for sign in (-1, 1)]
    every = [*ends, *ensembles, 0.0]
    drawn = drawing(
        "Angle between two models, and what mixing them gains",
        axis("Angle between the task vectors, degrees", limits(angles)),
        axis("Gain over the mean of the two, points", limits(every)),
    )
    names = [f"{pair.first} and {pair.second}" for pair in pairs]
    for uid, name, y, colour, symbol in (
        ("ensemble", "ensemble of the two", ensembles, GREEN, "triangle-up-open"),
        ("soup", "average of the two, with standard error", gains, VERMILLION, "circle"),
    ):
        drawn.add(
            x=angles, y=y, uid=uid, name=name, mode="markers", hovertext=names,
            marker={"color": colour, "symbol": symbol, "size": 8},
            hovertemplate="%{hovertext}<br>%{x:.1f}°<br>%{y:+.2f} points<extra></extra>",
        )  # fmt: skip
    drawn.data[-1]["error_y"] = {"type": "data", "array": errors, "thickness": 1, "width": 3, "color": GREY}
    drawn.add_rule(y=0, color=GREY, width=1, dash="dot")
    together = np.corrcoef(angles, gains)[0, 1] if len(set(angles)) > 1 and len(set(gains)) > 1 else float("nan")
    text = (
        f"{len(pairs)} pairs of models, {min(angles):.0f} to {max(angles):.0f} degrees apart. Averaging gains "
        f"{np.mean(gains):+.2f} points over the mean of the two (from {min(gains):+.2f} to {max(gains):+.2f}), "
        f"the ensemble {np.mean(ensembles):+.2f}. Correlation of angle and gain: {together:.2f}."
    )
    return drawn.done(text)
