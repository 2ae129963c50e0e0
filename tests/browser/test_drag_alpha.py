"""The first notebook as a newcomer meets it: real JupyterLab, real Chromium, real mouse and keys."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from soupwidgets import Evaluator, Store, demo, wise_ft
from tests.browser.film import write_film
from tests.browser.jupyter import ARTEFACTS, Lab

CELL = """
import soupwidgets as sw
pool, suite = sw.Pool.open("../data/zoo/fashion"), sw.Suite.open("../data/suites/fashion")
ev = sw.Evaluator(pool, suite)
explorer = sw.widgets.AlphaExplorer(ev, "ft-03", alphas=6)
explorer
"""


def write_notebook(lab: Lab, name: str, *cells: str) -> str:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab.root / "notebooks" / name)
    return f"notebooks/{name}"


def open_explorer(lab: Lab, page: Any, name: str, *more: str) -> Any:
    """Run the notebook and return its slider once the curve is complete."""
    lab.open(page, write_notebook(lab, name, CELL, *more))
    lab.run_all(page)
    page.get_by_text("the curve is complete").wait_for(timeout=600_000)
    page.locator(".soupwidgets-figure[data-drawn]").nth(2).wait_for()
    return page.locator(".soupwidgets-slider input[type=range]")


def shown_counts(page: Any) -> dict[str, tuple[int, int]]:
    """What the third figure says in words: right and seen images by split."""
    text = page.locator(".soupwidgets-figure details p").nth(2).text_content()
    rows = re.findall(r"(\w+) [\d.]+% \([^)]*, (\d+) of (\d+)\)", text)
    return {name: (int(correct), int(seen)) for name, correct, seen in rows}


def wait_exact(page: Any, alpha: str) -> None:
    page.get_by_text(f"alpha {alpha}: exact").first.wait_for()
    page.locator(".soupwidgets-figure details p", has_text=f"at alpha {alpha}").nth(2).wait_for(state="attached")


def test_drag_keys_and_typed_values_show_the_evaluators_numbers(lab: Lab, page: Any, evaluator: Evaluator) -> None:
    slider = open_explorer(lab, page, "drag.ipynb")
    wait_exact(page, "0.5")  # between two steps of the thumb, which stands there and not at the nearest step
    assert slider.input_value() == "0.5"

    slider.press("ArrowRight")
    wait_exact(page, "0.6")
    assert slider.input_value() == "0.6"
    page.keyboard.press("ArrowRight")
    wait_exact(page, "0.8")

    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.8 * box["width"], middle)
    page.mouse.down()
    for step in range(30):
        page.mouse.move(box["x"] + (0.8 - 0.02 * (step + 1)) * box["width"], middle)
    page.mouse.up()
    wait_exact(page, "0.2")
    assert slider.input_value() == "0.2"

    number = page.locator(".soupwidgets-slider .soupwidgets-number")
    number.fill("0.37")
    number.press("Enter")
    wait_exact(page, "0.37")
    assert slider.input_value() == "0.37"

    expected = evaluator.evaluate(wise_ft(evaluator.pool, "ft-03", 0.37))
    assert shown_counts(page) == {name: (score.correct, score.seen) for name, score in expected.scores.items()}
    assert page.locator("[role=alert]:visible").count() == 0


def test_the_first_notebook_runs_and_its_picture_is_kept(lab: Lab, page: Any) -> None:
    page.set_viewport_size({"width": 1500, "height": 1000})
    lab.open(page, "notebooks/01_drag_alpha.ipynb")
    lab.run_all(page)
    page.get_by_text("the curve is complete").wait_for(timeout=600_000)
    page.get_by_text("best on validation (the star)").first.wait_for(timeout=600_000)
    lab.wait_idle(page)
    assert page.locator(".jp-RenderedText[data-mime-type*='stderr']").count() == 0
    assert page.locator(".jp-OutputArea-output pre").filter(has_text=re.compile(r"[a-z]Error\b|Traceback")).count() == 0
    page.locator(".soupwidgets-slider").scroll_into_view_if_needed()
    page.keyboard.press("Control+b")  # the file browser makes room for the figures
    gallery = page.locator("section[aria-label^='Images of']")
    gallery.wait_for()
    assert gallery.locator("img").count() > 0
    explorer = page.locator(".jp-OutputArea-output:has(.soupwidgets-slider)").first
    page.set_viewport_size({"width": 1500, "height": 1400})
    page.wait_for_timeout(1500)
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    explorer.screenshot(path=str(ARTEFACTS / "explorer.png"))
    boxes = [page.locator(".soupwidgets-figure").nth(i).bounding_box() for i in range(3)]
    assert all(box["width"] > 300 and box["height"] > 300 for box in boxes)


def test_an_error_is_shown_in_the_widget(lab: Lab, page: Any) -> None:
    slider = open_explorer(
        lab,
        page,
        "error.ipynb",
        """
explorer.wait(background=True)
def broken(*args):
    raise RuntimeError("<b>the disk</b> is full")
