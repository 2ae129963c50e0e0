"""``soupwidgets serve``: all explorers for a room of people, from one process."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path
from typing import Annotated

import typer

from soupwidgets.commands.options import (
    BatchNormOption,
    DeviceOption,
    ModelOption,
    PrecisionOption,
    RecordsOption,
    StoreOption,
    ZeroShotOption,
    evaluator,
    open_pool,
    show,
)
from soupwidgets.translation import asked_language, speaking

_PUBLIC = """\
It listens on every network that this machine is in. Whoever has the link sees the images, the results and what is in
the review session, can add to it, and can have this machine compute. Nobody can run code or write files through it.
The connection is not encrypted: on a network that you do not trust, put a reverse proxy with TLS in front of it."""


def serve(
    pool: Annotated[
        str | None, typer.Option(help="Folder, glob pattern or file of checkpoints; the installed models if not given.")
    ] = None,
    suite: Annotated[Path | None, typer.Option(help="Folder of a suite; the installed images if not given.")] = None,
    zero_shot: ZeroShotOption = None,
    records: RecordsOption = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    batch_norm: BatchNormOption = "auto",
    store: StoreOption = None,
    reviews: Annotated[
        str | None,
        typer.Option(help="Where review sessions are kept: a file or postgresql://...; beside the store if not given."),
    ] = None,
    session: Annotated[
        str | None, typer.Option(help="Id of the review session to join; a new one if not given.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; a free one for 0.")] = 8765,
    public: Annotated[
        bool, typer.Option("--public", help="Listen on all networks, not on this machine alone.")
    ] = False,
    visitors: Annotated[int, typer.Option(min=1, help="How many visitors may be there at once.")] = 60,
) -> None:
    """Show all explorers to a room of people: one process, one engine, a link with a token."""
    # Both come with the extras, and take seconds to load.
    from soupwidgets.miniature import SUITE_FOLDER, ZOO_FOLDER
    from soupwidgets.serving.engine import Engine
    from soupwidgets.serving.server import run, web_app
    from soupwidgets.serving.visits import Room
    from soupwidgets.store import Store

    if (pool is None) != (suite is None):
        raise ValueError("give --pool and --suite, or none of the two for the models and images installed along")
    opened = open_pool(str(pool or ZOO_FOLDER), None, None, zero_shot, records)
    ev = evaluator(
        opened, suite or SUITE_FOLDER, device, store, batch_norm=batch_norm, precision=precision, model=model
    )
    # A store on a server has no folder.
    beside = getattr(ev.store, "folder", None) or Store.default().folder
    engine = Engine(ev, reviews or beside / "reviews.sqlite", session=session)
    token = secrets.token_urlsafe(12)
    application = web_app(Room(engine, visitors), token)
    show("loading the models")
    ev.warm_up(opened.names[0])
    engine.measure_ahead()
    host = "0.0.0.0" if public else "127.0.0.1"
    port = port or _free_port(host)
    _check_free(host, port)
    names = [socket.gethostname(), "127.0.0.1"] if public else ["127.0.0.1"]
    links = "\n".join(f"  http://{name}:{port}/?access_token={token}" for name in names)
    show(f"{ev.suite.name}: {len(opened)} models, at most {visitors} visitors. Open, and give to others:\n{links}")
    show(_PUBLIC if public else "It listens on this machine alone; --public lets others in. Ctrl-C ends it.")
    with speaking(asked_language()):
        run(application, host, port)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _check_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(f"port {port} is taken by another program: choose another with --port") from error
