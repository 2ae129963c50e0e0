"""One panel in every host: JupyterLab in both themes, Voila and marimo; the same widget, the same numbers."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from soupwidgets import Evaluator, Store, demo, wise_ft
from tests.browser.accessibility import faint_words, violations
from tests.browser.jupyter import ARTEFACTS, Lab
from tests.browser.test_drag_alpha import write_notebook

CELL = """
import soupwidgets as sw
pool, suite = sw.demo()
explorer = sw.widgets.AlphaExplorer(sw.Evaluator(pool, suite), "ft-03", alphas=3)
explorer
"""
MARIMO = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    import soupwidgets as sw

    pool, suite = sw.demo()
    mo.ui.anywidget(sw.widgets.AlphaExplorer(sw.Evaluator(pool, suite), "ft-03", alphas=3))
    return


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What every host says of the third figure at alpha 1."""
    pool, suite = demo()
    measured = Evaluator(pool, suite, device="cpu", store=Store(tmp_path_factory.mktemp("store")))
    score = measured.evaluate(wise_ft(pool, "ft-03", 1.0)).scores["test"]
    return f"test {score.accuracy:.2%} ("


def move(page: Any, expected: str, name: str) -> None:
    """Wait for the curve, go to its end, and compare what the panel says; its words can be read."""
    page.get_by_text("the curve is complete").first.wait_for(timeout=600_000)
    page.locator(".soupwidgets-figure[data-drawn]").nth(2).wait_for()
    slider = page.locator(".soupwidgets-slider input[type=range]")
    slider.press("End") if slider.input_value() == "1" else slider.press("ArrowRight")
    page.get_by_text("alpha 1: exact").first.wait_for()
    page.locator(".soupwidgets-figure").nth(2).filter(has_text=expected).wait_for()
    page.wait_for_timeout(800)
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(ARTEFACTS / f"host-{name}.png"))
    assert faint_words(page, at_least=60) == []
    assert violations(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lab(lab: Lab, page: Any, expected: str, theme: str) -> None:
    settings = lab.root / "jupyter-config/lab/user-settings/@jupyterlab/apputils-extension"
    chosen = settings / "themes.jupyterlab-settings"
    chosen.write_text(f'{{"theme": "JupyterLab {theme.title()}"}}')
    try:
        page.set_viewport_size({"width": 1400, "height": 900})
        lab.open(page, write_notebook(lab, f"host-{theme}.ipynb", CELL))
        lab.run_all(page)
        move(page, expected, f"lab-{theme}")
        assert page.locator(".soupwidgets-panel").get_attribute("data-theme") == theme
        # The controls stay in view while the notebook scrolls.
        page.locator(".soupwidgets-tools").scroll_into_view_if_needed()
        page.locator(".jp-WindowedPanel-outer").evaluate("(outer) => outer.scrollBy(0, 300)")
        page.wait_for_timeout(300)
        top = page.locator(".soupwidgets-head").bounding_box()["y"]
        assert 0 < top < 250
    finally:
        chosen.unlink()


def test_voila(lab: Lab, page: Any, expected: str) -> None:
    path = write_notebook(lab, "host-voila.ipynb", CELL)
    command = ["-m", "voila", str(lab.root / path), "--no-browser", "--Voila.ip=127.0.0.1"]
    with serving(command, "--port={port}", lab.root / "notebooks") as address:
        page.goto(address)
        move(page, expected, "voila")


def test_marimo(page: Any, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text(MARIMO)
    command = ["-m", "marimo", "run", str(file), "--headless", "--no-token", "--host=127.0.0.1"]
    with serving(command, "--port={port}", tmp_path) as address:
        page.goto(address)
        move(page, expected, "marimo")


@contextmanager
def serving(command: list[str], port_option: str, folder: Path) -> Iterator[str]:
    """Run a server on a free port until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    log = folder / "server.log"
    with open(log, "wb") as out:
        whole = [sys.executable, *command, port_option.format(port=port)]
        process = subprocess.Popen(whole, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            end = time.monotonic() + 90
            while time.monotonic() < end and process.poll() is None:
                try:
                    urllib.request.urlopen(address, timeout=60).read(1)
                    break
                except OSError:
                    time.sleep(0.3)
            else:
                raise RuntimeError(re.sub(r"\s+\n", "\n", log.read_text()[-3000:]))
            yield address
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
