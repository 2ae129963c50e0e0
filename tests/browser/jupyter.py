"""A real Jupyter server and a real Chromium, for the tests and for the README's picture."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "build" / "artefacts"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str | None:
    """The system's Chromium, if there is one."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    return None


class Lab:
    """A running JupyterLab over a copy of the notebooks, with the store of the run."""

    def __init__(self, port: int, token: str, root: Path) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.token = token
        self.root = root

    def api(self, method: str, path: str) -> Any:
        request = urllib.request.Request(f"{self.address}/api/{path}", method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=30) as response:
            body = response.read()
        return json.loads(body) if body else None

    def close_sessions(self) -> None:
        """Kernels are reused between pages; a test must not meet the one before."""
        for session in self.api("GET", "sessions"):
            self.api("DELETE", f"sessions/{session['id']}")

    def open(self, page: Any, notebook: str) -> None:
        """Open a notebook and wait until its kernel is idle."""
        page.goto(f"{self.address}/lab/tree/{notebook}?token={self.token}&reset")
        page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook").wait_for(timeout=90_000)
        self.wait_idle(page)

    def wait_idle(self, page: Any) -> None:
        """Wait until the status bar says that the kernel is idle."""
        page.locator("#jp-main-statusbar", has_text="| Idle").wait_for(timeout=120_000)

    def run_all(self, page: Any) -> None:
        """Menu Run, Run All Cells."""
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


@contextmanager
def running_lab(root: Path) -> Iterator[Lab]:
    """Serve ``root``, which gets the repository's notebooks and data, until the block ends."""
    shutil.copytree(ROOT / "notebooks", root / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    (root / "data").symlink_to(ROOT / "data")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    token = secrets.token_hex(16)
    # The question whether to fetch news would lie over the figures.
    settings = root / "jupyter-config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(root / "jupyter-config"),
        "JUPYTER_DATA_DIR": str(root / "jupyter-data"),
        "JUPYTER_RUNTIME_DIR": str(root / "jupyter-runtime"),
        "IPYTHONDIR": str(root / "ipython"),
    }
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
        f"--port={port}", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}",
    ]  # fmt: skip
    with open(root / "jupyter.log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        lab = Lab(port, token, root)
        try:
            _wait_until_up(lab, process, root / "jupyter.log")
            yield lab
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_up(lab: Lab, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            lab.api("GET", "status")
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


@contextmanager
def running_browser(*flags: str, driver: Any = None) -> Iterator[Any]:
    """A headless Chromium with further flags; ``driver`` is that of a browser that runs already, if one does."""
    from playwright.sync_api import sync_playwright

    with ExitStack() as stack:
        driver = driver or stack.enter_context(sync_playwright()).chromium
        known = [flag for flag in CHROMIUM_FLAGS if not (flags and flag == "--disable-gpu")]
        browser = driver.launch(executable_path=chromium(), args=[*known, *flags])
        stack.callback(browser.close)
        yield browser


@contextmanager
def fresh_page(browser: Any) -> Iterator[Any]:
    """One page that shares neither cookies nor storage with any other."""
    page = browser.new_page(viewport={"width": 1400, "height": 1100})
    try:
        page.set_default_timeout(60_000)
        yield page
    finally:
        page.context.close()
