"""Pictures side by side: points of a path."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from soupwidgets.panel.html import png_uri

_SIDE = 72


def path_strip(images: NDArray[np.uint8], predictions: Sequence[str], ends: tuple[str, str], shown: int = 9) -> str:
    """Some points of a path from its first image to its last, each with what is predicted there.

    Parameters
    ----------
    images
        ``[samples, height, width(, 3)]``.
    predictions
        Of each, in words.
    ends
        Classes of the two images.
    shown
        How many points.
    """
    places = np.unique(np.linspace(0, len(images) - 1, shown).round().astype(int))
    items = []
    for place in places.tolist():
        share = place / (len(images) - 1)
        name = ends[0] if share == 0 else ends[1] if share == 1 else ""
        alt = f"{share:.0%} of the way" + (f", labelled {name}" if name else "")
        caption = f"<b>{escape(name)}</b>" if name else f"{share:.0%}"
        items.append(
            f'<li style="width:{_SIDE}px">{_picture(images[place], alt)}{caption}<br>'
            f'<span style="color:#444">{escape(predictions[place])}</span></li>'
        )
    return _list("points of the path, with the model's prediction", items)


def _picture(image: NDArray[np.uint8], alt: str) -> str:
    return (
        f'<img src="{png_uri(image)}" alt="{escape(alt, quote=True)}" width="{_SIDE}" height="{_SIDE}" '
        'style="image-rendering:pixelated;display:block;margin-bottom:3px">'
    )


def _list(title: str, items: Sequence[str]) -> str:
    return (
        f'<section aria-label="{escape(title, quote=True)}" style="font-size:12px;line-height:1.35;color:#222">'
        f"<b>{escape(title[:1].upper() + title[1:])}</b>"
        '<ul style="display:flex;flex-wrap:wrap;gap:8px;list-style:none;padding:0;margin:6px 0">'
        f"{''.join(items)}</ul></section>"
    )
