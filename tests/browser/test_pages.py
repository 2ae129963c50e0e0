"""An exported site in a browser: what its pages measure is what the evaluator measures on the same images."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe, pages
from soupwidgets.panel.front_end import STATIC
from soupwidgets.topics.alpha.flip_strips import flips_near
from soupwidgets.widgets import AlphaExplorer, LandscapeExplorer, SoupMixer
from tests.browser.accessibility import faint_words, violations
from tests.browser.jupyter import ARTEFACTS, fresh_page
from tests.browser.site import served
from tests.fixtures import SITE_MODELS

MODELS = SITE_MODELS


@pytest.fixture
def address(exported_site: Path) -> Iterator[str]:
    with served(exported_site) as at:
        yield at


@pytest.fixture
def tab(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page without errors, of which a picture is kept."""
    errors: list[str] = []
    with fresh_page(browser) as page:
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_viewport_size({"width": 1400, "height": 900})
        yield page
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(ARTEFACTS / f"{request.node.name}.png"), full_page=True)
    assert errors == []


def status(page: Any, words: str) -> None:
    page.locator(".soupwidgets-status [role=status]").filter(has_text=words).wait_for(timeout=90_000)


def shown_words(page: Any) -> list[str]:
    """What the figures say, in their order."""
    return [one.text_content() for one in page.locator(".soupwidgets-figure details p").all()]


def said_by(view: Any) -> list[str]:
    return [figure["words"] for figure in view.to_json()["figures"]]


def points(page: Any) -> dict[str, list[float]]:
    """Where the marks of what is shown stand, with the lengths of their bars, by figure."""
    found: dict[str, list[float]] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".soupwidgets-figure")].flatMap((figure) => {
            const here = figure.querySelector(".js-plotly-plot").data.find(({ uid }) => uid === "here");
            if (!here) return [];
            const numbers = (list) => (list ?? []).filter((one) => typeof one === "number");
            return [[figure.dataset.name, [here.x, here.y, here.error_x?.array, here.error_x?.arrayminus,
                here.error_y?.array, here.error_y?.arrayminus].flatMap(numbers)]];
        }))"""
    )
    return found


def points_of(view: Any) -> dict[str, list[float]]:
    found = {}
    for figure in view.to_json()["figures"]:
        for here in (trace for trace in figure["data"] if trace["uid"] == "here"):
            bars = [here.get(error, {}).get(side, []) for error in ("error_x", "error_y") for side in
                    ("array", "arrayminus")]  # fmt: skip
            lists = [here["x"], here["y"], *bars]
            found[figure["name"]] = [one for each in lists for one in each if isinstance(one, float | int)]
    return found


def assert_same_points(page: Any, view: Any) -> None:
    found, expected = points(page), points_of(view)
    assert found.keys() == expected.keys()
    for name, numbers in expected.items():
        assert found[name] == pytest.approx(numbers, abs=1e-5), name


def test_a_free_alpha_has_the_evaluators_counts_and_words(
    tab: Any, address: str, exported_evaluator: Evaluator
) -> None:
    tab.goto(f"{address}/alpha.html")
    status(tab, "alpha 0.5: exact, 360 of 360 images")
    box = tab.get_by_role("textbox", name="alpha")
    box.fill("0.337")
    box.press("Enter")
    status(tab, "alpha 0.337: exact, 360 of 360 images")
    panel = AlphaExplorer(exported_evaluator, "ft-03")
    panel.wait(background=True)
    for shift in (None, "noise"):
        if shift:
            tab.get_by_label("Shift").select_option(shift)
            tab.locator(".soupwidgets-figure").filter(has_text="OOD (noise)").first.wait_for()
        view = panel.ask(alpha=0.337, shift=shift)
        # A panel draws alphas that it has been at into its curves; a page has those of the export.
        cut = [re.sub(r"for \d+ mixtures", "for some mixtures", words) for words in shown_words(tab)]
        assert cut == [re.sub(r"for \d+ mixtures", "for some mixtures", words) for words in said_by(view)]
        assert_same_points(tab, view)
    panel.close()
    assert "alpha=0.337" in tab.url


def test_images_that_flip_are_those_of_python(tab: Any, address: str, exported_evaluator: Evaluator) -> None:
    """Beside an alpha of nobody's, and beside a recorded one."""
    recipes = {
        a: exported_evaluator.evaluate(sw.wise_ft(exported_evaluator.pool, "ft-03", a))
        for a in [i / 20 for i in range(21)]
    }
    for alpha in (0.78, 0.75):
        tab.goto(f"{address}/alpha.html#alpha={alpha}&shift=rotate")
        status(tab, f"alpha {alpha:g}: exact")
        expected = flips_near(exported_evaluator.suite, recipes, alpha, exported_evaluator.suite.splits["rotate"])
        assert expected is not None
        assert expected.pictures
        strip = tab.locator("section.soupwidgets-part").filter(has_text=expected.title.split(". Click")[0])
        strip.locator("img[src^='data:image/png']").first.wait_for(timeout=60_000)
        images = strip.locator("img").all()
        assert [one.get_attribute("alt") for one in images] == [one.alt for one in expected.pictures]
        for one, picture in zip(images, expected.pictures, strict=True):
            png = base64.b64decode(one.get_attribute("src").split(",")[1])
            assert (np.asarray(Image.open(io.BytesIO(png)).convert("L")) == picture.image).all()
        said = [f"{one.label}{one.said}{one.mark} {one.verdict}" for one in expected.pictures]
        assert [one.text_content() for one in strip.locator("li").all()] == said


