"""A real PostgreSQL server for the tests of what is stored in one."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def server_program(name: str) -> str | None:
    """Debian keeps PostgreSQL's server programs out of the PATH."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *map(str, places)]))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A real PostgreSQL server of its own, reached through a socket; its URL."""
    initdb, postgres = server_program("initdb"), server_program("pg_ctl")
    if initdb is None or postgres is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no PostgreSQL in continuous integration: its tests would be lost silently")
        pytest.skip("no PostgreSQL on this machine (Debian: apt-get install postgresql)")
    # The server refuses to run as root; Debian's package brings a user for it.
    root = os.getuid() == 0
    user = pwd.getpwnam("postgres") if root else pwd.getpwuid(os.getuid())
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    shutil.chown(folder, user.pw_uid, user.pw_gid)
    options: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    if root:
        options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data, log = folder / "data", folder / "log"
    settings = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c max_connections=200"
    try:
        subprocess.run([initdb, "--auth=trust", "--username=review", "--encoding=UTF8", "-D", str(data)], **options)
        subprocess.run([postgres, "-D", str(data), "-l", str(log), "-o", settings, "-w", "start"], **options)
        try:
            yield f"postgresql://review@/postgres?host={folder}"
        finally:
            subprocess.run([postgres, "-D", str(data), "-m", "immediate", "-w", "stop"], **options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
