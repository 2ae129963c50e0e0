"""One page for everybody: the reviewer in a real Voila, two visitors at once, one store."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soupwidgets.suites import Suite
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from tests.browser.jupyter import ARTEFACTS, ROOT, Lab
from tests.browser.test_drag_alpha import write_notebook

GUIDE = (ROOT / "docs" / "participatory-review.md").read_text()


def cell_of_the_guide(store: Path, session: str) -> str:
    """The notebook that the guide shows, with the store and the session of the test."""
    (cell,) = (block for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "# for voila" in block)
    known = {"reviews.sqlite": str(store), "ID OF THE SESSION": session, "data/": str(ROOT / "data") + "/"}
    for there, here in known.items():
        assert there in cell
        cell = cell.replace(there, here)
    return cell


@pytest.fixture
def address(lab: Lab, suite: Suite, tmp_path: Path) -> Iterator[str]:
    """Voila serving that notebook."""
    store = ReviewStore(tmp_path / "reviews.sqlite")
    session = ReviewSession.create(store, suite, "everybody")
    cell = cell_of_the_guide(tmp_path / "reviews.sqlite", session.id)
    notebook = lab.root / write_notebook(lab, "everybody.ipynb", cell)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "voila", str(notebook), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")}
    with open(tmp_path / "voila.log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        for _ in range(300):
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (tmp_path / "voila.log").read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def test_two_visitors_of_one_page(page: Any, address: str, tmp_path: Path) -> None:
    other = page.context.browser.new_page(viewport={"width": 1400, "height": 1100})
    other.set_default_timeout(60_000)
    for visitor in (page, other):
        visitor.goto(address, wait_until="commit")
    judged = []
    for visitor, key in ((page, "1"), (other, "2")):
        card = visitor.get_by_role("region", name="Image to judge")
        card.wait_for(timeout=600_000)
        card.focus()
        visitor.keyboard.press(key)
        visitor.get_by_role("status").filter(has_text="You have judged 1").first.wait_for()
        judged.append(visitor.get_by_text(re.compile("your code")).first.text_content())
    assert judged[0] != judged[1]
    page.screenshot(path=str(ARTEFACTS / "voila.png"))
    other.set_viewport_size({"width": 390, "height": 844})
    other.wait_for_timeout(500)
    other.screenshot(path=str(ARTEFACTS / "voila-telephone.png"), full_page=True)
    store = ReviewStore(tmp_path / "reviews.sqlite")
    (session,) = store.sessions()
    view = ReviewSession(store, session).view
    assert len({author for author, _ in view.judgements}) == 2
    assert len(view.judgements) == 2
    assert page.locator("[role=alert]:visible").count() == 0
    # The page shows results, and neither code nor paths of the server.
    assert "reviews.sqlite" not in page.content()
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{address}/voila/files/reviews.sqlite")
