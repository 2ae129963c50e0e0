"""SQLite files of others, of which only rows are read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from soupwidgets.records.record import MOST_RECORDS, limited

BEGINNING = b"SQLite format 3\0"
# A file of less can hold more: its pages may be parts of many texts.
_MOST_BYTES = 1 << 28
_MOST_ROWS = 2 * MOST_RECORDS
_LONGEST = 1 << 20
# As many rows as are read take a tenth of it.
_MOST_STEPS = 1 << 26
_STEPS = 1 << 16
_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ)

# The rows that a SELECT gives.
Rows = Callable[[str], Iterator[Any]]


@contextmanager
def reading(path: Path) -> Iterator[Rows]:
    """Open a database for reading alone; functions that a view of it calls are refused, and so is endless work.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    ValueError
        When anything in it cannot be read, or is too much.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{path}: larger than {_MOST_BYTES >> 20} MiB, which is the most that is read")
    taken = 0

    def rows(query: str) -> Iterator[Any]:
        nonlocal taken
        for row in limited(str(path), connection.execute(query), _MOST_ROWS):
            taken += sum(len(cell) for cell in row if isinstance(cell, str | bytes))
            if taken > _MOST_BYTES:
                raise ValueError(f"{path}: its texts are longer than {_MOST_BYTES >> 20} MiB")
            yield row

    try:
        with closing(_opened(path)) as connection:
            yield rows
    except (sqlite3.Error, UnicodeError) as error:
        # SQLite's own messages quote the file, in whatever bytes it has.
        what = "a study of Optuna or a database of MLflow"
        raise ValueError(f"{path}: cannot be read as {what} ({str(error)[:200]})") from error


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)
    left = iter(range(_MOST_STEPS // _STEPS))
    connection.set_progress_handler(lambda: next(left, None) is None, _STEPS)
    return connection
