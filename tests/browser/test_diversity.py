"""Diversity in real JupyterLab and Chromium: a cell, a pair by keyboard, its images, an ensemble, and the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import soupwidgets as sw
from soupwidgets import Evaluator
from soupwidgets.widgets import DiversityExplorer
from tests.browser.jupyter import ARTEFACTS, Lab
from tests.browser.test_drag_alpha import write_notebook
from tests.browser.test_frontier import said, wait_words

CELL = """
import soupwidgets as sw
zoo = "../data/zoo/"
suite = sw.Suite.open("../data/suites/fashion")
models = sw.diversity.open_members([zoo + f"fashion/{n}.safetensors" for n in ("ft-00", "ft-03", "other-seed")]
                               + [zoo + "fashion-diverse"], suite, splits=["test"], progress=False)
explorer = sw.widgets.DiversityExplorer(models, suite)
explorer
"""


def cell_of(page: Any, column: str, row: str) -> tuple[float, float]:
    """Where a pair's cell is on the screen."""
    found = page.evaluate(
        """([column, row]) => {
          const plot = document.querySelector(".soupwidgets-figure .js-plotly-plot");
          const {xaxis, yaxis} = plot._fullLayout;
          const box = plot.getBoundingClientRect();
          return [box.left + xaxis._offset + xaxis.d2p(column), box.top + yaxis._offset + yaxis.d2p(row)];
        }""",
        [column, row],
    )
    return tuple(found)


def number(page: Any, name: str) -> str:
    row = page.locator("tr", has=page.get_by_role("rowheader", name=name))
    return row.locator("td").first.text_content()


# Of JupyterLab, at the bottom of the window, in pixels.
STATUS_BAR = 30


def to_top(page: Any) -> None:
    page.locator(".soupwidgets-panel").evaluate("(panel) => panel.scrollIntoView()")
    page.wait_for_timeout(700)


def test_cells_keys_images_and_ensembles(lab: Lab, page: Any, evaluator: Evaluator) -> None:
    page.set_viewport_size({"width": 1400, "height": 900})
    lab.open(page, write_notebook(lab, "diversity.ipynb", CELL))
    lab.run_all(page)
    page.get_by_text("45 of 45 pairs are compared on test").wait_for(timeout=600_000)
    page.locator(".soupwidgets-figure[data-drawn]").first.wait_for()
    to_top(page)
    page.screenshot(path=str(ARTEFACTS / "diversity-side-bar.png"))
    page.keyboard.press("Control+b")

    suite = evaluator.suite
    zoo = Path("data/zoo")
    files = [zoo / f"fashion/{n}.safetensors" for n in ("ft-03", "other-seed")] + [
        zoo / "fashion-diverse/resnet-a.safetensors"
    ]
    ft, stranger, resnet = sw.diversity.open_members(files, suite, splits=["test"], progress=False)
    figure = page.locator(".soupwidgets-figure[data-drawn]").first
    before = figure.get_attribute("data-drawn")
    page.get_by_label("Order", exact=True).select_option("similar together")
    page.wait_for_function(
        "(before) => document.querySelector('.soupwidgets-figure[data-drawn]').dataset.drawn !== before", arg=before
    )
    to_top(page)
    page.mouse.click(*cell_of(page, "resnet-a", "ft-03"))
    said(page, "ft-03 and resnet-a: exactly one is right")
    expected = sw.diversity.pair(ft, resnet, suite, "test")
    page.get_by_role("table", name="ft-03 and resnet-a on test").wait_for()
    assert number(page, "exactly one is right") == f"{100 * expected.error_inconsistency:.2f}"
    assert number(page, "ensemble of the two") == f"{100 * expected.ensemble:.2f}"
    page.mouse.move(5, 600)
    page.wait_for_timeout(500)
    # As much of the panel as is on the screen.
    box = page.locator(".soupwidgets-panel").bounding_box()
    height = min(box["height"], page.viewport_size["height"] - box["y"] - STATUS_BAR)
    page.screenshot(path=str(ARTEFACTS / "diversity.png"), clip=box | {"height": height})

    # The same by keyboard alone: a focused list takes arrow keys.
    page.get_by_label("Second", exact=True).press("ArrowUp")
    said(page, "ft-03 and other-seed: exactly one is right")
    both = sw.diversity.pair(ft, stranger, suite, "test")
    count = f"{both.only_first + both.only_second:,} ({both.only_first:,} ft-03, {both.only_second:,} other-seed)"
    page.get_by_text(count).wait_for()
    assert page.locator("section[aria-label^='Images of'] img").count() == 24

    page.locator("[data-control=members] summary").click()
    for name in ("ft-00", "resnet-a"):
        page.get_by_role("checkbox", name=name).press("Space")
    page.locator("table[aria-label='scores of the ensemble']", has_text=f"{100 * expected.ensemble:.2f}").wait_for()
    page.get_by_role("button", name="Grow from its first").click()
    page.get_by_role("heading", name="An ensemble that grows from ft-03").wait_for()
    page.get_by_label("Show", exact=True).select_option("Ensemble gain over the members' mean")
    wait_words(page, "Ensemble gain over the members' mean on test")
    page.locator(".soupwidgets-panel").screenshot(path=str(ARTEFACTS / "diversity-ensemble.png"))
    page.set_viewport_size({"width": 390, "height": 844})
    to_top(page)
    page.screenshot(path=str(ARTEFACTS / "diversity-narrow.png"))
    assert page.locator("[role=alert]:visible").count() == 0


def test_the_page_needs_no_kernel_and_no_network(page: Any, small_evaluator: Evaluator, tmp_path: Path) -> None:
    models = sw.diversity.members(small_evaluator, ["zero-shot", "ft-00", "ft-03"], splits=["test"], progress=False)
    explorer = DiversityExplorer(models, small_evaluator.suite)
    path = explorer.to_html(tmp_path / "diversity.html")
    explorer.close()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    wait_words(page, "Error inconsistency")
    page.get_by_label("Show", exact=True).press("ArrowDown")
    wait_words(page, "Error consistency on test")
    page.locator(".soupwidgets-figure .main-svg").first.wait_for()
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
