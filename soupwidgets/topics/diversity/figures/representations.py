"""What can be read from the features of two models, alone and together."""

from __future__ import annotations

from typing import Any

from soupwidgets.figures.colours import BLUE, GREEN, ORANGE, PURPLE, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, share_bars
from soupwidgets.topics.diversity.probing import Reading
from soupwidgets.topics.diversity.representations import CombinedFeatures

# At the middle, where half of the features come from each: line styles and colours of what has no share.
_BESIDE = {
    "all": (VERMILLION, "diamond"),
    "probes": (GREEN, "square"),
    "ensemble": (ORANGE, "cross"),
    "soup": (PURPLE, "triangle-up"),
    "soup's features": (PURPLE, "triangle-down"),
}
_MIDDLE, _STEP = 50, 3


@figure
def combined_features(found: CombinedFeatures, split: str) -> Drawing:
    """Draw the accuracy of linear probes by how many of their features come from the second model.

    Parameters
    ----------
    found
        The probes, as far as they are fitted.
    split
        One of those that were reported on.

    Returns
    -------
    go.Figure
        With 95% intervals, and a text alternative in ``layout.meta``.

    Notes
    -----
    arXiv 2110.12899, figure 6.
    """
    drawn = drawing(
        f"One linear probe on features of {found.first} and {found.second} ({split})",
        axis(f"Share of the {found.budget} features that is of {found.second}, %", (-6, 106)),
        axis("Accuracy, % (95% intervals)"),
    )
    shares = sorted(found.probes)
    _points(
        drawn, [100 * share for share in shares], [found.probes[share] for share in shares], split,
        uid="probes", name=f"probe on {found.budget} features", mode="lines+markers",
        line={"color": BLUE, "width": 2}, marker={"size": 8},
    )  # fmt: skip
    for number, (key, reading) in enumerate(found.beside.items()):
        colour, symbol = _BESIDE[key]
        name = f"probe on {reading.name}" if key in ("all", "soup's features") else reading.name
        _points(
            drawn, [_MIDDLE + _STEP * (number + 1)], [reading], split,
            uid=f"beside-{number}", name=name, mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 10},
        )  # fmt: skip
    words = "; ".join(f"{one.name} {one.right[split].mean():.2%}" for one in found.readings)
    text = f"Accuracy on {split} of linear probes fitted to {found.fit}, and of what they are compared with: {words}."
    if {0.0, 0.5, 1.0} <= set(found.probes):
        answer = found.answer(split)
        text += f" {answer[:1].upper()}{answer[1:]}."
    return drawn.done(text)


def _points(drawn: Drawing, places: list[float], readings: list[Reading], split: str, **trace: Any) -> None:
    known = [one.accuracy(split) for one in readings]
    drawn.add(
        x=places, y=[100 * each.value for each in known],
        error_y=share_bars([(each.value, (each.low, each.high)) for each in known], thickness=1),
        hovertext=[one.name for one in readings],
        hovertemplate="%{hovertext}: %{y:.2f}%<extra></extra>",
        **trace,
    )  # fmt: skip
