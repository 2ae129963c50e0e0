"""The verdict on a pool, as a page that needs no kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soupwidgets import Evaluator
from soupwidgets.topics.diagnosis import diagnose
from soupwidgets.widgets import DiagnosisExplorer
from tests.browser.jupyter import ARTEFACTS

NAMES = ["zero-shot", "ft-00", "ft-03", "ft-05", "ft-08", "ft-14", "ft-21", "bad-lr", "other-seed"]


def test_the_verdict_comes_first(page: Any, small_evaluator: Evaluator, tmp_path: Path) -> None:
    explorer = DiagnosisExplorer(small_evaluator, NAMES)
    path = explorer.to_html(tmp_path / "diagnosis.html")
    found = diagnose(small_evaluator, explorer.models, progress=False)
    explorer.close()
    page.goto(path.as_uri())
    page.get_by_text(found.sentence).first.wait_for()
    page.locator(".soupwidgets-figure .main-svg").first.wait_for()
    for finding in found.findings:
        assert page.get_by_role("cell", name=finding.advice).count() == 1
    page.screenshot(path=str(ARTEFACTS / "diagnosis.png"))
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")
    page.screenshot(path=str(ARTEFACTS / "diagnosis-narrow.png"), full_page=True)
