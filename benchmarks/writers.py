"""Measurements that many processes file at once: inserts per second in SQLite and in PostgreSQL."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.table import Row

WRITERS = (1, 8, 32)
SECONDS = 5.0
# A split of 1,250 images and 10 classes, as a shift of the zoo has.
SHAPE = (1250, 10)

# One process loads the package, and its children open the store and write: only writing is counted.
WRITERS_AT_ONCE = """
import json, os, sys, time
import numpy as np
from soupwidgets.store import Measurement, Store
place, writers, seconds, shape = json.loads(sys.argv[1])
pipes = []
start = time.time() + 1 + writers / 10
for number in range(writers):
    read, write = os.pipe()
    if not os.fork():
        store, logits, done = Store(place), np.random.default_rng(number).normal(size=shape).astype(np.float32), 0
        time.sleep(max(0.0, start - time.time()))
        # A busy machine may take longer than that for one.
        while done == 0 or time.time() < start + seconds:
            logits[0, 0] = done
            store.put(f"{number}-{done}", Measurement("{}", "rotate", len(logits), 0, 0.5), logits)
            done += 1
        os.write(write, f"{done / (time.time() - start)}".encode())
        os._exit(0)
    os.close(write)
    pipes.append(read)
print(sum(float(os.read(read, 100)) for read in pipes))
"""


def inserts_per_second(store: str, writers: int, seconds: float = SECONDS) -> float:
    """Measurements with logits that so many processes file together in a second."""
    arguments = json.dumps([store, writers, seconds, SHAPE])
    made = subprocess.run(
        [sys.executable, "-c", WRITERS_AT_ONCE, arguments], capture_output=True, text=True, check=True
    )
    return float(made.stdout)


@contextmanager
def postgresql() -> Iterator[str | None]:
    """The URL of a server of its own; None where PostgreSQL is not installed."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ["PATH"], *map(str, places)])
    initdb, control = shutil.which("initdb", path=path), shutil.which("pg_ctl", path=path)
    if initdb is None or control is None:
        yield None
        return
    # The server refuses to run as root; Debian's package brings a user for it.
    user = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    os.chown(folder, user.pw_uid, user.pw_gid)

    def run(*command: str) -> None:
        own = {} if os.getuid() else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **own)  # type: ignore[call-overload]

    data, settings = str(folder / "data"), f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
    try:
        run(initdb, "--auth=trust", "--username=soups", "--encoding=UTF8", "-D", data)
        run(control, "-D", data, "-l", str(folder / "log"), "-o", f"{settings} -c max_connections=200", "-w", "start")
        try:
            yield f"postgresql://soups@/postgres?host={folder}"
        finally:
            run(control, "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def writer_rows(writers: tuple[int, ...] = WRITERS, seconds: float = SECONDS) -> list[Row]:
    """Both stores with the same measurements, one after the other."""
    rows = []
    with postgresql() as server, tempfile.TemporaryDirectory() as folder:
        for number in writers:
            here = inserts_per_second(f"{folder}/sqlite-{number}", number, seconds)
            there = None if server is None else inserts_per_second(server, number, seconds)
            rows.append(
                Row(
                    f"{number} process{'es' if number > 1 else ''} filing measurements with logits of 1,250 images",
                    "PostgreSQL: not run" if there is None else f"PostgreSQL: {there:,.0f} a second",
                    f"SQLite: {here:,.0f} a second",
                    float("nan") if there is None else there / here,
                    "none: which store for how many writers",
                    True,
                )
            )
    return rows
