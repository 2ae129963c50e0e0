"""The frontier in real JupyterLab and Chromium: axes, click, lasso, soup, another explorer, and files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe
from tests.browser.jupyter import ARTEFACTS, Lab
from tests.browser.test_drag_alpha import write_notebook

# A store of its own: WiSE-FT models that other tests measured in the lab's store would lie within the lasso.
CELL = """
import soupwidgets as sw
pool = sw.Pool.open([f"../data/zoo/fashion/{n}.safetensors" for n in ("zero-shot", "ft-00", "ft-03", "ft-05", "ft-08")])
ev = sw.Evaluator(pool, sw.Suite.open("../data/suites/fashion"), store=sw.Store("frontier-store"))
sw.alpha_sweep(ev, "ft-03", 6, progress=False)
explorer = sw.widgets.FrontierExplorer(ev, context="../data/baselines/fashion.csv")
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


def test_click_lasso_soup_and_files(lab: Lab, page: Any, evaluator: Evaluator) -> None:
    page.set_viewport_size({"width": 1400, "height": 1300})
    lab.open(page, write_notebook(lab, "frontier.ipynb", CELL))
    page.keyboard.press("Control+b")
    lab.run_all(page)
    page.get_by_text("every checkpoint is measured").wait_for(timeout=240_000)
    wait_words(page, "4 fine-tuned")
    page.locator(".soupwidgets-figure[data-drawn]").first.wait_for()

    page.get_by_label("Scale").select_option("logit")
    page.get_by_label("Line").select_option("models of others")
    wait_words(page, "The line of 16 baseline models")
    page.wait_for_timeout(500)
    page.mouse.click(*place_of(page, "zero-shot", 0))
    wait_words(page, "Chosen: zero-shot")
    others = sw.frontier.read_accuracy_table(Path("data/baselines/fashion.csv"))
    line = sw.frontier.fit_baseline(sw.frontier.matching_points(others, [s.name for s in evaluator.suite.shifts], None))
    point = sw.frontier.point(evaluator.evaluate(Recipe({"zero-shot": 1})))
    rho = sw.frontier.effective_robustness(point, line)
    page.get_by_text(f"{rho.value:+.1f}", exact=True).wait_for()

    # A lasso around all fine-tuned models, which are neighbours; two checkpoints are compared image by image.
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
    wait_words(page, "Chosen: soup of 4")
    page.wait_for_timeout(1000)
    assert "Chosen: soup of 4" in words(page)  # the lasso went with the old figure, the choice stays
    page.screenshot(path=str(ARTEFACTS / "frontier.png"), clip={"x": 85, "y": 265, "width": 1285, "height": 780})

    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV", exact=True).click()
    rows = list(csv.DictReader(Path(waiting.value.path()).read_text().splitlines()))
    assert float(rows[0]["mean OOD"]) == point.ood
    with page.expect_download() as waiting:
        page.get_by_role("button", name="SVG", exact=True).click()
    drawn = Path(waiting.value.path()).read_text()
    assert drawn.startswith("<svg")
    assert "Accuracy against robustness" in drawn

    page.mouse.click(*place_of(page, "fine-tuned", 1))
    wait_words(page, "Chosen: ft-")
    page.get_by_role("button", name="Alpha explorer").click()
    page.get_by_role("slider", name="alpha").wait_for()
    assert page.locator("[role=alert]").count() == 0
