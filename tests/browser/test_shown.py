"""Figures with hostile names in a real browser: what is seen is the name, and no button uploads anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soupwidgets.figures.shown import plain_text
from soupwidgets.panel.frames_page import Frame, PageTexts, write_frames_page
from soupwidgets.panel.live_figure import plotly_javascript
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
        ("alpha_curves", "curve-ood", f"{EVIL} fogalpha 0.00: 70.00%"),
        ("soup_frontier", "ingredients", f"{EVIL} aID 80.00%OOD 80.00%"),
        ("frontier", "fine-tuned", f"{EVIL} a (fine-tuned)ID 77.78%"),
        ("diversity_matrix", "", ""),
    ):
        figure = BUILD[name]()
        page.evaluate("""document.body.innerHTML = '<div id="plot" style="width:1100px;height:600px"></div>'""")
        plain = json.loads(figure.to_json())
        page.evaluate("([f, c]) => Plotly.newPlot('plot', f.data, f.layout, c).then(() => 0)", [plain, figure.config])
        plot = page.locator("#plot")
        texts = plot.evaluate("plot => [...plot.querySelectorAll('text')].map(text => text.textContent)")
        assert plain_text(figure.layout.title.text) in texts
        if uid:
            trace = [t.uid for t in figure.data].index(uid)
            assert any(text.startswith(said) for text in plot.evaluate(HOVER, trace))
        else:
            assert texts.count(f"{EVIL} a") == texts.count(f"{EVIL} b") == 2
        assert page.locator("svg a").count() == 0
        assert titles(page) == [*BUTTONS, *(["Lasso Select", "Zoom"] if name == "soup_frontier" else [])]


def test_a_page_has_no_button_that_uploads_and_titles_are_free(page: Any, tmp_path: Path) -> None:
    figures = [BUILD["spectrum.noise_fitting"](), BUILD["landscape.surface"](), BUILD["soup.frontier"]()]
    texts = PageTexts(title=EVIL, intro="", label=EVIL, low=EVIL, high=EVIL)
    nothing: list[dict[str, Any]] = [{}, {}, {}]
    path = write_frames_page(tmp_path / "page.html", texts, figures, [Frame(EVIL, nothing)], 0)
    page.goto(path.as_uri())
    page.locator(".modebar-btn").nth(7).wait_for(state="attached")
    assert titles(page) == [
        *BUTTONS, "Download plot", "Reset camera to default", *BUTTONS, "Lasso Select", "Zoom",
    ]  # fmt: skip
    bars = page.locator(".modebar-group").all()
    # They lie over the title: only while the pointer is there.
    assert [bar.evaluate("bar => getComputedStyle(bar).opacity") for bar in bars] == ["0"] * 3
    named = [one.get_attribute("aria-label") for one in page.locator(".soupwidgets-figure").all()]
    assert named == [plain_text(figure.layout.title.text) for figure in figures]
    assert named[0] == f"Does training follow {EVIL} label noise?"
    assert page.locator("svg a").count() == 0
    assert page.title() == EVIL
