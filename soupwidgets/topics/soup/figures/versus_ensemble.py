"""The model-soups paper's formula against the true difference between soup and ensemble."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.figures.colours import BLUE, GREY
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, limits
from soupwidgets.topics.soup.versus_ensemble import SoupVersusEnsemble


@figure
def versus_ensemble(pairs: Sequence[SoupVersusEnsemble]) -> Drawing:
    """Draw the true difference in loss of each pair against the formula's prediction.

    Parameters
    ----------
    pairs
        From `soupwidgets.soup.versus_ensemble`, at least one.

    Returns
    -------
    go.Figure
        On the dashed line the formula is exact. With a text alternative in ``layout.meta``.

    Notes
    -----
    arXiv 2203.05482, section 4.
    """
    said, true = [pair.approximation for pair in pairs], [pair.difference for pair in pairs]
    low, high = limits([*said, *true])
    drawn = drawing(
        "Soup minus ensemble for pairs of ingredients: the formula and the truth",
        axis("Approximation, nats", (low, high)),
        axis("True difference in loss, nats", (low, high)),
    )
    drawn.add(
        x=[low, high], y=[low, high], uid="equal", name="formula exact", mode="lines", label="formula exact",
        line={"color": GREY, "dash": "dash", "width": 1.5}, hoverinfo="skip",
    )  # fmt: skip
    drawn.add(
        x=said, y=true, uid="pairs", name="pairs of ingredients", mode="markers", showlegend=False,
        marker={"color": BLUE, "size": 9}, hovertext=[f"{pair.first} and {pair.second}" for pair in pairs],
        hovertemplate="%{hovertext}<br>formula %{x:.4f}<br>truth %{y:.4f}<extra></extra>",
    )  # fmt: skip
    rows = "; ".join(f"{p.first} and {p.second}: {p.approximation:.4f} and {p.difference:.4f}" for p in pairs)
    text = (
        "Loss of the soup minus loss of the ensemble (above 0 the ensemble is better), by the formula and in truth, "
        f"for {len(pairs)} pairs: {rows}."
    )
    return drawn.done(text)
