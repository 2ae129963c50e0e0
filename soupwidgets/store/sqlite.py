"""What every SQLite database of ours is set to."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

_LOOK_AGAIN = 0.01


def write_ahead(cursor: Any, patience: float) -> None:
    """Let readers and a writer work at once (SQLite's write-ahead log).

    SQLite waits for other processes by itself, but not here: of two that open a new database at once, one may be
    told at once that it is locked.

    Parameters
    ----------
    cursor
        Of a new connection.
    patience
        For how many seconds to try again.

    Raises
    ------
    sqlite3.OperationalError
        When it is locked for longer, or cannot be changed.
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
