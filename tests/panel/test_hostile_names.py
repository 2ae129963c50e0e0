"""HTML of the widgets: names are texts, whatever they hold, and what cannot be said is said to be so."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pytest

from soupwidgets.panel import html, picture_strips
from soupwidgets.topics.diversity.details import ensemble_table, pair_table
from soupwidgets.topics.frontier.details import details

TAGS = {
    "b", "br", "details", "div", "img", "li", "p", "progress", "section", "span", "summary", "table", "tbody", "td",
    "th", "thead", "tr", "ul",
}  # fmt: skip
IMAGE = np.zeros((2, 2), np.uint8)

MADE: dict[str, Callable[[], str]] = {
    "error": lambda: html.error_message(ValueError(A)),
    "progress": lambda: html.progress(A, 0, 1),
    "notes": lambda: html.notes([A]),
    "strip": lambda: picture_strips.path_strip(np.stack([IMAGE] * 3), [A] * 3, (A, B)),
    "pair": lambda: pair_table(pair(), 0.5),
    "ensemble": lambda: ensemble_table(ALONE, [TEST, FOG]),
    "frontier": lambda: details(frontier(), [A, B], FOG, None, EVIL),
}


class Reader(HTMLParser):
    """What a browser makes of HTML: its tags, the names of their attributes, and its text with all attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.text += " ".join(value or "" for _, value in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", MADE)
def test_names_are_texts(name: str) -> None:
    reader = Reader()
    reader.feed(MADE[name]())
    assert reader.tags <= TAGS
    assert not [one for one in reader.attributes if one.startswith("on") or one == "href"]
    assert EVIL in reader.text
    assert reader.text.count("alert(1)") == reader.text.count(EVIL)
