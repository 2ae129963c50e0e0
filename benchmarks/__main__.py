"""Run all benchmarks of this machine, print the table and write it as JSON."""

from __future__ import annotations

import platform
import tempfile
from pathlib import Path

import torch

from benchmarks.greedy import greedy_rows
from benchmarks.landscape import landscape_rows, vmap_row
from benchmarks.latency import latency_rows
from benchmarks.mixing import mixing_rows
from benchmarks.soups import soup_rows
from benchmarks.spectrum import path_row
from benchmarks.sweep import sweep_rows
from benchmarks.table import write
from benchmarks.waiting import waiting_row
from benchmarks.wide_pool import wide_row


def processor() -> str:
    """How many threads of which processor: what a table of numbers is of."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{torch.get_num_threads()} threads, {name}"


if __name__ == "__main__":
    rows = mixing_rows()
    rows += soup_rows()
    write(rows, "cpu", processor())
    with tempfile.TemporaryDirectory() as folder:
        rows += greedy_rows(Path(folder) / "greedy")
        rows += sweep_rows(Path(folder))
        write(rows, "cpu", processor())
        # The sweep's alphas are in the store by now.
        rows += latency_rows(Path(folder))
        write(rows, "cpu", processor())
        rows.append(path_row(Path(folder) / "paths"))
        write(rows, "cpu", processor())
        rows.append(wide_row(Path(folder) / "wide"))
        rows += landscape_rows(Path(folder) / "landscape")
    rows.append(vmap_row(torch.device("cpu")))
    write(rows, "cpu", processor())
    # By itself: a machine that is kept busy would spoil the other rows.
    write([waiting_row()], "busy", processor())
