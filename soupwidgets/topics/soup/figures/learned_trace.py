"""How a learned soup was fitted: loss and coefficients, epoch by epoch."""

from __future__ import annotations

from typing import Any

from soupwidgets.figures.colours import BLUE, GREEN, GREY, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, limits
from soupwidgets.methods import LearnedSoup

_NAMED = 3
# An epoch is a whole number, and so is every tick; where there are many epochs not each has one.
_TICKS = 12
_DASHES = (("solid", BLUE), ("dash", VERMILLION), ("dot", GREEN))


@figure
def learned_trace(soup: LearnedSoup) -> Drawing:
    """Draw each ingredient's coefficient after every epoch; the three largest are named.

    Parameters
    ----------
    soup
        A learned soup with at least one epoch. For soups by layer, coefficients are averaged over the tensors. A dotted
        line is at the epoch that held-out images chose, where there are some.

    Returns
    -------
    go.Figure
        All names are shown on hover. With a text alternative in ``layout.meta``.
    """
    last = soup.epochs[-1]
    names = sorted(last.coefficients, key=lambda name: -last.coefficients[name])
    places = list(range(len(soup.epochs) + 1))
    # Gradient descent starts at equal parts.
    curves = {name: [1 / len(names), *(e.coefficients.get(name, 0.0) for e in soup.epochs)] for name in names}
    drawn = drawing(
        "Learned soup, epoch by epoch",
        epoch_axis("Epoch over the validation split", len(soup.epochs)),
        axis("Coefficient", limits([value for curve in curves.values() for value in curve])),
    )
    # One that is left is named like the others.
    others = names[_NAMED] if len(names) == _NAMED + 1 else f"the other {len(names) - _NAMED}"
    for i, name in reversed(list(enumerate(names))):
        dash, colour = _DASHES[i] if i < _NAMED else ("solid", GREY)
        drawn.add(
            x=places, y=curves[name], uid=f"ingredient-{i}", mode="lines+markers",
            name=name if i < _NAMED else others,
            label=name if i < _NAMED else others if i == _NAMED else None,
            line={"color": colour, "dash": dash, "width": 2.5 if i < _NAMED else 1}, marker={"size": 5},
            showlegend=i <= _NAMED, meta=name,
            hovertemplate="%{meta}<br>after epoch %{x}: %{y:.3f}<extra></extra>",
        )  # fmt: skip
    if soup.taken is not None:
        drawn.add_rule(x=soup.taken, color=GREY, dash="dot", width=1.5)
    epochs = "; ".join(
        f"epoch {i}: loss {e.loss:.4f} nats, {'' if e.accuracy is None else f'accuracy {e.accuracy:.2%}, '}"
        f"logit scale {e.beta:.3f}"
        for i, e in enumerate(soup.epochs, 1)
    )
    largest = ", ".join(f"{name} {last.coefficients[name]:.3f}" for name in names[:_NAMED])
    text = (
        f"Learned soup of {len(names)} ingredients on validation. {epochs}. Largest coefficients at the end: {largest}."
        + (f" {soup.words[0].upper()}{soup.words[1:]}." if soup.words else "")
    )
    return drawn.done(text)


def epoch_axis(title: str, epochs: int, **more: Any) -> dict[str, Any]:
    """The axis from 0, the uniform soup, to the last epoch."""
    return axis(title, (-0.2, epochs + 0.2), tick0=0, dtick=-(-epochs // _TICKS), tickformat="d", **more)
