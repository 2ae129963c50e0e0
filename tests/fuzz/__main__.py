"""`make fuzz`: many damaged files through every reader, a table of what came of it, and every finding with its seed."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.fuzz.readers import READERS
from tests.fuzz.worker import Finding

# Wall time without a word, on a machine that is busy with something else; the worker itself counts ten seconds of work.
_SILENT_SECONDS = 120
_AT_ONCE = 50


def fuzz(cases: int, seed: int = 0, workers: int = 2, names: Sequence[str] = tuple(READERS)) -> list[Finding]:
    """Damage files and read them.

    Parameters
    ----------
    cases
        How many in all, shared out among the readers.
    seed
        Decides which.
    workers
        Processes at once.
    names
        Of the readers.

    Returns
    -------
    list[Finding]
        What ended otherwise than in an accepted file or a sentence.
    """
    jobs: queue.Queue[tuple[str, int, int]] = queue.Queue()
    for name, count in shares(cases, names).items():
        for start in range(0, count, _AT_ONCE):
            jobs.put((name, start, min(start + _AT_ONCE, count)))
    found: list[Finding] = []
    threads = [threading.Thread(target=_serve, args=(jobs, found, seed, names)) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not jobs.empty():
        raise RuntimeError("a worker could not be started; the reason is above")
    return sorted(found, key=lambda one: (one.reader, one.number))


def shares(cases: int, names: Sequence[str]) -> dict[str, int]:
    """How many cases each reader gets: one at least, and together as many as were asked for or a few more."""
    whole = sum(READERS[name].share for name in names)
    return {name: max(1, -int(-cases * READERS[name].share // whole)) for name in names}


class _Worker:
    def __init__(self, seed: int, names: Sequence[str]) -> None:
        command = [sys.executable, "-m", "tests.fuzz.worker", str(seed), *names]
        quiet = {
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "PYTHONWARNINGS": "ignore",
        }
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **quiet}
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def ask(self, job: tuple[str, int, int]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any] | None:
        """The next word; None when it is dead, or silent for too long."""
        try:
            line = self._lines.get(timeout=_SILENT_SECONDS)
        except queue.Empty:
            return None
        return json.loads(line) if line else None

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def _serve(jobs: queue.Queue[tuple[str, int, int]], found: list[Finding], seed: int, names: Sequence[str]) -> None:
    worker: _Worker | None = None
    while True:
        try:
            name, start, stop = jobs.get_nowait()
        except queue.Empty:
            break
        if worker is None:
            worker = _Worker(seed, names)
            if worker.hear() is None:
                jobs.put((name, start, stop))
                worker.end()
                return
        with contextlib.suppress(BrokenPipeError):
            worker.ask((name, start, stop))
        at = start
        while True:
            word = worker.hear()
            if word is None:
                ended = worker.process.poll()
                kind, what = ("time", "no word") if ended is None else ("died", f"exit status {ended}")
                found.append(Finding(name, at, kind, what))
                worker.end()
                worker = None
                if at + 1 < stop:
                    jobs.put((name, at + 1, stop))
                break
            if "done" in word:
                break
            if "found" in word:
                found.append(Finding(**word["found"]))
            at = word.get("at", at)
    if worker is not None:
        worker.end()


def main() -> int:
    """Run, print the table, and write findings to ``build/fuzz``; the exit status is 1 when there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--reader", action="append", choices=list(READERS), help="Only this one; repeat it.")
    given = parser.parse_args()
    names = given.reader or list(READERS)
    began = time.monotonic()
    found = fuzz(given.cases, given.seed, given.workers, names)
    counts = shares(given.cases, names)
    kinds = ("foreign", "unnamed", "long", "memory", "time", "died")
    print(f"{'reader':26} {'may raise':32} {'cases':>6} {' '.join(f'{kind:>8}' for kind in kinds)}")
    for name in names:
        of = Counter(one.kind for one in found if one.reader == name)
        allowed = ", ".join(error.__name__ for error in READERS[name].allowed)
        print(f"{name:26} {allowed:32} {counts[name]:6} {' '.join(f'{of[kind] or chr(46):>8}' for kind in kinds)}")
    print(f"{sum(counts.values()):,} cases in {time.monotonic() - began:.0f} s, {len(found)} findings")
    folder = Path("build/fuzz")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "findings.json").write_text(json.dumps([{"seed": given.seed, **asdict(one)} for one in found], indent=1))
    for what, one in {f"{one.reader}: {one.what[:120]} {one.where}": one for one in found[::-1]}.items():
        print(f"{one.kind:8} {what}  (--seed {given.seed}, case {one.number})")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
