"""Which soup to take, as a page that needs no kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soupwidgets import Evaluator
from soupwidgets.widgets import ParetoExplorer
from tests.browser.jupyter import ARTEFACTS


def test_what_is_measured_is_filled(page: Any, small_evaluator: Evaluator, tmp_path: Path) -> None:
    explorer = ParetoExplorer(small_evaluator, ["zero-shot", "ft-03", "ft-08"], ["val", "noise"])
    path = explorer.to_html(tmp_path / "pareto.html", preference=0.5)
    words = explorer.ask(preference=0.5).words
    explorer.close()
    page.goto(path.as_uri())
    page.get_by_text(words).first.wait_for()
    page.locator(".soupwidgets-figure .main-svg").first.wait_for()
    assert page.get_by_role("rowheader", name="noise", exact=True).count() == 1
    for called in ("foretold, not measured", "measured, not beaten", "knee"):
        assert page.get_by_text(called, exact=True).count() >= 1
    page.screenshot(path=str(ARTEFACTS / "pareto.png"))
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")
    page.screenshot(path=str(ARTEFACTS / "pareto-narrow.png"), full_page=True)
