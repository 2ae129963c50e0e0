"""What a small machine notices: the import, the first picture of the first notebook, and the memory of its kernel."""

from __future__ import annotations

import json
import os
import queue
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel

from benchmarks.sweep import ROOT
from benchmarks.table import Row
from benchmarks.waiting import busy_processes

NOTEBOOK = ROOT / "notebooks" / "01_drag_alpha.ipynb"
# What the notebook's models and panel are made of.
_LIBRARIES = "torch, anywidget, plotly"
# Seconds that a first answer may take before something is wrong.
_PATIENCE = 300
# The cells up to the one that shows the explorer.
_CELLS = 2


def small_rows(repeats: int = 3, notebook: Path = NOTEBOOK) -> list[Row]:
    """Import, first picture and memory; the best of several processes, each with a store of its own."""
    shown = [_opened(notebook) for _ in range(repeats)]
    first, memory = (min(values) for values in zip(*shown, strict=True))
    with busy_processes(2):
        busy = min(_opened(notebook, whole=False)[0] for _ in range(repeats))
    bare = [_alone(_LIBRARIES) for _ in range(repeats)]
    seconds, gigabytes = (min(values) for values in zip(*bare, strict=True))
    torch, both = (
        min(_cpu_seconds(f"import {what}") for _ in range(repeats)) for what in ("torch", "torch, soupwidgets")
    )
    libraries = f"a process that imports {_LIBRARIES}"
    return [
        Row(
            "import soupwidgets, where torch is there", f"{both - torch:.2f} s of a processor",
            f"import torch: {torch:.2f} s", (both - torch) / torch, "<= 0.25 s", both - torch <= 0.25,
        ),
        Row(
            "the first picture of notebook 01, nothing stored", f"{first:.1f} s", f"{libraries}: {seconds:.1f} s",
            first / seconds, "<= 4 s", first <= 4,
        ),
        Row(
            "the same beside two busy processes", f"{busy:.1f} s", f"alone: {first:.1f} s", busy / first,
            "<= 8 s", busy <= 8,
        ),
        Row(
            "its kernel, all alphas measured", f"{memory:.2f} GB of memory", f"{libraries}: {gigabytes:.2f} GB",
            memory / gigabytes, "<= 0.8 GB", memory <= 0.8,
        ),
    ]  # fmt: skip


def _opened(notebook: Path, *, whole: bool = True) -> tuple[float, float]:
    """Seconds until the explorer of the notebook has a picture, and gigabytes that its kernel holds then.

    With ``whole``, it holds them when all alphas are measured.
    """
    cells = [c for c in json.loads(notebook.read_text("utf-8"))["cells"] if c["cell_type"] == "code"][:_CELLS]
    with tempfile.TemporaryDirectory() as store:
        environment = {**os.environ, "SOUPWIDGETS_STORE": store, "PYTHONPATH": str(ROOT)}
        manager, client = start_new_kernel(cwd=str(notebook.parent), env=environment)
        try:
            begun = time.perf_counter()
            for cell in cells:
                client.execute("".join(cell["source"]))
            while not _has_figure(client.get_iopub_msg(timeout=_PATIENCE)):
                pass
            first = time.perf_counter() - begun
            wait = "explorer.wait(background=True)" if whole else "explorer.close()"
            asked = client.execute(f"{wait}\nimport os\nprint('kernel', os.getpid())")
            return first, _held(_printed(client, asked))
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def _has_figure(message: dict[str, Any]) -> bool:
    if message["msg_type"] == "error":
        raise RuntimeError("\n".join(message["content"]["traceback"]))
    state = message["content"].get("data", {}).get("state", {}) if message["msg_type"].startswith("comm") else {}
    return bool(state.get("view", {}).get("figures"))


def _printed(client: Any, asked: str) -> int:
    """The number of the kernel's process, which a cell prints."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            message = client.get_iopub_msg(timeout=_PATIENCE)
        except queue.Empty:
            break
        ours = message["parent_header"].get("msg_id") == asked and message["msg_type"] == "stream"
        if found := re.match(r"kernel (\d+)", message["content"]["text"] if ours else ""):
            return int(found[1])
    raise RuntimeError("the kernel does not answer")


def _held(process: int) -> float:
    """Resident memory in gigabytes."""
    return _resident(Path(f"/proc/{process}/status").read_text("utf-8"))


def _resident(status: str) -> float:
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024 / 1e9


def _alone(libraries: str) -> tuple[float, float]:
    """Seconds and gigabytes of a process that imports libraries and does nothing."""
    begun = time.perf_counter()
    told = f"import {libraries}\nprint(open('/proc/self/status').read())"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=ROOT)
    return time.perf_counter() - begun, _resident(done.stdout)


def _cpu_seconds(code: str) -> float:
    """Of a process, which other processes slow down less than the clock says."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