explorer.ev.stream = broken
""",
    )
    number = page.locator(".soupwidgets-slider .soupwidgets-number")
    number.fill("0.111")
    number.press("Enter")
    alert = page.get_by_role("alert").filter(has_text="Something went wrong")
    alert.wait_for()
    assert "RuntimeError: <b>the disk</b> is full" in alert.text_content()
    assert alert.locator("b", has_text="the disk").count() == 0  # shown as text, not as HTML
    assert slider.is_enabled()


def test_closing_frees_everything_in_kernel_and_page(lab: Lab, page: Any) -> None:
    path = write_notebook(
        lab,
        "close.ipynb",
        CELL,
        """
import time
import ipywidgets
from IPython.display import display
time.sleep(2)
explorer.close()
before = len(ipywidgets.widgets.widget._instances)
for _ in range(10):
    again = sw.widgets.AlphaExplorer(ev, "ft-03", alphas=6)
    display(again)
    again.wait()
    time.sleep(0.5)  # as long as it takes a page to show it
    again.close()
print("left behind:", len(ipywidgets.widgets.widget._instances) - before, "of", before)
""",
    )
    lab.open(page, path)
    lab.run_all(page)
    page.get_by_text(re.compile(r"left behind: 0 of 0")).wait_for(timeout=600_000)
    # A page lets go of what was closed when it gets to it.
    page.wait_for_function("() => !document.querySelector('.soupwidgets-slider, .soupwidgets-figure')")


def test_a_saved_notebook_is_small_and_a_reload_shows_what_was_there(lab: Lab, page: Any) -> None:
    slider = open_explorer(lab, page, "saved.ipynb")
    slider.press("ArrowRight")
    wait_exact(page, "0.6")
    path = lab.root / "notebooks" / "saved.ipynb"
    before = path.stat().st_size
    page.keyboard.press("Control+s")
    for _ in range(600):
        page.wait_for_timeout(100)
        if path.stat().st_size > before:
            break
    assert before < path.stat().st_size < 1_000_000
    json.loads(path.read_text())
    page.goto(f"{lab.address}/lab/tree/notebooks/saved.ipynb?token={lab.token}")
    page.locator(".soupwidgets-figure[data-drawn]").nth(2).wait_for(timeout=90_000)
    assert page.locator(".soupwidgets-slider input[type=range]").input_value() == "0.6"
    assert "at alpha 0.6" in page.locator(".soupwidgets-figure details p").nth(2).text_content()


@pytest.mark.usefixtures("lab")
def test_the_page_without_a_kernel_works(page: Any, evaluator: Evaluator, tmp_path: Path) -> None:
    from soupwidgets.widgets import AlphaExplorer

    explorer = AlphaExplorer(evaluator, "ft-03", alphas=3)
    path = explorer.to_html(tmp_path / "alpha.html", shift=None, look="splits")
    explorer.close()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.locator(".soupwidgets-figure .main-svg").first.wait_for()
    slider = page.locator(".soupwidgets-slider input[type=range]")
    words = page.locator(".soupwidgets-figure details p").nth(2)
    assert "at alpha 0.5," in words.text_content()
    slider.press("ArrowRight")
    page.locator(".soupwidgets-figure").nth(2).filter(has_text="at alpha 1,").wait_for()
    expected = evaluator.evaluate(wise_ft(evaluator.pool, "ft-03", 1.0))
    assert shown_counts(page) == {name: (score.correct, score.seen) for name, score in expected.scores.items()}
    assert page.locator(".soupwidgets-strip img").count() > 0
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.usefixtures("lab")
def test_the_whole_way_along_alpha_is_filmed_for_the_readme(page: Any, zoo_store: Store, tmp_path: Path) -> None:
    from soupwidgets.widgets import AlphaExplorer

    explorer = AlphaExplorer(Evaluator(*demo(), device="cpu", store=zoo_store), "ft-03", alphas=11)
    path = explorer.to_html(tmp_path / "alpha.html", shift=None, look="splits")
    explorer.close()
    page.set_viewport_size({"width": 1300, "height": 860})
    page.goto(path.as_uri())
    page.locator(".soupwidgets-figure .main-svg").first.wait_for()
    slider = page.locator(".soupwidgets-slider input[type=range]")
    last = page.locator(".soupwidgets-figure").nth(2)
    slider.press("Home")
    shots = []
    for step in range(11):
        if step:
            slider.press("ArrowRight")
        last.filter(has_text=f"at alpha {step / 10:g},").wait_for()
        page.wait_for_timeout(300)  # the figures move
        top, bottom = slider.bounding_box(), page.locator(".soupwidgets-tools").bounding_box()
        clip = {"x": 0, "y": top["y"] - 10, "width": 1300, "height": min(bottom["y"], 858) - top["y"]}
        shots.append(page.screenshot(clip=clip))
    film = write_film(ARTEFACTS / "drag.gif", shots)
    assert len(set(shots)) == 11
    assert film.stat().st_size < 1_500_000