def test_a_soup_of_free_coefficients(tab: Any, address: str, exported_evaluator: Evaluator) -> None:
    recipe = {"zero-shot": 0.25, "ft-03": 0.9, "ft-00": -0.15}
    tab.goto(f"{address}/soup.html#coefficients={json.dumps(recipe)}")
    status(tab, "soup of 3 (by hand): exact, 360 of 360 images")
    mixer = SoupMixer(exported_evaluator, MODELS)
    mixer.wait(background=True)
    # A page shows no ensemble of a soup that was made by hand.
    without = [re.sub(r" (The )?ensemble of the same members: [^.]*(\.\d+[^.]*)*\.", "", words)
               for words in said_by(mixer.ask(coefficients=recipe, method=None))]  # fmt: skip
    found = shown_words(tab)
    assert found[0].split(" The ensemble")[0].rstrip(".") == without[0].split(" The ensemble")[0].rstrip(".")
    assert found[1] == without[1]
    assert_same_points(tab, mixer.ask(coefficients=recipe, method=None))
    tab.get_by_role("button", name="Uniform", exact=True).click()
    status(tab, "Uniform, from 2 ingredients): exact")
    assert_same_points(tab, mixer.ask(coefficients={}, method="uniform", of=MODELS[1:]))
    for name in MODELS:
        tab.get_by_role("textbox", name=f"coefficient of {name}, typed").fill("0")
    mixer.close()


def test_greedy_is_replayed_step_by_step_and_an_empty_soup_says_so(tab: Any, address: str) -> None:
    tab.goto(f"{address}/soup.html")
    tab.get_by_role("button", name="Greedy", exact=True).click()
    status(tab, "Greedy, from 2 ingredients")
    tab.locator(".soupwidgets-slider input[type=range]").first.press("ArrowLeft")
    tab.locator(".soupwidgets-notes").filter(has_text="Step 1 of 2").wait_for()
    nothing = json.dumps(dict.fromkeys(MODELS, 0))
    tab.goto(f"{address}/soup.html#coefficients={nothing}")
    status(tab, "the soup is empty")


