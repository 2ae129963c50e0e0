"""Figures with hostile names in a real browser: what is seen is the name, and no button uploads anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soupwidgets.figures.shown import plain_text
from soupwidgets.panel.controls import Button, Choice, Selection, Slider
from soupwidgets.panel.front_end import plotly_javascript
from soupwidgets.panel.panel import Panel, State
from soupwidgets.panel.view import Picture, Strip, Table, View
from tests.browser.jupyter import fresh_page
from tests.figures.test_shown import BUILD, EVIL

BUTTONS = ["Download plot", "Reset axes"]
# What plotly writes when the pointer is over the first point of a trace.
HOVER = """async (plot, trace) => {
  Plotly.Fx.hover(plot, [{ curveNumber: trace, pointNumber: 0 }], "xy");
  await new Promise(done => setTimeout(done, 100));
  return [...plot.querySelectorAll(".hoverlayer text")].map(text => text.textContent);
}"""


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Any]:
    """A page that needs no notebook."""
    with fresh_page(browser) as opened:
        yield opened


def titles(page: Any) -> list[str]:
    return [button.get_attribute("data-title") for button in page.locator(".modebar-btn").all()]


def test_names_are_seen_as_they_are(page: Any) -> None:
    page.set_content("<!doctype html><body></body>")
    page.add_script_tag(content=plotly_javascript())
    # Of each what it has beside its title: names in a template, names of points, and names along the axes.
    for name, uid, said in (
        ("alpha.curves", "curve-ood", f"{EVIL} fogalpha 0.00: 70.00%"),
        ("soup.frontier", "ingredients", f"{EVIL} aID 80.00%OOD 80.00%"),
        ("frontier.models", "fine-tuned", f"{EVIL} a (fine-tuned)ID 77.78%"),
        ("diversity.matrix", "", ""),
    ):
        figure = BUILD[name]()
        page.evaluate("""document.body.innerHTML = '<div id="plot" style="width:1100px;height:600px"></div>'""")
        plain = json.loads(figure.to_json())
        page.evaluate("([f, c]) => Plotly.newPlot('plot', f.data, f.layout, c).then(() => 0)", [plain, figure.config])
        plot = page.locator("#plot")
        texts = plot.evaluate("plot => [...plot.querySelectorAll('text')].map(text => text.textContent)")
        # Its lines are texts within a text, without a space between them.
        assert plain_text(figure.layout.title.text).replace(" ", "") in [text.replace(" ", "") for text in texts]
        if uid:
            trace = [t.uid for t in figure.data].index(uid)
            assert any(text.startswith(said) for text in plot.evaluate(HOVER, trace))
        else:
            assert texts.count(f"{EVIL} a") == texts.count(f"{EVIL} b") == 2
        assert page.locator("svg a").count() == 0
        assert titles(page) == [*BUTTONS, *(["Lasso Select", "Zoom"] if name == "soup.frontier" else [])]


class Hostile(Panel):
    """Names of somebody, wherever a panel shows one."""

    figures = ("spectrum.noise_fitting", "landscape.surface", "soup.frontier")

    def __init__(self) -> None:
        controls = [
            Choice(name="which", label=EVIL, value=EVIL, options=[(EVIL, EVIL), ("b", "b")]),
            Slider(name="x", label=EVIL, value=0, step=1, low_label=EVIL, high_label=EVIL),
            Selection(name="some", label=EVIL, value=[EVIL], options=[EVIL, "b"]),
            Button(name="go", label=EVIL, title=EVIL),
        ]
        super().__init__(EVIL, controls)

    def answer(self, state: State) -> Iterator[View]:
        picture = Picture(np.zeros((2, 2), np.uint8), EVIL, EVIL, EVIL, EVIL, EVIL, key=EVIL)
        yield View(
            figures={name.split(".")[1]: BUILD[name]() for name in self.figures},
            tables=[Table(EVIL, [EVIL, "n"], [[EVIL, 1]], EVIL)],
            strips=[Strip(EVIL, [picture], sets="which"), Strip("none", [], EVIL)],
            words=EVIL,
            notes=[EVIL],
        )

    def code(self, state: State) -> str:
        return EVIL


def test_no_name_becomes_a_tag_and_no_button_uploads(page: Any, tmp_path: Path) -> None:
    panel = Hostile()
    page.goto(panel.to_html(tmp_path / "page.html").as_uri())
    page.locator(".modebar-btn").nth(4).wait_for(state="attached")
    assert titles(page) == ["Reset axes", "Reset camera to default", "Reset axes", "Lasso Select", "Zoom"]
    bars = page.locator(".modebar-group").all()
    # They lie over the figure: only while the pointer is there.
    assert [bar.evaluate("bar => getComputedStyle(bar).opacity") for bar in bars] == ["0"] * 3
    drawn = [BUILD[name]() for name in panel.figures]
    named = [one.get_attribute("aria-label") for one in page.locator(".soupwidgets-figure").all()]
    assert named == [plain_text(figure.layout.title.text) for figure in drawn]
    assert named[0].startswith(f"Does training follow {EVIL} label noise?")
    assert page.locator("a, svg a, img[onerror], [onclick], [onload]").count() == 0
    assert page.title() == EVIL
    text = page.locator(".soupwidgets-panel").inner_text()
    assert text.count(EVIL) > 12
    assert page.locator("[role=status]").first.inner_text() == EVIL
    page.get_by_role("button", name="Bookmark").click()
    page.get_by_role("button", name="Compare").click()
    assert page.locator("a").count() == 0
    panel.close()
