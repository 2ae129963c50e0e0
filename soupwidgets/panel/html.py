"""Small pieces of HTML; every text that goes in is escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def png_uri(pixels: NDArray[np.uint8]) -> str:
    """An image ``[height, width]`` or ``[height, width, 3]`` as a ``data:`` address."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def error_message(error: BaseException) -> str:
    """An error that a screen reader announces at once."""
    text = f"{type(error).__name__}: {error}"
    return (
        '<div role="alert" style="border-left:4px solid #D55E00;background:#FFF3EC;color:#222;'
        f'padding:8px 12px;white-space:pre-wrap"><b>Something went wrong.</b> {escape(text)}</div>'
    )


def progress(label: str, done: int, total: int) -> str:
    """Words with a progress bar, which goes when all is done; a screen reader says them when there is a pause."""
    bar = "" if done >= total else f'<progress value="{int(done)}" max="{int(total)}" aria-hidden="true"></progress> '
    return f'<div role="status" style="color:#444;font-size:13px">{bar}{escape(label)}</div>'


def notes(advice: Sequence[str]) -> str:
    """What is odd about something, one sentence each; nothing where there is none."""
    if not advice:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in advice)
    return (
        '<div role="status" style="border-left:4px solid #E69F00;background:#FFFBEA;color:#222;padding:6px 12px;'
        'font-size:13px;line-height:1.4"><b>Before you believe this soup</b>'
        f'<ul style="margin:2px 0">{items}</ul></div>'
    )


@dataclass(frozen=True, eq=False)
class ImageCard:
    """One image of a gallery, with plain texts.

    Parameters
    ----------
    image
        ``[height, width]`` or ``[height, width, 3]``.
    alt
        What it is, for who does not see it.
    label
        Its class.
    said
        What was predicted.
    mark, verdict, colour
        What to think of that: a sign, words and a colour of ours.
    """

    image: NDArray[np.uint8]
    alt: str
    label: str
    said: str
    mark: str
    verdict: str
    colour: str


def gallery(title: str, cards: Sequence[ImageCard], empty: str) -> str:
    """Images in a row that wraps, under a title; ``empty`` is said when there are none."""
    if not cards:
        return f'<div style="font-family:sans-serif"><b>{escape(title)}</b><p>{escape(empty)}</p></div>'
    items = "".join(map(_card, cards))
    return (
        f'<section aria-label="{escape(title, quote=True)}" style="font-size:12px;line-height:1.35">'
        f"<b style='font-size:14px'>{escape(title)}</b>"
        f'<ul style="display:flex;flex-wrap:wrap;gap:10px;list-style:none;padding:0;margin:8px 0">{items}</ul>'
        "</section>"
    )


def _card(card: ImageCard) -> str:
    return (
        f'<li style="border-top:4px solid {card.colour};background:#F7F7F7;color:#222;padding:6px;width:84px">'
        f'<img src="{png_uri(card.image)}" alt="{escape(card.alt, quote=True)}" width="84" height="84" '
        'style="image-rendering:pixelated;display:block">'
        f"<b>{escape(card.label)}</b><br>{escape(card.said)}<br>"
        f'<span style="color:{card.colour}">{card.mark} {escape(card.verdict)}</span></li>'
    )
