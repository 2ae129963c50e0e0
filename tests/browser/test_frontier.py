"""The frontier in real JupyterLab and Chromium: click, lasso, keys, soup, another explorer, files, and the page."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe
from soupwidgets.widgets import FrontierExplorer
from tests.browser.jupyter import ARTEFACTS, Lab
from tests.browser.test_drag_alpha import write_notebook

# A store of its own: WiSE-FT models that other tests measured in the lab's store would lie within the lasso.
CELL = """
import soupwidgets as sw
pool = sw.Pool.open([f"../data/zoo/fashion/{n}.safetensors" for n in ("zero-shot", "ft-00", "ft-03", "ft-05", "ft-08")])
ev = sw.Evaluator(pool, sw.Suite.open("../data/suites/fashion"), store=sw.Store("frontier-store"))
sw.alpha_sweep(ev, "ft-03", alphas=6, progress=False)
explorer = sw.widgets.FrontierExplorer(ev)
explorer
"""


def place_of(page: Any, uid: str, row: int) -> tuple[float, float]:
    """Where a model stands on the screen."""
    found = page.evaluate(
        """([uid, row]) => {
          const plot = document.querySelector(".soupwidgets-figure .js-plotly-plot");
          const trace = plot._fullData.find((t) => t.uid === uid);
          const {xaxis, yaxis} = plot._fullLayout;
          const box = plot.getBoundingClientRect();
          const [left, top] = [box.left + xaxis._offset, box.top + yaxis._offset];
          return [left + xaxis.l2p(trace.x[row]), top + yaxis.l2p(trace.y[row])];
        }""",
        [uid, row],
    )
    return tuple(found)


def words(page: Any) -> str:
    return page.locator(".soupwidgets-figure details p").first.text_content()


def wait_words(page: Any, part: str, seconds: int = 60) -> None:
    for _ in range(10 * seconds):
        if part in words(page):
            return
        page.wait_for_timeout(100)
    assert part in words(page)


def said(page: Any, part: str) -> None:
    """What is announced to those who do not see the screen."""
    page.locator(".soupwidgets-status [role=status]", has_text=part).first.wait_for()


def test_click_lasso_keys_soup_and_files(lab: Lab, page: Any, evaluator: Evaluator) -> None:
    page.set_viewport_size({"width": 1400, "height": 900})
    lab.open(page, write_notebook(lab, "frontier.ipynb", CELL))
    lab.run_all(page)
    page.get_by_text("every checkpoint is measured").wait_for(timeout=600_000)
    wait_words(page, "4 fine-tuned")
    page.locator(".soupwidgets-figure[data-drawn]").first.wait_for()
    page.locator(".soupwidgets-panel").evaluate("(panel) => panel.scrollIntoView()")
    page.wait_for_timeout(500)
    page.screenshot(path=str(ARTEFACTS / "frontier-side-bar.png"))
    page.keyboard.press("Control+b")

    page.get_by_label("Scale").select_option("logit")
    page.locator("[data-control=upload] input").set_input_files("data/baselines/fashion.csv")
    page.get_by_label("Line through").select_option("published models")
    wait_words(page, "The line of 16 baseline models")
    page.wait_for_timeout(500)
    page.mouse.click(*place_of(page, "zero-shot", 0))
    said(page, "Chosen: zero-shot")
    others = sw.frontier.read_accuracy_table(Path("data/baselines/fashion.csv"))
    line = sw.frontier.fit_baseline(sw.frontier.matching_points(others, [s.name for s in evaluator.suite.shifts], None))
    point = sw.frontier.point(evaluator.evaluate(Recipe({"zero-shot": 1})))
    rho = sw.frontier.effective_robustness(point, line)
    page.get_by_role("cell", name=f"{rho.value:+.1f}", exact=True).wait_for()

    # A lasso around all fine-tuned models, which are neighbours.
    page.locator(".soupwidgets-panel").evaluate("(panel) => panel.scrollIntoView()")
    corners = [place_of(page, "fine-tuned", i) for i in range(4)]
    left, right = min(x for x, _ in corners) - 12, max(x for x, _ in corners) + 12
    top, bottom = min(y for _, y in corners) - 12, max(y for _, y in corners) + 12
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
    page.get_by_role("rowheader", name="ft-08").first.wait_for()
    chosen = [r.text_content() for r in page.locator("table[aria-label='chosen models'] tbody th").all()]
    assert set(chosen) == {"ft-00", "ft-03", "ft-05", "ft-08"}
    page.get_by_role("button", name="Soup", exact=True).click()
    said(page, "Chosen: soup of 4")
    page.wait_for_timeout(1000)
    assert "Chosen: soup of 4" in words(page)  # the lasso went with the old figure, the choice stays
    page.locator(".soupwidgets-panel").evaluate("(panel) => panel.scrollIntoView()")
    page.locator(".soupwidgets-panel").screenshot(path=str(ARTEFACTS / "frontier.png"))

    page.locator(".soupwidgets-menu summary").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Table: frontier (CSV)").click()
    rows = list(csv.DictReader(Path(waiting.value.path()).read_text().splitlines()))
    assert float(rows[0]["mean OOD"]) == point.ood
    page.locator(".soupwidgets-menu summary").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Figure: frontier (SVG)").click()
    drawn = Path(waiting.value.path()).read_text()
    assert drawn.startswith("<svg")
    assert "Accuracy against robustness" in drawn

    # By keyboard alone, and in another explorer, below this one.
    page.locator("[data-control=search] input").fill("ft-03")
    said(page, "of 10 models")
    page.locator("[data-control=chosen] summary").press("Enter")
    page.get_by_role("checkbox", name="ft-03 at alpha 0.6").press("Space")
    said(page, "Chosen: ft-03 at alpha 0.6")
    page.get_by_role("button", name="Alpha explorer").press("Enter")
    slider = page.locator(".soupwidgets-slider input[type=range]")
    slider.wait_for()
    assert slider.input_value() == "0.6"
    assert page.locator(".soupwidgets-panel .soupwidgets-panel").count() == 0
    page.wait_for_timeout(1500)
    page.screenshot(path=str(ARTEFACTS / "frontier-opened.png"))
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(".soupwidgets-panel").first.evaluate("(panel) => panel.scrollIntoView()")
    page.wait_for_timeout(1000)
    page.screenshot(path=str(ARTEFACTS / "frontier-narrow.png"))
    assert page.locator("[role=alert]:visible").count() == 0


def test_the_page_needs_no_kernel(page: Any, small_evaluator: Evaluator, tmp_path: Path) -> None:
    explorer = FrontierExplorer(small_evaluator, "data/baselines/fashion.csv")
    path = explorer.to_html(tmp_path / "frontier.html", scale="linear")
    page.goto(path.as_uri())
    page.get_by_label("Shift").select_option("noise")
    wait_words(page, "OOD (noise) accuracy")
    page.locator(".soupwidgets-figure .main-svg").first.wait_for()
    page.screenshot(path=str(ARTEFACTS / "frontier-page.png"))
    explorer.close()
