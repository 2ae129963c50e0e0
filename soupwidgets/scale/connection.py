"""Connecting to a Ray cluster, with errors for people."""

from __future__ import annotations

import logging
import os
from typing import Any

_WAIT_SECONDS = 5


def connect(address: str) -> Any:
    """Connect this process to a cluster, unless it is connected.

    Parameters
    ----------
    address
        ``"auto"`` for the one that runs on this machine, ``"host:6379"``, or ``"local"`` to start one here that ends
        with this process.

    Returns
    -------
    module
        ``ray``.

    Raises
    ------
    ModuleNotFoundError
        When Ray is not installed.
    ConnectionError
        When no cluster answers there.
    ValueError
        When the address is none, or this process is connected to another cluster.
    """
    # Nothing is reported to anybody: Ray asks the cluster's first process for this.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "a cluster needs the package 'ray': pip install 'soupwidgets[cluster]'", name=error.name
        ) from error
    if "://" in address or not address:
        raise ValueError(
            f"{address!r} is not the address of a cluster: 'auto' is the one that runs on this machine, "
            "'host:6379' another one's (Ray's client addresses, ray://, hide the workers' progress and are not used)"
        )
    if ray.is_initialized():
        here = ray.get_runtime_context().gcs_address
        if address not in ("auto", "local", here):
            raise ValueError(f"this process is connected to the cluster {here} already: ray.shutdown() leaves it")
        return ray
    if address not in ("auto", "local"):
        _require_answer(address)
    try:
        # A dashboard is started, or not, by whoever starts the cluster.
        dashboard = False if address == "local" else None
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=dashboard)
    except Exception as error:
        # Ray has no class of its own for a node that takes too long to start.
        raise ConnectionError(
            f"no Ray cluster at {address!r} ({error}). `ray start --head` starts one on this machine, "
            "`ray start --address=host:6379` on each other one adds it; cluster='local' starts one for this process"
        ) from error
    return ray


def _require_answer(address: str) -> None:
    """Fail at once where nothing listens: Ray itself would try for a minute."""
    import socket

    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_WAIT_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ConnectionError(
            f"no Ray cluster answers at {address!r} ({error}): give host:port, as `ray start --head` prints it"
        ) from error
