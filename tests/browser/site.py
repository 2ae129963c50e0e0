"""A plain web server on this machine, and an engine in a page that it serves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

OPEN = """async ([source, options]) => {
    const { openEngine } = await import("/engine.js");
    window.engine = await openEngine(source, options);
    window.plain = ({ exact, splits }) => ({
        exact,
        splits: Object.fromEntries(Object.entries(splits).map(([name, found]) => [
            name,
            Object.fromEntries(Object.entries(found).map(([key, value]) => [
                key, ArrayBuffer.isView(value) ? Array.from(value) : value,
            ])),
        ])),
    });
}"""
MEASURE = "async ([recipe, options]) => plain(await engine.measure(recipe, options))"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a folder is served, by a server that does nothing but send files."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def open_engine(page: Any, address: str, **options: Any) -> None:
    """Open the engine that lies at an address as ``window.engine``; raises what `openEngine` throws."""
    page.goto(f"{address}/manifest.json")
    page.evaluate(OPEN, [f"{address}/", options])


def measure(page: Any, recipe: Any, **options: Any) -> dict[str, Any]:
    """What the page's engine finds."""
    found: dict[str, Any] = page.evaluate(MEASURE, [recipe, options])
    return found
