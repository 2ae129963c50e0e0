"""HTML of the widgets: names are texts, whatever they hold, and what cannot be said is said to be so."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from math import nan

import numpy as np
import pandas as pd
import pytest

from soupwidgets import Recipe
from soupwidgets.panel import html, picture_strips
from soupwidgets.topics.diversity.details import ensemble_table, pair_table
from soupwidgets.topics.frontier.details import details
from soupwidgets.topics.landscape.details import point_details
from soupwidgets.topics.mistakes.multi_labels import ImageLabels, MultiLabels, MultiLabelScore, SliceScore
from soupwidgets.topics.review.agreement import Agreement
from soupwidgets.topics.review.label_set import Distribution
from soupwidgets.topics.review.results import agreement_html, disputed_html, mistakes_html, score_table
from tests.figures.test_shown import ALONE, EVIL, FOG, TEST, A, B, evaluation, frontier, pair

TAGS = {
    "b", "br", "details", "div", "img", "li", "p", "progress", "section", "span", "summary", "table", "tbody", "td",
    "th", "thead", "tr", "ul",
}  # fmt: skip
IMAGE = np.zeros((2, 2), np.uint8)
SCORE = MultiLabelScore(0.8, nan, nan, 8, 10, 0, 2, 0, 0.7)
AGREED = Agreement(EVIL, 0.5, nan, nan, 3, 6, 4)

MADE: dict[str, Callable[[], str]] = {
    "error": lambda: html.error_message(ValueError(A)),
    "progress": lambda: html.progress(A, 0, 1),
    "notes": lambda: html.notes([A]),
    "strip": lambda: picture_strips.path_strip(np.stack([IMAGE] * 3), [A] * 3, (A, B)),
    "pair": lambda: pair_table(pair(), 0.5),
    "ensemble": lambda: ensemble_table(ALONE, [TEST, FOG]),
    "frontier": lambda: details(frontier(), [A, B], FOG, None, EVIL),
    "point": lambda: point_details(Recipe({A: 0.5, B: 0.5}), 0, 0, evaluation(500)),
    "scores": lambda: score_table({A: (SCORE, SliceScore(3, 5, (0.1, 0.9)))}, 3, FOG, 10),
    "mistakes": lambda: mistakes_html(
        pd.DataFrame({"major": [1], "minor": [0], "not said": [0], "all": [1]}, index=[EVIL])
    ),
    "agreement": lambda: agreement_html([AGREED]),
    "disputed": lambda: disputed_html(
        {0: Distribution(2, {0: 1}, {}, {0: 1}, 0, {}, {})}, MultiLabels(FOG, {0: ImageLabels()}), [A], [0]
    ),
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


def test_which_accuracy_it_is_and_too_few_to_say() -> None:
    table = MADE["scores"]()
    heads = ("single-label accuracy", "multi-label accuracy", "slice, multi-label")
    assert [table.index(words) for words in heads] == sorted(table.index(words) for words in heads)
    assert "too few to say" in table
    assert "nan" not in table
    agreed = MADE["agreement"]()
    assert "0.50" in agreed
    assert "too few to say" in agreed
