"""Diversity in real JupyterLab and Chromium: a cell, a pair by keyboard, its images, an ensemble, and the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import soupwidgets as sw
from soupwidgets import Evaluator
from soupwidgets.widgets import DiversityExplorer
from tests.browser.jupyter import ARTEFACTS, Lab
from tests.browser.test_drag_alpha import write_notebook
from tests.browser.test_frontier import wait_words, words

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


def numbers(page: Any) -> dict[str, str]:
    rows = page.locator("table[aria-label='numbers of the pair'] tbody tr").all()
    return {r.locator("th").text_content(): r.locator("td").first.text_content() for r in rows}


def wait_pair(page: Any, first: str, second: str) -> None:
    page.locator("b", has_text=re.compile(f"^{first} and {second}$")).wait_for()


def test_cells_keys_images_and_ensembles(lab: Lab, page: Any, evaluator: Evaluator) -> None:
    page.set_viewport_size({"width": 1400, "height": 1500})
    lab.open(page, write_notebook(lab, "diversity.ipynb", CELL))
    page.keyboard.press("Control+b")
    lab.run_all(page)
    page.get_by_text("45 of 45 pairs are compared on test").wait_for(timeout=240_000)
    page.locator(".soupwidgets-figure[data-drawn]").first.wait_for()

    suite = evaluator.suite
    zoo = Path("data/zoo")
    files = [zoo / f"fashion/{n}.safetensors" for n in ("ft-03", "other-seed")] + [
        zoo / "fashion-diverse/resnet-a.safetensors"
    ]
    ft, stranger, resnet = sw.diversity.open_members(files, suite, splits=["test"], progress=False)
    page.get_by_label("Order", exact=True).select_option("similar together")
    page.wait_for_timeout(500)
    page.mouse.click(*cell_of(page, "resnet-a", "ft-03"))
    wait_pair(page, "ft-03", "resnet-a")
    expected = sw.diversity.pair(ft, resnet, suite, "test")
    said = numbers(page)
    assert said["exactly one is right (error inconsistency)"] == f"{100 * expected.error_inconsistency:.2f}"
    assert said["ensemble of the two"] == f"{100 * expected.ensemble:.2f}"
    page.mouse.move(5, 600)
    page.wait_for_timeout(500)
    page.screenshot(path=str(ARTEFACTS / "diversity.png"), clip={"x": 120, "y": 300, "width": 1230, "height": 556})

    # The same by keyboard alone: a focused list takes arrow keys.
    chooser = page.get_by_label("Second", exact=True)
    chooser.press("ArrowUp")
    wait_pair(page, "ft-03", "other-seed")
    both = sw.diversity.pair(ft, stranger, suite, "test")
    assert numbers(page)["oracle: who always asks the right one"] == f"{100 * both.oracle:.2f}"
    count = f"{both.only_first + both.only_second:,} ({both.only_first:,} ft-03, {both.only_second:,} other-seed)"
    page.get_by_text(count).wait_for()
    assert page.locator("section[aria-label^='Images of'] img").count() == 24

    page.get_by_label("Ensemble", exact=True).select_option(["ft-03", "resnet-a"])
    page.locator("table[aria-label='accuracies of the ensemble']", has_text=f"{100 * expected.ensemble:.2f}").wait_for()
    page.get_by_role("button", name="Grow from the first").click()
    page.get_by_text("An ensemble that grows from ft-03").first.wait_for()
    page.get_by_label("Show", exact=True).select_option("Ensemble gain over the members' mean")
    wait_words(page, "Ensemble gain over the members' mean on test")
    page.get_by_label("Ensemble", exact=True).scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    page.screenshot(path=str(ARTEFACTS / "diversity-ensemble.png"))
    assert page.locator("[role=alert]").count() == 0


def test_the_page_needs_no_kernel_and_no_network(page: Any, evaluator: Evaluator, tmp_path: Path) -> None:
    models = sw.diversity.members(evaluator, ["zero-shot", "ft-00", "ft-03"], splits=["test"], progress=False)
    explorer = DiversityExplorer(models, evaluator.suite)
    path = explorer.to_html(tmp_path / "diversity.html")
    explorer.close()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    slider = page.get_by_role("slider")
    slider.wait_for()
    assert "Error inconsistency" in words(page)
    slider.press("ArrowRight")
    wait_words(page, "Cohen's kappa of predictions on test")
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
