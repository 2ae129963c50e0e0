"""The documentation's site in a browser: its live panel measures, and its pages can be read on every screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.accessibility import faint_words, violations
from tests.browser.jupyter import ARTEFACTS, fresh_page
from tests.browser.site import served

READ = {"front": "docs/index", "paper": "docs/papers/wise-ft", "reference": "docs/api/landscape"}
# Headings and paragraphs that are wider than their place.
CUT = """
[...document.querySelectorAll("article :is(h1, h2, h3, p)")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1)
  .map((one) => one.textContent)
"""


@pytest.fixture
def address(docs_site: Path) -> Iterator[str]:
    with served(docs_site) as at:
        yield at


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """A page in which no script fails."""
    errors: list[str] = []
    with fresh_page(browser) as page:
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
    assert errors == []


def frame_at(tab: Any, address: str, width: int = 1400) -> Any:
    """The live panel of the quick start, once it shows something."""
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(f"{address}/docs/quick-start.html")
    tab.locator(".live iframe").scroll_into_view_if_needed()
    frame = tab.frame_locator(".live iframe")
    frame.locator(".soupwidgets-figure .main-svg").first.wait_for(timeout=60_000)
    return frame


def test_the_live_panel_moves_by_keyboard_and_says_what_it_measures(tab: Any, address: str) -> None:
    frame = frame_at(tab, address)
    status = frame.locator(".soupwidgets-status [role=status]")
    status.filter(has_text="alpha 0.5: exact").wait_for(timeout=90_000)
    words = frame.locator(".soupwidgets-figure details p").first
    before = words.text_content()
    slider = frame.locator(".soupwidgets-slider input[type=range]")
    slider.press("ArrowRight")
    # Between the recorded alphas: measured here.
    status.filter(has_text="alpha 0.51: exact").wait_for(timeout=90_000)
    assert words.text_content() != before
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=str(ARTEFACTS / "docs-live.png"))


def test_a_panel_is_as_dark_as_the_page_around_it(tab: Any, address: str) -> None:
    """The theme's own switch, on a system that prefers light pages."""
    tab.emulate_media(color_scheme="light")
    frame = frame_at(tab, address)
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    panel = frame.locator("html")
    light = panel.evaluate(ground)
    tab.get_by_role("button", name="Color mode").locator("visible=true").click()
    tab.locator(".dropdown-menu.show [data-mode=dark]").click()
    frame.locator(".soupwidgets-panel[data-theme=dark]").wait_for()
    assert panel.evaluate(ground) != light
    tab.wait_for_timeout(700)
    tab.screenshot(path=str(ARTEFACTS / "docs-live-dark.png"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("name", READ)
def test_pages_can_be_read(tab: Any, address: str, name: str, width: int, scheme: str) -> None:
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 900})
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"{address}/{READ[name]}.html")
    tab.wait_for_load_state("networkidle")
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=str(ARTEFACTS / f"docs-{name}-{width}-{scheme}.png"))
    assert [url for url in asked if not url.startswith((address, "blob:", "data:"))] == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(CUT) == []
    assert faint_words(tab, "article", at_least=10) == []
    # Sphinx lays out a long signature as a list of descriptions without terms.
    assert [one for one in violations(tab, "article") if not one.startswith("definition-list ")] == []
