"""Pages that measure without a kernel: what has to be fetched, and how long the first picture and a recipe take."""

from __future__ import annotations

import gzip
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.sweep import ROOT
from benchmarks.table import Row, median_seconds
from soupwidgets import Evaluator, Pool, Store, Suite, export_site
from soupwidgets.panel.front_end import plotly_javascript
from soupwidgets.site import write_engine
from tests.browser.jupyter import fresh_page, running_browser
from tests.browser.site import open_engine, served

_IMAGES = 500
_CHECKPOINTS = ["zero-shot", "ft-03"]
_TIMED = """async (alphas) => {
    const times = [];
    for (const alpha of alphas) {
        const begun = performance.now();
        let first;
        const onCoarse = () => { first = performance.now() - begun; };
        await engine.measure({ "zero-shot": 1 - alpha, "ft-03": alpha }, { splits: ["test"], onCoarse });
        times.push([first, performance.now() - begun]);
    }
    return times;
}"""


def site_rows(repeats: int = 12) -> list[Row]:
    """Bytes of a page of two checkpoints on all splits, and the times of new recipes on one of them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        ev = Evaluator(
            Pool.open(ROOT / "data" / "zoo" / "fashion"), Suite.open(ROOT / "data" / "suites" / "fashion"),
            device="cpu", store=Store(folder / "store"), precision="float32",
        )  # fmt: skip
        manifest = write_engine(ev, folder / "engine", checkpoints=_CHECKPOINTS, examples=_IMAGES)
        rows = _sizes(folder / "engine", manifest)
        with running_browser() as browser, served(folder / "engine") as address:
            for workers in (1, 2):
                rows += _times(browser, address, workers, repeats, _pass_seconds(ev))
        site = export_site(folder / "site", ev, fine_tuned=_CHECKPOINTS[1:], examples=_IMAGES, progress=False)
        with running_browser() as browser, served(site.folder) as address:
            rows += _page_rows(browser, address, site.megabytes["alpha.html"], len(ev.suite.splits))
    return rows


def _page_rows(browser: Any, address: str, megabytes: float, splits: int, repeats: int = 6) -> list[Row]:
    """The exported page along alpha, as a visitor has it."""
    with fresh_page(browser) as page:
        begun = time.perf_counter()
        page.goto(f"{address}/alpha.html")
        page.locator(".soupwidgets-figure .main-svg").first.wait_for()
        first = time.perf_counter() - begun
        page.wait_for_function("document.documentElement.dataset.offline === 'ready'")
        whole = time.perf_counter() - begun
        recipe = statistics.median(_recipe_seconds(page, f"{0.1123 + i / 10:.4g}") for i in range(repeats))
    return [
        Row(
            "the page along alpha, all that a visitor fetches", f"{megabytes:.2f} MB",
            f"{splits} splits of {_IMAGES} images, two models", megabytes / 8, "<= 8 MB", megabytes <= 8,
        ),
        Row(
            "its first picture", f"{first:.2f} s", f"until all is loaded and kept: {whole:.2f} s", first / whole,
            "<= 2 s", first <= 2,
        ),
        Row(
            f"a new recipe in it, for each {_IMAGES} images", f"{recipe / splits:.2f} s",
            f"all {splits} splits: {recipe:.2f} s", 1 / splits, "<= 1 s", recipe / splits <= 1,
        ),
    ]  # fmt: skip


def _recipe_seconds(page: Any, alpha: str) -> float:
    box = page.get_by_role("textbox", name="alpha")
    begun = time.perf_counter()
    box.fill(alpha)
    box.press("Enter")
    page.locator(".soupwidgets-status").filter(has_text=f"alpha {alpha}: exact").wait_for()
    return time.perf_counter() - begun


def _sizes(folder: Path, manifest: dict[str, Any]) -> list[Row]:
    library = manifest["library"]["wasm"]
    engine = len(gzip.compress((folder / "engine.js").read_bytes()))
    engine += sum(file["packed"] for file in _files([library, manifest["worker"]]))
    rest = {name: part for name, part in manifest.items() if name not in ("library", "worker")}
    whole = engine + sum(file["packed"] for file in _files(rest))
    whole += len(gzip.compress((folder / "manifest.json").read_bytes()))
    plotly = len(gzip.compress(plotly_javascript().encode()))
    splits = len(manifest["splits"])
    return [
        Row(
            "a page's engine, packed", f"{engine / 1e6:.2f} MB", f"plotly.js: {plotly / 1e6:.2f} MB", engine / plotly,
            "<= 3.5 MB", engine <= 3.5e6,
        ),
        Row(
            f"with plotly.js, two models and {splits} splits of {_IMAGES} images", f"{(whole + plotly) / 1e6:.2f} MB",
            f"plotly.js: {plotly / 1e6:.2f} MB", (whole + plotly) / plotly, "<= 8 MB", whole + plotly <= 8e6,
        ),
    ]  # fmt: skip


def _files(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict) and "sha256" in part:
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _files(inner)


def _times(browser: Any, address: str, workers: int, repeats: int, ours: float) -> list[Row]:
    with fresh_page(browser) as page:
        begun = time.perf_counter()
        open_engine(page, address, workers=workers)
        start = time.perf_counter() - begun
        # The first recipe fetches the images.
        times = page.evaluate(_TIMED, np.linspace(-0.5, 1.5, repeats + 1).tolist())[1:]
    first, whole = (statistics.median(column) / 1e3 for column in zip(*times, strict=True))
    by = f"in a page, {workers} worker{'s' if workers > 1 else ''}"
    return [
        Row(
            f"the engine's start {by}", f"{start:.2f} s", f"then a recipe: {whole:.2f} s", start / whole, "<= 3 s",
            start <= 3,
        ),
        Row(
            f"a new recipe on {_IMAGES} images {by}", f"{whole * 1e3:.0f} ms",
            f"the evaluator's network, {torch.get_num_threads()} threads: {ours * 1e3:.0f} ms", whole / ours,
            "<= 1 s", whole <= 1,
        ),
        Row(
            f"its first answer {by}", f"{first * 1e3:.0f} ms", f"the exact one: {whole * 1e3:.0f} ms", first / whole,
            "<= 300 ms", first <= 0.3,
        ),
    ]  # fmt: skip


def _pass_seconds(ev: Evaluator) -> float:
    split = ev.suite.splits["test"]
    inputs, _ = ev.batch(split, np.arange(_IMAGES))
    with ev.model("ft-03") as network, torch.inference_mode():
        return median_seconds(lambda: network(inputs))
