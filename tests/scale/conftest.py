"""A Ray cluster of several processes on this machine, started once."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from soupwidgets import Evaluation

MEMORY = 80 * 1024**2


@dataclass
class TwoNodes:
    """A cluster with two nodes that compute. Processes of the second have another working folder."""

    address: str
    folders: tuple[Path, Path]

    def workers(self) -> dict[int, Path]:
        """Processes of our workers, with their working folders; not those of a cluster of parallel tests."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                folder = (process / "cwd").readlink()
                if folder in self.folders and re.match(rb"ray::RayWorker", (process / "cmdline").read_bytes()):
                    found[int(process.name)] = folder
            except OSError:
                continue
        return found


def _in_time(start: Callable[[], Any], attempts: int = 3) -> Any:
    """What is started; Ray itself gives a node 30 seconds, which are few on a busy machine."""
    for _ in range(attempts - 1):
        with suppress(Exception):
            return start()
    return start()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoNodes]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    kind: dict[str, Any] = {"object_store_memory": MEMORY, "include_dashboard": False}
    started = _in_time(lambda: Cluster(initialize_head=True, head_node_args={**kind, "num_cpus": 0}))
    folders = tmp_path_factory.mktemp("first-node"), tmp_path_factory.mktemp("second-node")
    before = Path.cwd()
    try:
        for folder in folders:
            os.chdir(folder)
            _in_time(lambda: started.add_node(num_cpus=1, **kind))
    finally:
        os.chdir(before)
    yield TwoNodes(started.address, folders)
    import ray

    ray.shutdown()
    started.shutdown()


def alike(one: Evaluation, other: Evaluation) -> bool:
    """Whether two have the same numbers, but for the rounding of whichever products a process found fastest."""
    return one.recipe == other.recipe and all(
        a.seen == b.seen and abs(a.correct - b.correct) <= 1 and a.loss == pytest.approx(b.loss, rel=1e-4)
        for a, b in ((one[split], other[split]) for split in {*one, *other})
    )


def wait_until(holds: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)
