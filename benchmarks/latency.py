"""From the key to the screen: AlphaExplorer in a real JupyterLab and a real Chromium."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import nbformat
import numpy as np

from benchmarks.table import Row
from tests.browser.jupyter import chromium, fresh_page, running_browser, running_lab

CELL = """
import soupwidgets as sw
pool, suite = sw.Pool.open("../data/zoo/fashion"), sw.Suite.open("../data/suites/fashion")
explorer = sw.widgets.AlphaExplorer(sw.Evaluator(pool, suite, store=sw.Store(STORE)), "ft-03", alphas=11)
explorer
"""

# Time from an input event to the moment when all three figures were redrawn for the slider's value.
WATCH = """
() => {
  const roots = [...document.querySelectorAll(".soupwidgets-figure")];
  window.latencies = [];
  const wanted = (value) => `at alpha ${Number(Number(value).toPrecision(3))}`;
  document.addEventListener("input", (event) => event.target.type === "range" && start(event.target), true);
  const typed = ({ target }) => target.matches(".soupwidgets-number") && start(target);
  document.addEventListener("change", typed, true);
  function start(input) {
    if (!input.closest(".soupwidgets-slider")) return;
    const began = performance.now();
    const drawn = roots.map((root) => Number(root.dataset.drawn));
    const text = wanted(input.value);
    function check() {
      const done = roots.every((root, i) =>
        Number(root.dataset.drawn) > drawn[i] &&
        root.querySelector("details p").textContent.toLowerCase().includes(text));
      if (done) window.latencies.push(performance.now() - began);
      else if (performance.now() - began < 20000) requestAnimationFrame(check);
      else window.latencies.push(Infinity);
    }
    requestAnimationFrame(check);
  }
}
"""


def _latencies(page: Any, count: int) -> Any:
    page.wait_for_function("count => window.latencies.length >= count", arg=count, timeout=60_000)
    found = page.evaluate("() => window.latencies")
    page.evaluate("() => { window.latencies = []; }")
    return np.array(found)


def latency_rows(store: Path) -> list[Row]:
    """Arrow keys between stored alphas, then typed alphas that were never measured."""
    if chromium() is None:
        print("no Chromium on this machine: the latency rows are not run")
        return []
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL.replace("STORE", repr(str(store))))])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_lab(Path(folder)) as lab,
        running_browser() as browser,
        fresh_page(browser) as page,
    ):
        nbformat.write(notebook, lab.root / "notebooks" / "latency.ipynb")
        lab.open(page, "notebooks/latency.ipynb")
        lab.run_all(page)
        page.get_by_text("the curve is complete").wait_for(timeout=300_000)
        page.locator(".soupwidgets-figure[data-drawn]").nth(2).wait_for()
        page.evaluate(WATCH)
        slider = page.locator(".soupwidgets-slider input[type=range]")
        stored = []
        for key in (["ArrowRight"] * 5 + ["ArrowLeft"] * 5) * 6:
            slider.press(key)
            stored.append(_latencies(page, 1)[0])
        number = page.locator(".soupwidgets-slider .soupwidgets-number")
        coarse = []
        for value in range(20):
            number.fill(f"{0.312 + 0.02 * value:.3f}")
            number.press("Enter")
            coarse.append(_latencies(page, 1)[0])
    median, p95 = np.percentile(stored, [50, 95])
    first, first_p95 = np.percentile(coarse, [50, 95])
    return [
        Row(
            "slider to screen, alpha in the store",
            f"median {median:.0f} ms, 95th percentile {p95:.0f} ms",
            f"{len(stored)} key presses, three figures redrawn",
            float(p95 / 150),
            "95th percentile <= 150 ms",
            bool(p95 <= 150),
        ),
        Row(
            "slider to screen, new alpha, first coarse answer",
            f"median {first:.0f} ms, 95th percentile {first_p95:.0f} ms",
            f"{len(coarse)} typed values, three figures redrawn",
            float(first_p95 / 300),
            "95th percentile <= 300 ms",
            bool(first_p95 <= 300),
        ),
    ]
