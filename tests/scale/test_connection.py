"""Joining a cluster, one that is not there, and one of one's own that leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import ray

from soupwidgets import Pool
from soupwidgets.scale import connect
from tests.scale.conftest import wait_until


@pytest.fixture(autouse=True)
def _alone() -> None:
    """Tests of the same process may have joined the cluster of the other files; they join it again."""
    ray.shutdown()


@pytest.mark.parametrize("address", ["ray://host:10001", "https://host", ""])
def test_what_is_no_address_of_a_cluster_is_said(address: str) -> None:
    with pytest.raises(ValueError, match="is not the address of a cluster: 'auto' is the one"):
        connect(address)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1", "nowhere.invalid:6379", "127.0.0.1:99999999"])
def test_where_nothing_answers_it_is_said_at_once(address: str) -> None:
    with pytest.raises(ConnectionError, match=r"no Ray cluster answers at .*: give host:port"):
        connect(address)


def test_where_no_cluster_runs_it_is_said_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(address: str, **_options: object) -> None:
        # What Ray raises then. It looks at all processes of the machine, and other tests may have started a cluster.
        assert address == "auto"
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(ConnectionError, match=r"no Ray cluster at 'auto' .*`ray start --head` starts one"):
        connect("auto")


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'soupwidgets\[cluster\]'"):
        connect("auto")


LOCAL = """
import json, sys
import soupwidgets as sw
pool, suite, store = sys.argv[1:]
ev = sw.Evaluator(sw.Pool.open(pool), sw.Suite.open(suite), store=sw.Store(store), cluster="local")
found = ev.evaluate("ft-a", "val")
print(json.dumps([found.exact]), flush=True)
sys.stdin.readline()
"""


def processes(mark: str) -> list[str]:
    """Command lines of processes whose environment has this in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_a_cluster_of_ones_own_shows_no_dashboard_and_leaves_nothing_behind(
    tiny_pool: Pool, small_folder: Path, tmp_path: Path
) -> None:
    """Ray starts, and torch in a worker."""
    arguments = [str(tiny_pool["ft-a"].path.parent), str(small_folder), str(tmp_path / "store")]
    # A folder of its own: beside it other clusters may be running on this machine. Sockets need a short path.
    folder = tempfile.mkdtemp(prefix="ray")
    environment = {**os.environ, "RAY_TMPDIR": folder}
    environment.pop("RAY_ADDRESS", None)
    command = [sys.executable, "-c", LOCAL, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as driver:
        assert driver.stdout is not None
        (exact,) = next(json.loads(line) for line in driver.stdout if line.startswith("["))
        running = processes(f"RAY_TMPDIR={folder}")
        driver.communicate("\n")
    assert exact
    assert any("raylet" in name for name in running)
    # What is left of the dashboard without its pages is how Ray's processes find each other.
    assert not [name for name in running if "dashboard.py" in name and "--minimal" not in name], running
    wait_until(lambda: not processes(f"RAY_TMPDIR={folder}"))
    shutil.rmtree(folder, ignore_errors=True)
