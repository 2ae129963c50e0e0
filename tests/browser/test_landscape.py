"""The loss landscape in real JupyterLab and Chromium: mouse, arrow keys, segment, views, soup, and the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soupwidgets import Evaluator, Pool, Recipe, Store
from soupwidgets.widgets import LandscapeExplorer
from tests.browser.jupyter import ARTEFACTS, Lab
from tests.browser.test_drag_alpha import write_notebook
from tests.browser.test_frontier import wait_words, words

CELL = """
import soupwidgets as sw
pool, suite = sw.Pool.open("../data/zoo/fashion"), sw.Suite.open("../data/suites/fashion")
ev = sw.Evaluator(pool, suite)
explorer = sw.widgets.LandscapeExplorer(ev, ("zero-shot", "ft-03", "ft-08"), grid=11)
explorer
"""


def middle(box: dict[str, float]) -> tuple[float, float]:
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def shown(page: Any) -> dict[str, tuple[str, str]]:
    """Accuracy and loss of every split as the table says them, once they are exact."""
    page.locator("table[aria-label='scores of the point']", has_text="exact").wait_for()
    rows = page.locator("table[aria-label='scores of the point'] tbody tr").all()
    return {
        r.locator("th").text_content(): (r.locator("td").nth(0).text_content(), r.locator("td").nth(2).text_content())
        for r in rows
    }


def drag(page: Any, handle: Any, right: float, up: float) -> None:
    x, y = middle(handle.bounding_box())
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y - up, steps=15)
    page.mouse.up()


def test_drag_keys_segment_views_and_saving(lab: Lab, page: Any, evaluator: Evaluator) -> None:
    page.set_viewport_size({"width": 1500, "height": 1250})
    lab.open(page, write_notebook(lab, "landscape.ipynb", CELL))
    page.keyboard.press("Control+b")
    lab.run_all(page)
    handle = page.get_by_role("slider", name="model on the plane")
    handle.wait_for(timeout=120_000)
    # The grid still fills, and the handle answers already.
    assert page.get_by_text("the landscape is complete").count() == 0
    first = shown(page)
    drag(page, handle, 90, 60)
    page.wait_for_function(
        "old => document.querySelector(\"table[aria-label='scores of the point']\")?.innerText !== old",
        arg=page.locator("table[aria-label='scores of the point']").inner_text(),
    )
    # Some hundred models: half a minute on an idle machine of two cores.
    page.get_by_text("the landscape is complete").wait_for(timeout=900_000)
    dragged = shown(page)
    assert dragged != first
    page.mouse.move(5, 600)
    page.screenshot(path=str(ARTEFACTS / "landscape.png"), clip={"x": 122, "y": 246, "width": 1333, "height": 724})

    # The file of the point under the thumb, measured by another evaluator, is what the table says.
    def saved(name: str) -> Recipe:
        page.get_by_role("textbox", name="File").fill(name)
        page.get_by_role("textbox", name="File").press("Tab")
        page.get_by_role("button", name="Save this soup").click()
        page.get_by_text(f"saved as {name}").wait_for()
        assert_same(shown(page), lab.root / "notebooks" / name)

    def assert_same(table: dict[str, tuple[str, str]], path: Path) -> None:
        alone = Evaluator(Pool.open([path]), evaluator.suite, device="cpu", store=Store(lab.root / "other"))
        exact = alone.evaluate(Recipe({path.stem: 1}))
        assert table == {n: (f"{100 * s.accuracy:.2f}", f"{s.loss:.3f}") for n, s in exact.scores.items()}

    saved("dragged.safetensors")
    before = handle.get_attribute("aria-valuetext")
    handle.press("ArrowLeft")
    handle.press("Shift+ArrowUp")
    assert handle.get_attribute("aria-valuetext") != before
    along, up = (float(part.split()[0]) for part in handle.get_attribute("aria-valuetext").split(", "))
    page.get_by_text(f"Model at ({along:.3g}, {up:.3g})").wait_for()
    assert shown(page) != dragged
    saved("keys.safetensors")

    page.get_by_role("button", name="Measure the segment").click()
    page.get_by_text("Error barrier").first.wait_for(state="attached")
    page.get_by_label("Show", exact=True).select_option("error")
    wait_words(page, "Error on val")
    page.get_by_label("View", exact=True).select_option("surface")
    page.locator(".soupwidgets-figure .gl-container canvas").first.wait_for()
    assert handle.is_hidden()
    page.screenshot(path=str(ARTEFACTS / "landscape-surface.png"))
    assert page.locator("[role=alert]").count() == 0


def test_all_splits_side_by_side(lab: Lab, page: Any, small_folder: Path) -> None:
    (lab.root / "small").symlink_to(small_folder)
    cell = CELL.replace("../data/suites/fashion", "../small").replace("grid=11", "grid=9")
    lab.open(page, write_notebook(lab, "splits.ipynb", cell))
    lab.run_all(page)
    page.get_by_text("the landscape is complete").wait_for(timeout=240_000)
    page.get_by_label("View", exact=True).select_option("all splits")
    wait_words(page, "; wave ", seconds=120)
    page.wait_for_timeout(1000)
    page.screenshot(path=str(ARTEFACTS / "landscape-splits.png"))
    assert page.locator("[role=alert]").count() == 0


def test_the_page_needs_no_kernel_and_no_network(page: Any, evaluator: Evaluator, tmp_path: Path) -> None:
    explorer = LandscapeExplorer(evaluator, ("zero-shot", "ft-03", "ft-08"), grid=5)
    path = explorer.to_html(tmp_path / "landscape.html")
    landscape = explorer.landscape
    explorer.close()
    assert landscape is not None
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    handle = page.get_by_role("slider", name="model on the plane")
    handle.wait_for()
    told = page.locator("#point p")
    first = told.text_content()
    drag(page, handle, 2000, 2000)  # no further than the rim
    last = (landscape.loss.shape[0] - 1, landscape.loss.shape[1] - 1)
    assert f"loss {landscape.loss[last]:.3f} nats, error {100 * landscape.error[last]:.2f}%" in told.text_content()
    assert told.text_content() != first
    for _ in range(60):
        handle.press("ArrowLeft")
    corner = landscape.error[last[0], 0]
    assert f"error {100 * corner:.2f}%" in told.text_content()
    page.get_by_label("Show").select_option("error")
    wait_words(page, "Error on val")
    assert "all 1,000 images" in words(page) or f"{landscape.total:,} images" in words(page)
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
