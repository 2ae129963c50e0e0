"""Settings shared by all SQLite databases of this package."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

_LOOK_AGAIN = 0.01


def write_ahead(cursor: Any, patience: float) -> None:
    """Let readers and a writer work at the same time (SQLite's write-ahead log).

    SQLite normally waits for other processes, but not here: if two open a new database at once, one may be
    told immediately that it is locked.

    Parameters
    ----------
    cursor
        Cursor of a new connection.
    patience
        How long to keep trying, in seconds.

    Raises
    ------
    sqlite3.OperationalError
        When the database is locked for longer, or cannot be changed.
    """
    cursor.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
    until = time.monotonic() + patience
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(_LOOK_AGAIN)
        else:
            return
