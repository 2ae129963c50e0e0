"""A room of visitors in real browsers: a token, tabs, results that serve all, and places that become free."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.jupyter import ARTEFACTS

# As the command does it, but for two visitors, who are gone two seconds after they left.
SERVER = """
import sys
import soupwidgets as sw
from soupwidgets.serving.engine import Engine
from soupwidgets.serving.server import run, web_app
from soupwidgets.serving.visits import Room

pool, suite = sw.demo()
engine = Engine(sw.Evaluator(pool, suite, store=sw.Store(sys.argv[1])), sys.argv[2])
run(web_app(Room(engine, 2), "secret", stays=2), "127.0.0.1", int(sys.argv[3]))
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    from tests.browser.test_hosts import serving

    command = ["-c", SERVER, str(tmp_path / "store"), str(tmp_path / "reviews.sqlite")]
    with serving(command, "{port}", tmp_path) as address:
        yield address


def enter(browser: Any, address: str, query: str = "?access_token=secret", **options: Any) -> Any:
    page = browser.new_context(**options).new_page()
    page.goto(f"{address}/{query}")
    return page


def test_a_room(browser: Any, served: str) -> None:
    stranger = enter(browser, served, "")
    stranger.get_by_text("Access Token").first.wait_for()
    assert stranger.locator(".soupwidgets-panel").count() == 0

    first, second = enter(browser, served), enter(browser, served, viewport={"width": 390, "height": 800})
    for page in (first, second):
        page.locator(".soupwidgets-figure[data-drawn]").first.wait_for(timeout=60_000)
    assert [tab.inner_text() for tab in first.get_by_role("tab").all()][:3] == [
        "Alpha explorer", "Soup mixer", "Frontier explorer"
    ]  # fmt: skip
    # Each has a slider of one's own; what the first measured, the second sees.
    number = ".soupwidgets-slider .soupwidgets-number"
    for page in (first, second):
        page.locator(number).first.fill("0.35")
        page.locator(number).first.press("Enter")
        page.get_by_text("alpha 0.35: exact").first.wait_for(timeout=60_000)
    first.locator(number).first.fill("0.7")
    first.locator(number).first.press("Enter")
    first.get_by_text("alpha 0.7: ").first.wait_for(timeout=60_000)
    assert "alpha 0.35: exact" in second.locator(".soupwidgets-panel").first.inner_text()
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    first.wait_for_timeout(1000)
    first.screenshot(path=str(ARTEFACTS / "serve.png"))
    first.get_by_role("tab", name="Soup mixer").click()
    first.locator(".soupwidgets-figure[data-drawn]").first.wait_for(timeout=60_000)
    # A visitor writes no files on the machine of somebody else.
    assert first.get_by_role("button", name="Uniform", exact=True).is_visible()
    assert not first.get_by_role("button", name="Save soup").is_visible()
    second.screenshot(path=str(ARTEFACTS / "serve-telephone.png"))

    third = enter(browser, served)
    third.get_by_text("The room is full").wait_for(timeout=60_000)
    second.context.close()
    third.locator(".soupwidgets-figure[data-drawn]").first.wait_for(timeout=60_000)


def test_the_command_says_where_to_look(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "soupwidgets.cli", "serve", "--store", str(tmp_path / "store"), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                break
    finally:
        process.terminate()
        process.wait(120)
    assert "at most 60 visitors" in said
    assert re.search(r"http://127\.0\.0\.1:\d+/\?access_token=\S{16}\n", said)
    assert "this machine alone" in said
