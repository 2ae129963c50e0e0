"""What features of two models are worth to another task, and how few of them are enough."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.figures.colours import BLUE, COLOURS, GREY, INK, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, share_bars
from soupwidgets.topics.diversity.compression import CompressedFeatures
from soupwidgets.topics.diversity.downstream import Taken, Transfer

_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "star")
_TAKEN: dict[Taken, tuple[str, str, str]] = {
    "all": ("all features of both", VERMILLION, "diamond"),
    "half": ("half of each", BLUE, "circle"),
}


@figure
def transfer(found: Transfer) -> Drawing:
    """Draw what a second model's features add on another task, by how differently the two err on their own.

    Parameters
    ----------
    found
        Probes on the other task.

    Returns
    -------
    go.Figure
        A point for each pair and way to take features, with 95% intervals, and a text alternative in ``layout.meta``.

    Notes
    -----
    arXiv 2110.12899, figure 7 (right).
    """
    drawn = drawing(
        f"Features of two models on another task ({found.task}, {found.split})",
        axis(f"Error inconsistency of the two on {found.suite}, % of examples"),
        axis("Gain over the better of the two alone,\npoints (95% intervals)", zeroline=True, zerolinecolor=GREY),
    )
    words = []
    # The two of a pair stand side by side, so that their intervals do not cover each other.
    shares = list(found.inconsistency.values())
    aside = 0.6 * (max(shares) - min(shares))
    for taken, (name, colour, symbol) in _TAKEN.items():
        tests = {pair: found.gain(pair, taken) for pair in found.pairs[taken]}
        side = aside if taken == "half" else -aside
        drawn.add(
            x=[100 * found.inconsistency[pair] + side for pair in tests],
            y=[100 * test.difference for test in tests.values()],
            error_y=share_bars([(test.difference, test.interval) for test in tests.values()], thickness=1),
            uid=taken, name=name, mode="markers", marker={"color": colour, "symbol": symbol, "size": 9},
            hovertext=[f"{' and '.join(pair)}: inconsistency {found.inconsistency[pair]:.1%}" for pair in tests],
            hovertemplate="%{hovertext}, gain %{y:+.2f} points<extra></extra>",
        )  # fmt: skip
        pairs = "; ".join(f"{' and '.join(pair)} {100 * test.difference:+.2f}" for pair, test in tests.items())
        words.append(f"With {name}, in points: {pairs}.")
    alone = ", ".join(f"{name} {one.right[found.split].mean():.2%}" for name, one in found.alone.items())
    return drawn.done(
        f"Accuracy on {found.split} of {found.task} of linear probes fitted to {found.fit}. Of one model: {alone}. "
        f"Gain of two over the better of them alone. {' '.join(words)}"
    )


@figure
def compressed_features(found: Sequence[CompressedFeatures], split: str, accuracy: float | None = None) -> Drawing:
    """Draw the accuracy of linear probes by how many features of two models they have.

    Parameters
    ----------
    found
        Pairs that were probed in the same order of features.
    split
        One of those that were reported on.
    accuracy
        Draw this one (0..1) as a line, and tell how many features each pair needs for it.

    Returns
    -------
    go.Figure
        With 95% intervals, and a text alternative in ``layout.meta``.

    Notes
    -----
    arXiv 2110.12899, figure 6 (right).
    """
    counts = sorted({count for one in found for count in one.probes})
    by = {"variance": "the highest variance first", "components": "principal components"}
    drawn = drawing(
        f"How few features of two models are enough? ({split})",
        axis(
            f"Features of both together, {by[found[0].order]}" if found else "Features",
            type="log",
            tickvals=counts,
            ticktext=[str(count) for count in counts],
        ),
        axis("Accuracy of a linear probe, % (95% intervals)"),
    )
    words = []
    for number, one in enumerate(found):
        known = [probe.accuracy(split) for probe in one.probes.values()]
        drawn.add(
            x=list(one.probes), y=[100 * each.value for each in known],
            error_y=share_bars([(each.value, (each.low, each.high)) for each in known], thickness=1),
            uid=f"pair-{number}", name=f"{one.first} and {one.second}", mode="lines+markers",
            line={"color": COLOURS[number % len(COLOURS)], "width": 2},
            marker={"symbol": _SYMBOLS[number % len(_SYMBOLS)], "size": 8},
            hovertemplate="%{x} features: %{y:.2f}%<extra></extra>",
        )  # fmt: skip
        told = ", ".join(f"{count} {each.value:.2%}" for count, each in zip(one.probes, known, strict=True))
        need = ""
        if accuracy is not None:
            least = one.needed(split, accuracy)
            need = f" ({f'{least} are enough' if least else 'none is enough'} for {accuracy:.1%})"
        words.append(f"{one.first} and {one.second}{need}: {told}.")
    if accuracy is not None and found:
        drawn.add(
            x=[counts[0], counts[-1]], y=[100 * accuracy] * 2, uid="needed", name=f"{accuracy:.1%}", mode="lines",
            line={"color": INK, "width": 1, "dash": "dash"}, hoverinfo="skip",
        )  # fmt: skip
    return drawn.done(f"Accuracy on {split} by number of features. {' '.join(words)}")
