from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.jupyter import ARTEFACTS, Lab, chromium, fresh_page, running_browser, running_lab


@pytest.fixture(scope="session")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab, which is of no use without a browser."""
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests; without it a skip that is seen, and in continuous integration a failure."""
    if chromium() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium in continuous integration: the browser tests would be lost silently")
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with running_browser() as running:
        yield running


@pytest.fixture
def page(lab: Lab, browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A fresh page; what it logged as an error fails the test, and a picture is kept."""
    lab.close_sessions()
    errors: list[str] = []
    with fresh_page(browser) as opened:
        opened.on("pageerror", lambda error: errors.append(str(error)))
        yield opened
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        opened.screenshot(path=str(ARTEFACTS / f"{Path(request.node.name).name}.png"))
    assert errors == []
