"""The loss landscape in real JupyterLab and Chromium: the ring by mouse and keys, views, and the page."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from soupwidgets import Evaluator
from soupwidgets.topics.landscape.walk import Walk
from soupwidgets.widgets import LandscapeExplorer
from tests.browser.jupyter import ARTEFACTS, Lab
from tests.browser.test_drag_alpha import write_notebook

CELL = """
import soupwidgets as sw
names = ("zero-shot", "ft-03", "ft-08", "other-seed")
pool = sw.Pool.open([f"../data/zoo/fashion/{name}.safetensors" for name in names])
explorer = sw.widgets.LandscapeExplorer(sw.Evaluator(pool, sw.Suite.open("../small")), names[:3], grid=6)
explorer
"""


def where(handle: Any) -> tuple[float, float]:
    """Where the ring says it is."""
    along, up = handle.get_attribute("aria-valuetext").split(", ")
    return float(along.split()[0]), float(up.split()[0])


def middle(handle: Any) -> tuple[float, float]:
    box = handle.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Any, handle: Any, right: float, up: float) -> None:
    handle.scroll_into_view_if_needed()
    x, y = middle(handle)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y - up, steps=15)
    page.mouse.up()


def look(page: Any, figure: str) -> None:
    """Show a figure, with the controls above it."""
    page.locator(f"[data-name={figure}]").evaluate("(one) => one.scrollIntoView({block: 'end'})")
    page.wait_for_timeout(1000)


def exact(page: Any, handle: Any) -> None:
    """Wait until the panel has measured what the ring stands on."""
    along, up = where(handle)
    page.get_by_text(f"Model at ({along:.3g}, {up:.3g}): exact").wait_for()


def test_drag_keys_click_segment_and_views(lab: Lab, page: Any, small_folder: Path) -> None:
    (lab.root / "small").symlink_to(small_folder)
    page.set_viewport_size({"width": 1400, "height": 900})
    lab.open(page, write_notebook(lab, "landscape.ipynb", CELL))
    lab.run_all(page)
    handle = page.get_by_role("slider", name="model on the plane")
    handle.wait_for(timeout=600_000)
    exact(page, handle)
    first = where(handle)
    drag(page, handle, 60, 40)
    exact(page, handle)
    assert where(handle)[0] > first[0]
    assert where(handle)[1] > first[1]
    page.get_by_text("the landscape is complete").wait_for(timeout=600_000)
    # What is drawn once is still there when the marks have got their scores.
    page.wait_for_timeout(500)
    assert page.locator("[data-name=plane] .contourfill path").count() > 5
    page.screenshot(path=str(ARTEFACTS / "landscape.png"))
    dragged = where(handle)
    handle.press("ArrowLeft")
    handle.press("Shift+ArrowUp")
    exact(page, handle)
    assert where(handle)[0] < dragged[0]
    assert where(handle)[1] > dragged[1]
    # A model that is clicked has the ring; from it the button goes to the next one.
    there = where(handle)
    page.get_by_role("button", name="Next model").click()
    for _ in range(600):
        if where(handle) != there:
            break
        page.wait_for_timeout(100)
    exact(page, handle)
    corner = where(handle)
    assert corner != there
    page.get_by_role("button", name="Undo").click()
    exact(page, handle)
    assert where(handle) == there
    page.evaluate("""() => document.querySelector("[data-name=plane] .js-plotly-plot").emit("plotly_click",
        {points: [document.querySelector("[data-name=plane] .js-plotly-plot")._fullData.find((t) => t.uid === "on")]
          .map((t) => ({customdata: t.customdata[2]}))})""")
    exact(page, handle)
    page.get_by_role("button", name="Measure the segment").click()
    page.locator("[data-name=segment] .main-svg").first.wait_for()
    page.get_by_text("Error barrier").first.wait_for(state="attached")
    page.locator("[data-control=look] select").select_option(label="surface")
    page.locator("[data-name=plane] .gl-container canvas").first.wait_for()
    assert handle.is_hidden()
    look(page, "plane")
    page.screenshot(path=str(ARTEFACTS / "landscape-surface.png"))
    page.locator("[data-control=look] select").select_option(label="all splits")
    page.locator("[data-name=splits] details p", has_text="; wave ").wait_for(state="attached", timeout=600_000)
    page.get_by_text("the landscape is complete").wait_for(timeout=600_000)
    look(page, "splits")
    page.screenshot(path=str(ARTEFACTS / "landscape-splits.png"))
    page.locator("[data-control=look] select").select_option(label="contours")
    exact(page, handle)
    page.set_viewport_size({"width": 390, "height": 844})
    page.keyboard.press("Control+b")
    handle.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    page.screenshot(path=str(ARTEFACTS / "landscape-narrow.png"))
    assert page.locator("[role=alert]:visible").count() == 0


def test_the_page_needs_no_kernel_and_no_network(page: Any, tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    explorer = LandscapeExplorer(tiny_evaluator, grid=4)
    path = explorer.to_html(tmp_path / "landscape.html")
    landscape = explorer.landscape
    explorer.close()
    assert landscape is not None
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    handle = page.get_by_role("slider", name="model on the plane")
    handle.wait_for()

    def told(row: int, column: int) -> None:
        x, y = landscape.x[column], landscape.y[row]
        page.get_by_text(f"Model at ({x:.3g}, {y:.3g}): exact").wait_for()
        cells = page.locator("table[aria-label^='Its scores'] tbody td").all_text_contents()
        assert cells[0] == f"{100 * (1 - landscape.error[row, column]):.2f}"
        assert cells[2] == f"{landscape.loss[row, column]:.3f}"
        # It stands where it was measured, and not where it was let go.
        assert where(handle) == (float(f"{x:.3g}"), float(f"{y:.3g}"))

    drag(page, handle, 2000, 2000)  # no further than the rim
    told(-1, -1)
    handle.press("ArrowLeft")
    told(-1, -2)
    handle.press("Shift+ArrowDown")
    told(0, -2)
    page.get_by_label("Show").select_option(label="error")
    page.locator("[data-name=plane] h3", has_text="Error on the plane").wait_for()
    assert page.locator("[data-control=look] option").all_text_contents() == ["contours", "surface"]
    page.screenshot(path=str(ARTEFACTS / "landscape-page.png"))
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_predicted_is_hatched(
    page: Any, tiny_evaluator: Evaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    whole = Walk.fill
    # As it is after a dozen models.
    monkeypatch.setattr(Walk, "fill", lambda *given: islice(whole(*given), 12))
    explorer = LandscapeExplorer(tiny_evaluator, grid=6)
    # With the ring in one place, as it would measure the grid otherwise.
    path = explorer.to_html(tmp_path / "filling.html", point=(1.0, 1.0))
    explorer.close()
    page.emulate_media(color_scheme=scheme)
    page.goto(path.as_uri())
    page.locator("[data-name=plane] pattern").first.wait_for(state="attached")
    page.get_by_text("Hatched: not measured yet").wait_for()
    legend = page.locator("[data-name=plane] .soupwidgets-legend li", has_text="predicted, not measured")
    assert legend.locator("path").count() == 1
    page.wait_for_timeout(500)
    page.screenshot(path=str(ARTEFACTS / f"landscape-filling-{scheme}.png"))
    page.locator("[data-control=look] select").select_option(label="surface")
    page.locator("[data-name=plane] .gl-container canvas").first.wait_for()
    legend.wait_for()
