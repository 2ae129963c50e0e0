"""How well a learned soup did, epoch by epoch: on the images that moved it, and on those that judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from soupwidgets.figures.colours import BLUE, GREY, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, band, drawing, interval_words, limits, percent
from soupwidgets.methods import LearnedSoup
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.topics.soup.figures.learned_trace import epoch_axis

_UPPER, _LOWER = [0.46, 1.0], [0.0, 0.38]
# One point: epoch, value and the limits of its interval, which are the value itself where there is none.
Point = tuple[int, float, float, float]


@figure
def learned_curve(soup: LearnedSoup) -> Drawing:
    """Draw loss and accuracy of every epoch, on images that moved the coefficients and on those held out.

    Parameters
    ----------
    soup
        A learned soup with at least one epoch.

    Returns
    -------
    go.Figure
        Loss above, accuracy below where answers are right or wrong; held-out images have 95% bands. What moving
        images say is the mean over the epoch, while the coefficients moved. A text alternative in ``layout.meta``.
    """
    shares = all(epoch.accuracy is not None for epoch in soup.epochs)
    panels = {"y": _losses(soup), **({"y2": _accuracies(soup)} if shares else {})}
    ranges = {key: limits([v for points in panel.values() for p in points for v in p[1:]]) for key, panel in
              panels.items()}  # fmt: skip
    held = soup.held_out
    names = {
        "moved": "examples that move coefficients, while they moved",
        "held-out": "" if held is None else f"{held.images:,} held-out examples, after the epoch",
    }
    # One line has no legend that would say so.
    when = "Epoch, while the coefficients moved" if held is None else "Epoch"
    epochs = epoch_axis(when, len(soup.epochs), anchor="y2" if shares else "y")
    lower: dict[str, Any] = {"domain": _UPPER} if shares else {}
    drawn = drawing(
        f"Learned soup: loss {'and accuracy ' if shares else ''}by epoch",
        epochs, axis("Loss, nats" if shares else "Loss", ranges["y"], **lower), height=560 if shares else 450,
    )  # fmt: skip
    for key, panel in panels.items():
        what, form = ("loss", "%{y:.4f}") if key == "y" else ("accuracy", "%{y:.2f}%")
        for uid, (colour, dash) in {"moved": (BLUE, "dash"), "held-out": (VERMILLION, "solid")}.items():
            points = panel[uid]
            if not points:
                continue
            x, y, low, high = (list(column) for column in zip(*points, strict=True))
            if uid == "held-out":
                drawn.add(**band(x, low, high, colour=colour, uid=f"band-{what}"), yaxis=key)
            drawn.add(
                x=x, y=y, yaxis=key, uid=f"{what}-{uid}", name=names[uid], mode="lines+markers", marker={"size": 6},
                showlegend=key == "y", line={"color": colour, "dash": dash, "width": 2.5},
                hovertemplate=f"epoch %{{x}}: {what} {form}<br>{names[uid]}<extra></extra>",
            )  # fmt: skip
    if soup.taken is not None:
        drawn.add_rule(x=soup.taken, color=GREY, dash="dot", width=1.5)
        drawn.layout["annotations"] = [
            {"text": "taken", "x": soup.taken, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False}
        ]
    more = {"yaxis2": axis("Accuracy, %", ranges["y2"], domain=_LOWER, anchor="x")} if shares else {}
    return drawn.done(_text(soup), **more)


def _losses(soup: LearnedSoup) -> dict[str, Sequence[Point]]:
    moved = [(i, e.loss, e.loss, e.loss) for i, e in enumerate(soup.epochs, 1)]
    return {"moved": moved, "held-out": [(i, j.loss, *j.interval) for i, j in enumerate(soup.curve)]}


def _accuracies(soup: LearnedSoup) -> dict[str, Sequence[Point]]:
    moved = [(i, share, share, share) for i, share in enumerate((percent(e.accuracy or 0.0) for e in soup.epochs), 1)]
    held = []
    for i, judged in enumerate(soup.curve):
        low, high = _interval(soup, judged.accuracy or 0.0)
        held.append((i, percent(judged.accuracy or 0.0), percent(low), percent(high)))
    return {"moved": moved, "held-out": held}


def _interval(soup: LearnedSoup, share: float) -> tuple[float, float]:
    assert soup.held_out is not None
    low, high = clopper_pearson(round(share * soup.held_out.images), soup.held_out.images)
    return float(low), float(high)


def _text(soup: LearnedSoup) -> str:
    said = [f"Learned soup of {len(soup.recipe)} ingredients on validation, {len(soup.epochs)} epochs."]
    if soup.words:
        said.append(f"{soup.words[0].upper()}{soup.words[1:]}.")
    for i, judged in enumerate(soup.curve):
        moved = "" if i == 0 else f"loss {soup.epochs[i - 1].loss:.4f} on examples that move coefficients, "
        right = "" if judged.accuracy is None else f", accuracy {judged.accuracy:.2%}"
        said.append(
            f"Epoch {i}: {moved}held-out loss {judged.loss:.4f} [{interval_words(judged.interval, '.4f')}]{right};"
        )
    if not soup.curve:
        for i, epoch in enumerate(soup.epochs, 1):
            right = "" if epoch.accuracy is None else f", accuracy {epoch.accuracy:.2%}"
            said.append(f"Epoch {i}: loss {epoch.loss:.4f}{right};")
    return " ".join(said)
