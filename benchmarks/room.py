"""A room of visitors who all move sliders: ``soupwidgets serve`` and as many pages of a headless Chromium."""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sweep import ROOT
from benchmarks.table import Row
from tests.browser.jupyter import CHROMIUM_FLAGS, chromium

VISITORS, MOVES = 30, 8
# So many of the pages draw their figures, the others show everything else: in a room every browser has a processor of
# its own, and thirty that draw on the two of the server would measure themselves.
_DRAWING = 4
_DOES_NOT_DRAW = "window.__soupwidgets = { asking: Infinity, waiting: [] };"
# Seconds between two moves of a visitor: to look at what came, and to decide.
_THINKS = 6.0
# Sets the slider as a hand does, and returns milliseconds until the panel's words are about that alpha.
_MOVE = """
(panel, value) => new Promise((resolve) => {
  const input = panel.querySelector(".soupwidgets-slider .soupwidgets-number");
  const began = performance.now();
  input.value = String(value);
  input.dispatchEvent(new Event("change", { bubbles: true }));
  const about = new RegExp(`alpha ${String(value).replace(".", "\\\\.")}:`);
  const look = () => {
    if (about.test(panel.textContent)) resolve(performance.now() - began);
    else if (performance.now() - began > 60000) resolve(Infinity);
    else setTimeout(look, 10);
  };
  look();
})
"""


def room_rows(visitors: int = VISITORS, moves: int = MOVES) -> list[Row]:
    """Half of the moves go to alphas of the sweep, which are stored, half to alphas that nobody asked for before."""
    if chromium() is None:
        print("no Chromium on this machine: the rows of the room are not run")
        return []
    with tempfile.TemporaryDirectory() as folder:
        server, link = _serve(Path(folder))
        try:
            return asyncio.run(_visited(server.pid, link, visitors, moves))
        finally:
            server.terminate()
            server.wait()


def _serve(folder: Path) -> tuple[subprocess.Popen[str], str]:
    zoo, suite = ROOT / "data" / "zoo" / "fashion", ROOT / "data" / "suites" / "fashion"
    command = [
        sys.executable, "-m", "soupwidgets.cli", "serve", "--pool", zoo, "--suite", suite, "--store", folder,
        "--port", "0", "--visitors", "100",
    ]  # fmt: skip
    server = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert server.stdout is not None
    for line in server.stdout:
        if found := re.search(r"http://\S+", line):
            return server, found[0]
    raise RuntimeError("the server said nothing of a link")


async def _visited(server: int, link: str, visitors: int, moves: int) -> list[Row]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        first = await _enter(browser, link, draws=True)
        # The first visitor's sweep fills the store; what many have in common comes after it.
        await first.get_by_text("the curve is complete").first.wait_for(timeout=600_000)
        alone = _memory(server)
        pages = [first, *[await _enter(browser, link, draws=number < _DRAWING) for number in range(1, visitors)]]
        await asyncio.sleep(10)
        each = (_memory(server) - alone) / max(1, visitors - 1)
        came = await asyncio.gather(*(_moving(page, number, moves) for number, page in enumerate(pages)))
        after = _memory(server)
        await browser.close()
    stored = np.array([ms for one in came for kind, ms in one if kind == "stored"]) / 1000
    new = np.array([ms for one in came for kind, ms in one if kind == "new"]) / 1000
    await asyncio.sleep(40)
    left = _memory(server)
    what = f"{visitors} visitors, {visitors / _THINKS:.0f} moves a second between them"
    rows = [
        _row(f"{what}: stored alpha", stored, 1.0),
        _row(f"{what}: new alpha, first coarse answer", new, 3.0),
    ]
    words = f"{each:.0f} MB each; {alone:.0f} MB with one, {after:.0f} MB after {visitors * moves} moves"
    rows.append(Row("memory of a visitor", words, f"after all left: {left:.0f} MB", each / 50, "<= 50 MB", each <= 50))
    return rows


async def _enter(browser: Any, link: str, *, draws: bool) -> Any:
    context = await browser.new_context()
    if not draws:
        await context.add_init_script(_DOES_NOT_DRAW)
    page = await context.new_page()
    await page.goto(link)
    await page.locator(".soupwidgets-slider input[type=range]").wait_for(timeout=120_000)
    return page


async def _moving(page: Any, number: int, moves: int) -> list[tuple[str, float]]:
    draw, came = random.Random(number), []
    panel = page.locator(".soupwidgets-panel").first
    await asyncio.sleep(draw.uniform(0, _THINKS))
    for move in range(moves):
        began = time.monotonic()
        if move % 2:
            kind, alpha = "stored", round(0.05 * draw.randrange(21), 2)
        else:
            kind, alpha = "new", round(draw.uniform(0.01, 0.99), 3)
        came.append((kind, float(await panel.evaluate(_MOVE, alpha))))
        await asyncio.sleep(max(0.0, draw.uniform(0.5, 1.5) * _THINKS - (time.monotonic() - began)))
    return came


def _row(name: str, seconds: Any, goal: float) -> Row:
    median, p95 = np.percentile(seconds, [50, 95])
    words = f"median {median:.2f} s, 95th percentile {p95:.2f} s"
    there = f"{len(seconds)} moves; all pages on the same processors, {_DRAWING} of them draw figures"
    return Row(name, words, there, float(p95 / goal), f"95th percentile <= {goal:g} s", bool(p95 <= goal))


def _memory(process: int) -> float:
    """Megabytes of a process, shared pages by their share."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
