from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from soupwidgets.store.sqlite import write_ahead


class Locked:
    """A cursor on a database that another process has locked for some tries."""

    def __init__(self, tries: int, why: str = "database is locked") -> None:
        self.left, self.why = tries, why

    def execute(self, statement: str) -> None:
        if "journal_mode" in statement and self.left:
            self.left -= 1
            raise sqlite3.OperationalError(self.why)


def test_a_locked_database_is_tried_again() -> None:
    cursor = Locked(3)
    write_ahead(cursor, 60)
    assert cursor.left == 0
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        write_ahead(Locked(10**9), 0.05)
    with pytest.raises(sqlite3.OperationalError, match="disk"):
        write_ahead(Locked(1, "disk I/O error"), 60)


def test_it_stays_so(tmp_path: Path) -> None:
    for _ in range(2):
        connection = sqlite3.connect(tmp_path / "a.sqlite")
        write_ahead(connection.cursor(), 1)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()
