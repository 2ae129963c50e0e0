"""A pass over a split on a machine that does something else too, with threads that wait passively or spin first."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.sweep import ROOT
from benchmarks.table import Row

SPLIT = "rotate"
_SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_BUSY = "while True: pass"
# Where torch comes first, soupwidgets cannot set anything any more: then threads wait as OpenMP lets them.
_PASS = """
{first}
import sys, time
import soupwidgets as sw
store = sw.Store(sys.argv[1])
ev = sw.Evaluator(sw.Pool.open("data/zoo/fashion"), sw.Suite.open("data/suites/fashion"), device="cpu", store=store)
ev.evaluate(sw.Recipe({{"zero-shot": 1}}), ["{split}"])
start = time.perf_counter()
ev.evaluate(sw.Recipe({{"ft-03": 1}}), ["{split}"])
print(time.perf_counter() - start)
"""


def waiting_row(repeats: int = 3, busy: int = 1) -> Row:
    """A pass as soupwidgets sets threads to wait, beside the same as OpenMP does by itself, in turns.

    Parameters
    ----------
    repeats
        Processes of each side, each with one timed pass; the medians count.
    busy
        Other processes that keep a processor busy all the while.
    """
    times: dict[str, list[float]] = {"": [], "import torch": []}
    with busy_processes(busy):
        for _ in range(repeats):
            for first, taken in times.items():
                taken.append(_seconds(first))
    ours, theirs = (statistics.median(taken) for taken in times.values())
    return Row(
        f"1,250 images beside {busy} busy process{'es' if busy != 1 else ''}",
        f"{ours:.2f} s",
        f"threads that spin before they wait: {theirs:.2f} s",
        theirs / ours,
        "not slower",
        theirs / ours >= 1,
    )


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """So many processes that each keep a processor busy within the block."""
    others = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(number)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def _seconds(first: str) -> float:
    environment = {name: value for name, value in os.environ.items() if name not in _SETTINGS}
    with tempfile.TemporaryDirectory() as store:
        done = subprocess.run(
            [sys.executable, "-c", _PASS.format(first=first, split=SPLIT), str(Path(store))],
            env=environment, cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
    return float(done.stdout)
