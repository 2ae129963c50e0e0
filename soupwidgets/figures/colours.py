"""What things look like in every figure: their colours and symbols."""

from __future__ import annotations

from typing import Any

# Okabe and Ito (2008), 'Color universal design': told apart with every common form of colour blindness.
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
ORANGE, PURPLE, SKY = "#E69F00", "#CC79A7", "#56B4E9"
# For lines without a fixed meaning, in this order.
COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY)
INK, GREY, PALE = "#222222", "#767676", "#C8C8C8"
# The same thing looks the same everywhere: symbol and colour.
_MARKS = {
    "zero-shot": ("square", INK),
    "fine-tuned": ("diamond", BLUE),
    "here": ("circle", VERMILLION),
    "ensemble": ("triangle-up", GREEN),
    "best": ("star", GREEN),
}


def mark(what: str, size: float = 10, *, hollow: bool = False) -> dict[str, Any]:
    """Plotly's marker for the zero-shot or a fine-tuned model, the model that is shown, an ensemble, or the best.

    Examples
    --------
    >>> mark("here", hollow=True)["symbol"]
    'circle-open'
    """
    symbol, colour = _MARKS[what]
    line = {"width": 2.5 if hollow else 0, "color": colour}
    return {"symbol": f"{symbol}-open" if hollow else symbol, "color": colour, "size": size, "line": line}
