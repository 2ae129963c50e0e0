"""Spectra in real JupyterLab and Chromium: slider, keys, and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import soupwidgets as sw
from soupwidgets import Evaluator, wise_ft
from soupwidgets.widgets import SpectrumExplorer
from tests.browser.jupyter import ARTEFACTS, Lab
from tests.browser.test_drag_alpha import write_notebook
from tests.browser.test_frontier import wait_words, words

SPECTRUM = """
import soupwidgets as sw
pool = sw.Pool.open([f"../data/zoo/fashion/{n}.safetensors" for n in ("zero-shot", "ft-03", "bad-lr")])
ev = sw.Evaluator(pool, sw.Suite.open("../data/suites/fashion"))
noise = sw.spectrum.read_label_noise_study("../data/studies/label-noise.json")
explorer = sw.widgets.SpectrumExplorer(ev, "ft-03", alphas=3, pairs=60, samples=32, noise=noise)
explorer
"""


def test_drag_alpha_and_read_the_spectrum(lab: Lab, page: Any, evaluator: Evaluator) -> None:
    page.set_viewport_size({"width": 1400, "height": 1700})
    lab.open(page, write_notebook(lab, "spectrum.ipynb", SPECTRUM))
    page.keyboard.press("Control+b")
    lab.run_all(page)
    page.get_by_text("the line is complete").wait_for(timeout=240_000)
    page.get_by_text("alpha 0.5 of ft-03: exact, 120 of 120 paths").wait_for()
    paths = sw.spectrum.image_paths(evaluator.suite.id_test, "between", 60, 32)

    def centroid(name: str, alpha: float) -> str:
        found = sw.spectrum.path_spectrum(evaluator, wise_ft(evaluator.pool, name, alpha), paths, progress=False)
        return f"alpha {alpha:g} of {name}: mean frequency {found.centroid.value:.3g}"

    wait_words(page, centroid("ft-03", 0.5))
    slider = page.get_by_role("slider", name="alpha", exact=False).first
    for _ in range(10):
        slider.press("ArrowRight")
    page.get_by_text("alpha 1 of ft-03: exact").wait_for()
    wait_words(page, centroid("ft-03", 1.0))
    assert page.locator("section[aria-label^='points of the path'] img").count() == 9
    page.wait_for_timeout(500)
    page.screenshot(path=str(ARTEFACTS / "spectrum-full.png"))
    box = page.locator(".soupwidgets-slider").first.bounding_box()
    page.screenshot(path=str(ARTEFACTS / "spectrum.png"), clip={"x": 120, "y": box["y"], "width": 1230, "height": 500})

    # By keyboard: other paths, another model, and the waves.
    page.get_by_label("Paths", exact=True).select_option("within a class")
    wait_words(page, "Power spectrum of probabilities within a class")
    page.get_by_label("Fine-tuned", exact=True).select_option("bad-lr")
    page.get_by_text("alpha 1 of bad-lr: exact").wait_for(timeout=120_000)
    page.get_by_role("button", name="Which waves disturb this model?").click()
    page.get_by_text("Error of alpha 1 of bad-lr with a wave of norm 4 added").first.wait_for(timeout=240_000)
    page.get_by_label("Label noise", exact=True).select_option("random")
    page.get_by_text("Does training follow random label noise?").first.wait_for()
    assert page.locator("[role=alert]").count() == 0


def test_the_page_needs_no_kernel_and_no_network(page: Any, evaluator: Evaluator, tmp_path: Path) -> None:
    spectrum = SpectrumExplorer(evaluator, "ft-03", alphas=2, pairs=10, samples=16)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(spectrum.to_html(tmp_path / "spectrum.html").as_uri())
    slider = page.get_by_role("slider")
    slider.wait_for()
    assert "alpha 0 of ft-03: mean frequency" in words(page)
    slider.press("ArrowRight")
    wait_words(page, "alpha 1 of ft-03: mean frequency")
    spectrum.close()
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