def test_the_ring_is_measured_where_it_stands(tab: Any, address: str, exported_evaluator: Evaluator) -> None:
    explorer = LandscapeExplorer(exported_evaluator, MODELS, grid=9)
    place = explorer.plane.place(Recipe({"ft-03": 0.6, "zero-shot": 0.3, "ft-00": 0.1}))
    x, y = round(place.x, 3), round(place.y, 3)
    tab.goto(f"{address}/landscape.html#point=[{x},{y}]")
    status(tab, f"Model at ({x:.3g}, {y:.3g}): exact, 360 of 360 images")
    for quantity in ("loss", "error"):
        tab.get_by_label("Show").select_option(quantity)
        tab.locator(".soupwidgets-figure").filter(has_text=f"{quantity.title()} of the model").first.wait_for()
        view = explorer.ask(point=[x, y], quantity=quantity)
        assert shown_words(tab)[1] == said_by(view)[1]
        found, expected = points(tab)["point"], points_of(view)["point"]
        assert found == pytest.approx(expected, abs=2e-4)
    rows = [[cell.text_content() for cell in row.locator("th, td").all()] for row in tab.locator("tbody tr").all()]
    expected_rows = [row for table in view.tables[:2] for row in table.rows]
    assert rows[: len(expected_rows)] == [[str(cell) for cell in row] for row in expected_rows]
    explorer.close()
    handle = tab.locator(".soupwidgets-handle")
    handle.press("ArrowRight")
    tab.locator(".soupwidgets-status [role=status]").filter(has_not_text=f"({x:.3g}, {y:.3g})").wait_for()
    status(tab, "exact, 360 of 360 images")


def test_numbers_are_rounded_as_python_rounds(tab: Any) -> None:
    """Every share of so many images: what lies between two digits goes to the even one."""
    tab.goto("about:blank")
    tab.add_script_tag(path=STATIC / "rounding.js")
    tab.add_script_tag(path=Path(pages.__file__).parent / "static" / "numbers.js")
    for images in (64, 80, 400):
        shares = [correct / images for correct in range(images + 1)]
        for digits in (1, 2):
            found = tab.evaluate(
                "([shares, digits]) => shares.map((one) => percentWords(one, digits))", [shares, digits]
            )
            assert found == [f"{share:.{digits}%}" for share in shares]
    assert tab.evaluate("[-0.0625, 2.5, 3.5].map((one) => fixed(one, one > 0 ? 0 : 3))") == ["-0.062", "2", "4"]


def test_keys_move_alpha_over_mixtures_of_nobodys(tab: Any, address: str) -> None:
    tab.goto(f"{address}/alpha.html")
    slider = tab.locator(".soupwidgets-slider input[type=range]")
    slider.press("ArrowRight")
    status(tab, "alpha 0.51: exact")
    slider.press("ArrowLeft")
    status(tab, "alpha 0.5: exact")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", "alpha", "soup", "landscape"])
def test_words_can_be_read_and_nothing_is_wider_than_a_telephone(
    tab: Any, address: str, name: str, scheme: str
) -> None:
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.goto(f"{address}/{name}.html")
    if name != "index":
        tab.locator(".soupwidgets-figure .main-svg").first.wait_for()
        tab.wait_for_timeout(700)
    width = tab.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    assert faint_words(tab, "body", at_least=10) == []
    assert violations(tab, "body") == []


def test_it_works_without_a_network_and_asks_nobody_else(tab: Any, address: str) -> None:
    requests: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(f"{address}/alpha.html")
    tab.wait_for_function("document.documentElement.dataset.offline === 'ready'", timeout=90_000)
    tab.context.set_offline(True)
    tab.reload()
    tab.locator(".soupwidgets-figure .main-svg").first.wait_for(timeout=60_000)
    box = tab.get_by_role("textbox", name="alpha")
    box.fill("0.123")
    box.press("Enter")
    status(tab, "alpha 0.123: exact, 360 of 360 images")
    outside = [url for url in requests if not url.startswith((address, "blob:", "data:"))]
    assert outside == []
    assert any("engine/" in url for url in requests)
