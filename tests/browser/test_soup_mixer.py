"""The mixer in real JupyterLab and Chromium: sliders, lock, sort, filter, lasso, greedy and its replay."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from soupwidgets import Evaluator, Recipe, greedy_soup, uniform_soup
from soupwidgets.checkpoints import CheckpointFile
from tests.browser.jupyter import ARTEFACTS, Lab
from tests.browser.test_drag_alpha import write_notebook

CELL = """
import soupwidgets as sw
pool, suite = sw.Pool.open("../data/zoo/fashion"), sw.Suite.open("../data/suites/fashion")
ev = sw.Evaluator(pool, suite)
mixer = sw.widgets.SoupMixer(ev, ["zero-shot", "ft-00", "ft-03", "ft-05", "ft-08", "bad-lr"])
mixer
"""


def open_mixer(lab: Lab, page: Any, name: str) -> None:
    page.set_viewport_size({"width": 1500, "height": 1300})
    lab.open(page, write_notebook(lab, name, CELL))
    lab.run_all(page)
    page.get_by_text("every ingredient is measured").wait_for(timeout=600_000)
    page.locator(".soupwidgets-figure[data-drawn]").nth(1).wait_for()
    page.keyboard.press("Control+b")


def coefficients(page: Any) -> dict[str, float]:
    found = {}
    for row in page.locator(".soupwidgets-coefficients tbody tr").all():
        value = float(row.locator(".soupwidgets-number").input_value())
        if value:
            found[row.locator("th").text_content()] = value
    return found


def shown_counts(page: Any) -> dict[str, int]:
    text = page.locator(".soupwidgets-figure details p").nth(1).text_content()
    return {name: int(correct) for name, correct in re.findall(r"(\w+) [\d.]+% \([^)]*?, (\d+) of \d+\)", text)}


def wait_exact(page: Any, members: int) -> None:
    page.get_by_role("status").filter(has_text=re.compile(rf"soup of {members} \(.*\): exact")).first.wait_for()


def wait_counts(page: Any, expected: dict[str, int]) -> None:
    for _ in range(600):
        if shown_counts(page) == expected:
            return
        page.wait_for_timeout(100)
    assert shown_counts(page) == expected


def expected_counts(evaluator: Evaluator, recipe: Recipe) -> dict[str, int]:
    return {name: score.correct for name, score in evaluator.evaluate(recipe).scores.items()}


def test_sliders_switches_and_the_sum(lab: Lab, page: Any, evaluator: Evaluator) -> None:
    open_mixer(lab, page, "mix.ipynb")
    wait_exact(page, 4)
    names = ["ft-00", "ft-03", "ft-05", "ft-08"]
    assert coefficients(page) == dict.fromkeys(names, 0.25)
    wait_counts(page, expected_counts(evaluator, uniform_soup(evaluator.pool, names)))

    slider = page.get_by_label("coefficient of ft-03", exact=True)
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.25 * box["width"] + 4, middle)
    page.mouse.down()
    for step in range(20):
        page.mouse.move(box["x"] + (0.25 + 0.04 * step) * box["width"], middle)
    page.mouse.move(box["x"] + 0.7 * box["width"], middle)
    page.mouse.up()
    moved = coefficients(page)
    assert 0.6 < moved["ft-03"] < 0.8
    assert sum(moved.values()) == pytest.approx(1, abs=1e-3)
    assert moved["ft-00"] == moved["ft-05"] == moved["ft-08"]  # proportions were kept, also through 1

    number = page.get_by_label("coefficient of ft-03, typed")
    number.fill("0.7")
    number.press("Enter")
    page.get_by_label("ft-05 is in the soup").uncheck()
    wait_exact(page, 3)
    left = coefficients(page)
    assert left == pytest.approx({"ft-00": 0.1111, "ft-03": 0.7778, "ft-08": 0.1111}, abs=1e-4)
    page.get_by_role("status").filter(has_text="by hand").wait_for()  # no method made this one
    page.get_by_label("keep the sum at 1").uncheck()
    for name, value in (("ft-03", "0,5"), ("ft-08", "0.3"), ("ft-00", "0.2")):
        number = page.get_by_label(f"coefficient of {name}, typed")
        number.fill(value)
        number.press("Enter")
    page.locator("output", has_text="sum 1.000").wait_for()
    wait_exact(page, 3)
    recipe = Recipe({"ft-03": 0.5, "ft-08": 0.3, "ft-00": 0.2})
    wait_counts(page, expected_counts(evaluator, recipe))
    assert page.locator("[role=alert]:visible").count() == 0


def test_sort_filter_and_lasso(lab: Lab, page: Any) -> None:
    open_mixer(lab, page, "rows.ipynb")
    rows = page.locator(".soupwidgets-coefficients tbody tr:not([hidden])")
    page.get_by_role("button", name="ID test %").click()
    shown = [float(row.locator("td").nth(3).text_content()) for row in rows.all()]
    assert shown == sorted(shown, reverse=True)
    page.get_by_role("button", name="ID test %").click()
    assert rows.first.locator("th").text_content() == "bad-lr"
    assert page.locator("th[aria-sort=ascending]").text_content() == "ID test %"

    page.get_by_label("Filter ingredients").fill("ft-0")
    assert rows.count() == 4
    page.get_by_text("4 of 6", exact=True).wait_for()
    page.get_by_role("button", name="Show all").click()
    assert rows.count() == 6

    # A lasso around the upper left corner, where the zero-shot model is alone.
    page.locator(".soupwidgets-figure .nsewdrag").first.scroll_into_view_if_needed()
    plot = page.locator(".soupwidgets-figure .nsewdrag").first.bounding_box()
    x, y = plot["x"] + 4, plot["y"] + 4
    page.mouse.move(x, y)
    page.mouse.down()
    for dx, dy in ((0.4, 0), (0.4, 0.4), (0, 0.4), (0, 0)):
        page.mouse.move(x + dx * plot["width"], y + dy * plot["height"], steps=5)
    page.mouse.up()
    page.get_by_text("1 of 6", exact=True).wait_for()
    assert rows.locator("th").all_text_contents() == ["zero-shot"]
    # The same with the keyboard.
    chosen = page.locator("[data-control=chosen]")
    chosen.locator("summary").press("Enter")
    assert chosen.locator("summary").text_content() == "Chosen ingredients: 1 of 6"
    chosen.get_by_label("ft-08").press("Space")
    page.get_by_text("2 of 6", exact=True).wait_for()
    assert sorted(rows.locator("th").all_text_contents()) == ["ft-08", "zero-shot"]


def test_greedy_its_replay_and_the_file(lab: Lab, page: Any, evaluator: Evaluator) -> None:
    open_mixer(lab, page, "greedy.ipynb")
    # The bad ingredient is put in first: the page says why not to.
    page.get_by_label("bad-lr is in the soup").check()
    page.get_by_text("'ft-03' and 'bad-lr' lies a barrier").wait_for(timeout=120_000)
    page.screenshot(path=str(ARTEFACTS / "mixer-bad.png"))
    # A method that takes long can be stopped, and the soup is what it was.
    before = coefficients(page)
    page.get_by_role("button", name="Learned", exact=True).click()
    page.get_by_text(re.compile("Learned: step")).wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("status").filter(has_text="by hand").wait_for()
    assert coefficients(page) == before
    page.get_by_role("button", name="Greedy", exact=True).click()
    soup = greedy_soup(evaluator, ["ft-00", "ft-03", "ft-05", "ft-08"], progress=False)
    wait_exact(page, len(soup.ingredients))
    page.get_by_text(re.compile("Step 4 of 4")).first.wait_for()
    assert coefficients(page) == pytest.approx(dict(soup.recipe), abs=1e-4)
    page.locator(".soupwidgets-figure[data-drawn]").nth(2).wait_for()
    page.wait_for_timeout(1000)
    page.locator(".soupwidgets-panel").first.screenshot(path=str(ARTEFACTS / "mixer.png"))
    ticks = page.locator(".soupwidgets-figure[data-name=trace] .xtick").all_text_contents()
    assert [tick for tick in ticks if tick] == ["1", "2", "3", "4"]

    step = page.locator("[data-control=step] input[type=range]")
    step.press("ArrowLeft")
    page.get_by_text(re.compile("Step 3 of 4")).first.wait_for()
    step.press("ArrowLeft")
    page.get_by_text(re.compile("Step 2 of 4")).first.wait_for()
    recipe = soup.after(2)
    wait_exact(page, len(recipe))
    assert coefficients(page) == pytest.approx(dict(recipe), abs=1e-4)

    page.get_by_label("File", exact=True).fill("mixed.safetensors")
    page.get_by_role("button", name="Save soup").click()
    page.get_by_text("saved as mixed.safetensors").wait_for()
    assert CheckpointFile(lab.root / "notebooks" / "mixed.safetensors").card.name == "mixed"

    page.get_by_role("button", name="Uniform", exact=True).click()
    page.get_by_role("status").filter(has_text="Uniform, from 4").wait_for()
    assert not step.is_visible()
    assert page.locator(".soupwidgets-figure").count() == 2


@pytest.mark.usefixtures("lab")
def test_the_page_replays_without_a_kernel(page: Any, evaluator: Evaluator, tmp_path: Path) -> None:
    from soupwidgets.widgets import SoupMixer

    mixer = SoupMixer(evaluator, ["zero-shot", "ft-00", "ft-03", "ft-05"])
    path = mixer.to_html(tmp_path / "soup.html")
    mixer.close()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.locator(".soupwidgets-figure .main-svg").first.wait_for()
    step = page.locator(".soupwidgets-slider input[type=range]")
    for _ in range(2):
        step.press("ArrowLeft")
    soup = greedy_soup(evaluator, ["ft-00", "ft-03", "ft-05"], progress=False)
    page.get_by_text(f"{soup.steps[0].candidate} is the first").first.wait_for()
    assert shown_counts(page) == expected_counts(evaluator, soup.after(1))
    for _ in range(2):
        step.press("ArrowRight")
    page.get_by_text("Step 3 of 3").first.wait_for()
    assert shown_counts(page) == expected_counts(evaluator, soup.recipe)
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
