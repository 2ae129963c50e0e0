"""Figures that move with one slider, as one self-contained page: no kernel, no network."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from soupwidgets.checkpoints import atomic_path
from soupwidgets.figures.patch import Patch
from soupwidgets.panel.live_figure import STATIC, plotly_javascript


@dataclass(frozen=True)
class Frame:
    """One position of the slider.

    Parameters
    ----------
    value
        What the slider says there.
    patches
        What moves, one for each figure.
    below
        HTML that is shown under the figures; every text in it is escaped already.
    """

    value: str
    patches: Sequence[Patch]
    below: str = ""


@dataclass(frozen=True)
class PageTexts:
    """What the page says: plain texts, but for ``intro``, which is HTML of our own."""

    title: str
    intro: str
    label: str
    low: str
    high: str


def write_frames_page(
    path: str | Path, texts: PageTexts, figures: Sequence[go.Figure], frames: Sequence[Frame], at: int
) -> Path:
    """Write the page.

    Parameters
    ----------
    path
        The file to write; replaced as a whole if it is there.
    texts
        Title, introduction, and what stands at the slider.
    figures
        As they are at frame ``at``.
    frames
        The positions of the slider, at least one.
    at
        Where the slider is at first.

    Returns
    -------
    Path
        The same path.
    """
    state = {
        "figures": [_plain(figure) for figure in figures],
        "frames": [vars(frame) for frame in frames],
        "at": at,
    }
    parts = {
        "title": escape(texts.title),
        "intro": texts.intro,
        "label": escape(texts.label),
        "low": escape(texts.low),
        "high": escape(texts.high),
        "last": str(len(frames) - 1),
        "style": (STATIC / "live_figure.css").read_text("utf-8") + (STATIC / "drag_slider.css").read_text("utf-8"),
        "live_figure": (STATIC / "live_figure.js").read_text("utf-8"),
        # Inside a script element only "<" could end it early.
        "state": json.dumps(state).replace("<", "\\u003c"),
        "plotly": plotly_javascript(),
    }
    template = (STATIC / "frames_page.html").read_text("utf-8")
    # One pass: what is filled in is never searched for places to fill.
    page = re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template)
    with atomic_path(path) as temporary:
        temporary.write_text(page, "utf-8")
    return Path(path)


def _plain(figure: go.Figure) -> dict[str, Any]:
    return json.loads(json.dumps(figure.to_plotly_json()))  # type: ignore[no-any-return]
