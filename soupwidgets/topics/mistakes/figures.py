"""Figures of near-duplicates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soupwidgets.figures.colours import COLOURS, GREY, INK, PALE
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.scales import log_axis
from soupwidgets.figures.style import axis, drawing, interval_words
from soupwidgets.topics.mistakes.near_duplicates import NearDuplicates

_BINS = 48
# What distances are drawn at that are zero but for rounding.
_LEAST = 1e-6


@figure
def similarities(found: NearDuplicates) -> Drawing:
    """Draw how far images of a test are from their nearest training images, and planted copies from their originals.

    Parameters
    ----------
    found
        The candidates, with what was planted.

    Returns
    -------
    go.Figure
        Shares of images by the distance 1 - cosine, on a logarithmic axis; left of the line are the candidates.
    """
    own = _distances(found.similarity)
    copies = {one.kind: _distances(one.similarity) for one in found.planted}
    every = np.concatenate([own, *copies.values(), [max(1 - found.threshold, _LEAST)]])
    edges = np.geomspace(every.min() / 1.2, every.max() * 1.2, _BINS + 1)
    middles = np.sqrt(edges[1:] * edges[:-1]).tolist()
    drawn = drawing(
        f"How near {found.split} is to {found.reference}; left of the line: candidates",
        log_axis("Distance to the nearest training image (1 - cosine; log)", edges[0], edges[-1]),
        axis("Images, percent", None, rangemode="tozero"),
        height=460,
    )
    drawn.add(
        "bar", x=middles, y=_shares(own, edges), width=np.diff(edges).tolist(), uid="test", name=found.split,
        marker={"color": PALE, "line": {"color": GREY, "width": 0.5}},
        hovertemplate="distance about %{x:.3g}: %{y:.1f}% of the images<extra></extra>",
    )  # fmt: skip
    for colour, one in zip(COLOURS, found.planted, strict=False):
        caught = f"{one.found / len(one.similarity):.0%} found [{interval_words(one.interval, '.0%')}]"
        drawn.add(
            x=middles, y=_shares(copies[one.kind], edges), uid=f"planted-{one.kind}", mode="lines",
            name=f"copies, {one.kind}: {caught}",
            line={"color": colour, "width": 2, "shape": "hvh"},
            hovertemplate="distance about %{x:.3g}: %{y:.1f}% of the copies<extra></extra>",
        )  # fmt: skip
    drawn.add_rule(x=max(1 - found.threshold, _LEAST), color=INK, width=1.5, dash="dash")
    told = "; ".join(
        f"{one.kind} {one.found} of {len(one.similarity)} ({interval_words(one.interval)})" for one in found.planted
    )
    text = (
        f"{len(found.rows)} of {len(own)} images of {found.split} are nearer to an image of {found.reference} than the "
        f"distance {1 - found.threshold:.2g}; half of them are nearer than {np.median(own):.2g}."
        + (f" Of planted copies it finds: {told}." if told else "")
    )
    return drawn.done(text, bargap=0)


def _distances(similarity: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.maximum(1 - similarity.astype(np.float64), _LEAST)


def _shares(distances: NDArray[np.float64], edges: NDArray[np.float64]) -> list[float]:
    counts, _ = np.histogram(distances, edges)
    return [100 * count / max(len(distances), 1) for count in counts.tolist()]
