"""Spectra in real JupyterLab and Chromium: slider, keys, and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soupwidgets import Evaluator
from soupwidgets.widgets import SpectrumExplorer
from tests.browser.jupyter import ARTEFACTS, Lab
from tests.browser.test_drag_alpha import write_notebook

SPECTRUM = """
import soupwidgets as sw
pool = sw.Pool.open([f"../data/zoo/fashion/{n}.safetensors" for n in ("zero-shot", "ft-03", "bad-lr")])
ev = sw.Evaluator(pool, sw.Suite.open("../data/suites/fashion"))
noise = sw.spectrum.read_label_noise_study("../data/studies/label-noise.json")
explorer = sw.widgets.SpectrumExplorer(ev, "ft-03", alphas=3, pairs=30, samples=16, noise=noise)
explorer
"""


def test_drag_alpha_and_read_the_spectrum(lab: Lab, page: Any) -> None:
    page.set_viewport_size({"width": 1400, "height": 900})
    lab.open(page, write_notebook(lab, "spectrum.ipynb", SPECTRUM))
    lab.run_all(page)
    page.get_by_text("the line is complete").wait_for(timeout=600_000)
    page.get_by_text("alpha 0.5 of ft-03: exact, 60 of 60 paths").wait_for()
    spectrum = page.locator("[data-name=spectrum] details p")
    spectrum.filter(has_text="alpha 0.5 of ft-03: mean frequency").wait_for(state="attached")
    slider = page.get_by_role("slider", name="alpha", exact=True)
    for _ in range(4):
        slider.press("ArrowRight")
    page.get_by_text("alpha 0.7 of ft-03: exact").wait_for()
    spectrum.filter(has_text="alpha 0.7 of ft-03: mean frequency").wait_for(state="attached")
    assert page.locator("section[aria-label^='Points of the path'] img").count() == 9
    page.mouse.move(5, 600)
    page.wait_for_timeout(1000)
    page.screenshot(path=str(ARTEFACTS / "spectrum.png"))
    page.get_by_role("button", name="Which waves disturb this model?").click()
    page.locator("[data-name=waves] h3", has_text="Error of alpha 0.7 of ft-03 with a wave").wait_for(timeout=600_000)
    page.get_by_text("waves on 100 of 100 images").wait_for(timeout=600_000)
    page.wait_for_timeout(500)
    page.screenshot(path=str(ARTEFACTS / "spectrum-images.png"))
    page.locator("[data-control=look] select").select_option(label="label noise")
    page.locator("[data-control=direction] select").select_option(label="random")
    page.locator("[data-name=fitting] h3", has_text="Does training follow random label noise?").wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=str(ARTEFACTS / "spectrum-noise.png"))
    page.locator("[data-control=look] select").select_option(label="every way to measure")
    page.locator("[data-name=treatments] h3", has_text="Is alpha 0.7 of ft-03 rougher than zero-shot").wait_for()
    page.locator("[data-name=treatments] details p", has_text="Of 45 ways to measure it").wait_for(state="attached")
    page.wait_for_timeout(500)
    page.screenshot(path=str(ARTEFACTS / "spectrum-treatments.png"))
    page.locator("[data-control=look] select").select_option(label="predictions along paths")
    page.set_viewport_size({"width": 390, "height": 844})
    page.keyboard.press("Control+b")
    page.locator("[data-name=spectrum]").scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    page.screenshot(path=str(ARTEFACTS / "spectrum-narrow.png"))
    assert page.locator("[role=alert]:visible").count() == 0


def test_the_page_needs_no_kernel_and_no_network(page: Any, evaluator: Evaluator, tmp_path: Path) -> None:
    spectrum = SpectrumExplorer(evaluator, "ft-03", alphas=2, pairs=10, samples=16)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(spectrum.to_html(tmp_path / "spectrum.html").as_uri())
    slider = page.get_by_role("slider", name="alpha", exact=True)
    slider.wait_for()
    spectra = page.locator("[data-name=spectrum] details p")
    spectra.filter(has_text="alpha 0 of ft-03: mean frequency").wait_for(state="attached")
    slider.press("End")
    spectra.filter(has_text="alpha 1 of ft-03: mean frequency").wait_for(state="attached")
    page.locator("[data-name=along] .main-svg").first.wait_for()
    spectrum.close()
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
