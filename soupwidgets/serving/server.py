"""The server: marimo's, with one room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soupwidgets.panel.panel import Panel
from soupwidgets.serving.visits import Room

_APP = Path(__file__).parent / "app.py"
_room: Room | None = None


def room() -> Room:
    """The room of this process.

    Raises
    ------
    RuntimeError
        When nothing is served by it.
    """
    if _room is None:
        raise RuntimeError("this page is served by 'soupwidgets serve'")
    return _room


def web_app(shared: Room, token: str, *, stays: int = 30) -> Any:
    """Make the ASGI application of a room; from now on panels of this process write no files for visitors.

    Parameters
    ----------
    shared
        The room.
    token
        What visitors must know; empty for anybody.
    stays
        For so many seconds a page that is reloaded, or loses the network for a moment, finds its session again.

    Raises
    ------
    ModuleNotFoundError
        When marimo is not installed.
    """
    global _room
    try:
        import marimo
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "serving needs marimo: pip install 'soupwidgets[lab,serve]'", name=error.name
        ) from error

    _room = shared
    Panel.writes_files = False
    return marimo.create_asgi_app(quiet=True, token=token, session_ttl=stays).with_app(path="/", root=str(_APP)).build()


def run(application: Any, host: str, port: int) -> None:
    """Serve until Ctrl-C."""
    import uvicorn

    # Sessions of pages that are still open would keep it from ending.
    uvicorn.run(application, host=host, port=port, log_level="warning", timeout_graceful_shutdown=2)
