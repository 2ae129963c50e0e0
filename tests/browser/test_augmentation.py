"""Augmentations in real JupyterLab and Chromium: a click on the plane, the strength by keys, and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soupwidgets import Suite
from soupwidgets.topics.augmentation.study import read_augmentation_study
from soupwidgets.widgets import AugmentationExplorer
from tests.browser.jupyter import ARTEFACTS, ROOT, Lab
from tests.browser.test_drag_alpha import write_notebook

STUDY = ROOT / "data" / "studies" / "augmentations.json"
CELL = """
import soupwidgets as sw
pool, suite = sw.Pool.open("../data/zoo/fashion"), sw.Suite.open("../data/suites/fashion")
study = sw.augmentation.read_augmentation_study("../data/studies/augmentations.json")
explorer = sw.widgets.AugmentationExplorer(study, suite, ev=sw.Evaluator(pool, suite), alphas=2)
explorer
"""


def place_of(page: Any, row: int) -> tuple[float, float]:
    """Where an augmentation stands on the screen; one of the axes is logarithmic."""
    found = page.evaluate(
        """(row) => {
          const plot = document.querySelector(".soupwidgets-figure[data-name=plane] .js-plotly-plot");
          const trace = plot._fullData.find((t) => t.uid === "augmentations");
          const {xaxis, yaxis} = plot._fullLayout;
          const box = plot.getBoundingClientRect();
          const [left, top] = [box.left + xaxis._offset, box.top + yaxis._offset];
          return [left + xaxis.d2p(trace.x[row]), top + yaxis.d2p(trace.y[row])];
        }""",
        row,
    )
    return tuple(found)


def names_that_collide(page: Any) -> list[list[str]]:
    """Pairs of names on the plane whose letters lie over each other."""
    found: list[list[str]] = page.evaluate(
        """() => {
          const names = [...document.querySelectorAll("[data-name=plane] .annotation-text")];
          const boxes = names.map((one) => [one.textContent, one.getBoundingClientRect()]);
          return boxes.flatMap(([a, p], i) => boxes.slice(i + 1).filter(([, q]) => p.left < q.right - 1 &&
            q.left < p.right - 1 && p.top < q.bottom - 3 && q.top < p.bottom - 3).map(([b]) => [a, b]));
        }"""
    )
    return found


def test_click_an_augmentation(lab: Lab, page: Any) -> None:
    page.set_viewport_size({"width": 1400, "height": 900})
    lab.open(page, write_notebook(lab, "augmentations.ipynb", CELL))
    lab.run_all(page)
    page.locator(".soupwidgets-figure[data-drawn]").nth(1).wait_for(timeout=600_000)
    names = [r.name for r in read_augmentation_study(STUDY).results]
    page.locator(".soupwidgets-panel").scroll_into_view_if_needed()
    page.wait_for_timeout(800)
    assert names_that_collide(page) == []
    page.mouse.click(*place_of(page, names.index("rotate")))
    page.get_by_role("heading", name="Training with rotate, and without").wait_for()
    assert page.get_by_label("Augmentation", exact=True).input_value() == "rotate"
    after = page.get_by_role("region", name="The same after rotate", exact=True)
    pictures = [img.get_attribute("src") for img in after.locator("img").all()]
    page.mouse.move(5, 600)
    page.wait_for_timeout(800)
    page.screenshot(path=str(ARTEFACTS / "augmentations-screen.png"))
    page.set_viewport_size({"width": 1400, "height": 1500})
    page.wait_for_timeout(800)
    page.locator(".soupwidgets-panel").screenshot(path=str(ARTEFACTS / "augmentations.png"))
    page.get_by_role("slider", name="strength").press("ArrowLeft")
    weaker = page.get_by_role("region", name="The same after rotate 0.95")
    weaker.wait_for()
    assert [img.get_attribute("src") for img in weaker.locator("img").all()] != pictures
    page.get_by_role("button", name="How does it look along alpha?").click()
    page.get_by_role("heading", name="Affinity of rotate 0.95 along alpha").wait_for(timeout=600_000)
    page.get_by_label("Soups by", exact=True).select_option("augmentation")
    page.get_by_role("heading", name="Uniform soups of two halves of the ingredients").wait_for(timeout=600_000)
    page.wait_for_timeout(500)
    page.locator(".soupwidgets-panel").screenshot(path=str(ARTEFACTS / "augmentations-full.png"))
    assert page.locator("[role=alert]:visible").count() == 0


def test_the_page_needs_no_kernel_and_no_network(page: Any, suite: Suite, tmp_path: Path) -> None:
    study = read_augmentation_study(STUDY)
    explorer = AugmentationExplorer(study, suite)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(explorer.to_html(tmp_path / "augmentations.html").as_uri())
    explorer.close()
    choice = page.get_by_label("Augmentation", exact=True)
    for result in study.results[:2]:
        choice.select_option(result.name)
        page.get_by_role("heading", name=f"Training with {result.name}, and without").wait_for()
    page.locator(".soupwidgets-figure[data-drawn]").nth(1).wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=str(ARTEFACTS / "augmentations-telephone.png"), full_page=True)
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
