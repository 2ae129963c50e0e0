"""A room of visitors who all move sliders: ``soupwidgets serve`` and as many pages of a headless Chromium."""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sweep import ROOT
from benchmarks.table import Row
from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.topics.alpha.panel import AlphaExplorer
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
        return alone_rows(visitors, moves)
    with tempfile.TemporaryDirectory() as folder:
        server, link = _serve(Path(folder))
        try:
            rows = asyncio.run(_visited(server.pid, link, visitors, moves))
        finally:
            server.terminate()
            server.wait()
    return [*alone_rows(visitors, moves), *rows]


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
        heavy = (_memory(server) - alone) / max(1, visitors - 1)
        came = await asyncio.gather(*(_moving(page, number, moves) for number, page in enumerate(pages)))
        after = _memory(server)
        await browser.close()
    await asyncio.sleep(40)
    left = _memory(server)
    rows = _rows(
        f"{visitors} visitors, {visitors / _THINKS:.0f} moves a second between them",
        f"all pages on the same processors, {_DRAWING} of them draw figures",
        [one for each in came for one in each],
    )
    words = f"{heavy:.0f} MB each; {alone:.0f} MB with one, {after:.0f} MB after {visitors * moves} moves"
    rows.append(
        Row("memory of a visitor", words, f"after all left: {left:.0f} MB", heavy / 50, "<= 50 MB", heavy <= 50)
    )
    return rows


def alone_rows(visitors: int = VISITORS, moves: int = MOVES) -> list[Row]:
    """The same without browsers: as many explorers in one process, each moved by a thread of its own."""
    pool, suite = Pool.open(ROOT / "data" / "zoo" / "fashion"), Suite.open(ROOT / "data" / "suites" / "fashion")
    with tempfile.TemporaryDirectory() as folder:
        ev = Evaluator(pool, suite, device="cpu", store=Store(folder))
        panels = [AlphaExplorer(ev) for _ in range(visitors)]
        for panel in panels:
            panel.wait(600, background=True)
        came: list[tuple[str, float]] = []
        threads = [
            threading.Thread(target=_moved, args=(panel, number, moves, came)) for number, panel in enumerate(panels)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for panel in panels:
            panel.close()
    return _rows(f"{visitors} explorers in one process, {visitors / _THINKS:.0f} moves a second", "no browsers", came)


def _moved(panel: AlphaExplorer, number: int, moves: int, came: list[tuple[str, float]]) -> None:
    for wait, kind, alpha in _moves(number, moves):
        time.sleep(wait)
        began = time.monotonic()
        panel.alpha = alpha
        while not panel.view["words"].startswith(f"alpha {alpha:.4g}:"):
            time.sleep(0.005)
            # What a kernel's loop does.
            panel._work._show()
        came.append((kind, time.monotonic() - began))


def _moves(number: int, moves: int) -> Iterator[tuple[float, str, float]]:
    """Seconds to wait before each move of a visitor, its kind, and the alpha to go to."""
    draw = random.Random(number)
    for move in range(moves):
        wait = draw.uniform(0, _THINKS) if move == 0 else draw.uniform(0.5, 1.5) * _THINKS
        if move % 2:
            yield wait, "stored", round(0.05 * draw.randrange(21), 2)
        else:
            yield wait, "new", round(draw.uniform(0.01, 0.99), 3)


async def _enter(browser: Any, link: str, *, draws: bool) -> Any:
    context = await browser.new_context()
    if not draws:
        await context.add_init_script(_DOES_NOT_DRAW)
    page = await context.new_page()
    await page.goto(link)
    await page.locator(".soupwidgets-slider input[type=range]").wait_for(timeout=120_000)
    return page


async def _moving(page: Any, number: int, moves: int) -> list[tuple[str, float]]:
    came = []
    panel = page.locator(".soupwidgets-panel").first
    for wait, kind, alpha in _moves(number, moves):
        await asyncio.sleep(wait)
        came.append((kind, float(await panel.evaluate(_MOVE, alpha)) / 1000))
    return came


def _rows(what: str, there: str, came: list[tuple[str, float]]) -> list[Row]:
    stored, new = ([seconds for kind, seconds in came if kind == wanted] for wanted in ("stored", "new"))
    return [
        _row(f"{what}: stored alpha", stored, there, goal=1.0),
        _row(f"{what}: new alpha, first coarse answer", new, there, goal=3.0),
    ]


def _row(name: str, seconds: list[float], there: str, *, goal: float) -> Row:
    median, p95 = np.percentile(seconds, [50, 95])
    words = f"median {median:.2f} s, 95th percentile {p95:.2f} s"
    there = f"{len(seconds)} moves; {there}"
    return Row(name, words, there, float(p95 / goal), f"95th percentile <= {goal:g} s", bool(p95 <= goal))


def _memory(process: int) -> float:
    """Megabytes of a process, shared pages by their share."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
