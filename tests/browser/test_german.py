"""Pages in German: whatever is read or heard is German, nothing is cut although it is longer, and numbers agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import soupwidgets as sw
from soupwidgets import Evaluator
from soupwidgets.pages import export_site
from soupwidgets.widgets import AlphaExplorer
from tests.browser.accessibility import violations
from tests.browser.jupyter import ARTEFACTS, fresh_page
from tests.browser.site import served
from tests.browser.test_axe import OUTSIDE, drawn, settled
from tests.browser.test_pages import said_by, shown_words, status
from tests.messages import mirrored, nameless  # noqa: F401 - the first is a fixture

# Every text of a panel, and what stands for one: names of controls, tool tips, and what is written in empty boxes.
READ = """() => {
  const found = [];
  const panel = document.querySelector(".soupwidgets-panel");
  for (const one of [panel, ...panel.querySelectorAll("*:not(textarea)")]) {
    for (const name of ["aria-label", "aria-valuetext", "title", "data-title", "placeholder", "alt"]) {
      found.push(one.getAttribute(name));
    }
    for (const node of one.childNodes) if (node.nodeType === 3) found.push(node.textContent);
  }
  return [...new Set(found.filter((one) => one?.trim()))];
}"""


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    errors: list[str] = []
    with fresh_page(browser) as opened:
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.emulate_media(reduced_motion="reduce")
        yield opened
    assert errors == []


def recorded(ev: Evaluator, path: Path, language: str) -> str:
    """A page along alpha that was recorded in a language."""
    with sw.language(language):
        explorer = AlphaExplorer(ev, "ft-03", alphas=3)
    explorer.wait(background=True)
    explorer.image = 3
    explorer.wait()
    try:
        return explorer.to_html(path, shift=None).as_uri()
    finally:
        explorer.close()


def test_everything_that_the_front_end_says_is_translated(
    page: Any, exported_evaluator: Evaluator, mirrored: str, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    drawn(page, recorded(exported_evaluator, tmp_path / "page.html", mirrored))
    page.get_by_role("combobox").first.select_option(index=1)
    page.locator(".soupwidgets-part table").wait_for()
    # What is there only at times: two answers, a kept state, a slider that plays, and what went wrong.
    for tool in page.locator(".soupwidgets-tools > button:visible").all()[2:4]:
        tool.click()
    page.get_by_role("slider").press("End")
    page.locator(".soupwidgets-slider button").click()
    page.locator(".soupwidgets-slider [aria-pressed=true]").wait_for()
    page.wait_for_timeout(300)
    read = page.evaluate(READ)
    assert len(read) > 120
    words = {word for one in read for word in re.findall(r"[A-Za-z]{2,}", nameless(one, exported_evaluator))}
    # A symbol, and formats of files.
    assert words <= {"alpha", "SVG", "PNG", "CSV"}


def test_a_recorded_page(page: Any, exported_evaluator: Evaluator, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1400, "height": 1250})
    drawn(page, recorded(exported_evaluator, tmp_path / "seite.html", "de"))
    assert page.locator("html").get_attribute("lang") == "de"
    for name in (
        "Rückgängig",
        "Wiederholen",
        "Merken",
        "Vergleichen",
        "Vollbild",
        "Python kopieren",
        "alpha abspielen",
    ):
        page.get_by_role("button", name=name, exact=True).wait_for()
    page.get_by_role("slider", name="alpha").press("End")
    status(page, "alpha 1: exakt, 360 von 360 Bildern")
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(500)
    page.screenshot(path=str(ARTEFACTS / "german.png"), full_page=True)
    assert page.evaluate(OUTSIDE) == []
    assert violations(page) == []
    # Headings of a saved table are data.
    page.get_by_label("Zeigen").select_option("Genauigkeit jeder Klasse")
    page.locator("th", has_text="Prozentpunkte (95%-Intervall)").wait_for()
    page.locator("summary", has_text="Speichern").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Tabelle: Klassen von").click()
    assert Path(saved.value.path()).read_text("utf-8").splitlines()[0] == (
        'class,images,zero-shot,alpha 1,points (95% interval),"p, adjusted"'
    )
    page.get_by_role("button", name="Vergleichen").click()
    page.get_by_role("button", name="Vergleich beenden").wait_for()
    page.get_by_role("heading", name="Gemerkt: dasselbe").wait_for()
    page.get_by_role("button", name="Vergleich beenden").click()
    # A telephone.
    page.set_viewport_size({"width": 390, "height": 800})
    settled(page)
    page.screenshot(path=str(ARTEFACTS / "german-narrow.png"), full_page=True)
    assert page.evaluate(OUTSIDE) == []


@pytest.fixture
def address(exported_evaluator: Evaluator, tmp_path: Path) -> Iterator[str]:
    with sw.language("de"):
        export_site(tmp_path / "site", exported_evaluator, fine_tuned=["ft-03"], progress=False)
    with served(tmp_path / "site") as at:
        yield at


def test_a_page_that_measures_says_what_its_panel_says(page: Any, address: str, exported_evaluator: Evaluator) -> None:
    page.goto(f"{address}/alpha.html#alpha=0.337")
    status(page, "alpha 0.337: exakt, 360 von 360 Bildern")
    with sw.language("de"):
        panel = AlphaExplorer(exported_evaluator, "ft-03")
    panel.wait(background=True)
    view = panel.ask(alpha=0.337)
    some = [re.sub(r"für \d+ Mischungen", "für Mischungen", words) for words in shown_words(page)]
    assert some == [re.sub(r"für \d+ Mischungen", "für Mischungen", words) for words in said_by(view)]
    title = view.strips[0].title.removesuffix(". Ein Klick verfolgt eines davon")
    page.locator("section.soupwidgets-part h3").filter(has_text=title).wait_for(timeout=60_000)
    assert page.locator("section.soupwidgets-part h3").first.text_content() == title
    status(page, "exakt")
    page.get_by_text("Jede Mischung wird auf dieser Seite gemessen. Die letzte brauchte").wait_for()
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(ARTEFACTS / "german-site.png"), full_page=True)
    panel.close()
    page.goto(f"{address}/index.html")
    assert page.locator("html").get_attribute("lang") == "de"
    page.get_by_role("heading", name="Fashion-MNIST: Modelle mischen").wait_for()
