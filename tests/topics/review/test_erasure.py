"""What is taken back is out of the files, or it is said where it still is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from soupwidgets.suites import Suite
from soupwidgets.topics.review.records import Record
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement
from tests.fixtures import ROOT

SHORT = "a sentence that nobody shall read again"
GUIDE = " ".join((ROOT / "docs" / "participatory-review.md").read_text().split())


def in_files(folder: Path, text: str) -> list[str]:
    found = []
    for file in folder.rglob("*"):
        try:
            if file.is_file() and text.encode() in file.read_bytes():
                found.append(str(file.relative_to(folder)))
        except FileNotFoundError:  # the server removes files of its own
            continue
    return found


def judged(store: ReviewStore, suite: Suite, text: str, others: int = 30) -> ReviewSession:
    session = ReviewSession.create(store, suite, "x")
    for row in range(others):
        session.judge(Judgement(Image("test", row), note=f"stays {row}"))
    mine = ReviewSession(store, session.id)
    mine.rename(text)
    # Long enough for pages of its own.
    mine.judge(Judgement(Image("test", 0), note=text + "x" * 10_000))
    mine.judge(Judgement(Image("test", 0), note=text))
    mine.fell_short(text)
    return mine


def test_sqlite_overwrites_it(tmp_path: Path, small_suite: Suite) -> None:
    session = judged(ReviewStore(tmp_path / "r.sqlite"), small_suite, SHORT)
    assert in_files(tmp_path, SHORT)
    done = session.withdraw()
    assert done.finished
    assert str(done) == "Taken back, and overwritten in the database's files."
    assert in_files(tmp_path, SHORT) == []
    assert len(session.view.judgements) == 30


def test_a_name_of_before_is_nowhere(tmp_path: Path, small_suite: Suite) -> None:
    session = ReviewSession.create(ReviewStore(tmp_path / "r.sqlite"), small_suite, "x")
    session.rename(SHORT)
    assert in_files(tmp_path, SHORT)
    session.rename("Robin")
    assert in_files(tmp_path, SHORT) == []


@pytest.mark.parametrize("finish", ["next write", "erase", "open again"])
def test_sqlite_says_so_while_somebody_reads_and_finishes_later(
    tmp_path: Path, small_suite: Suite, finish: str
) -> None:
    store = ReviewStore(tmp_path / "r.sqlite")
    session = judged(store, small_suite, SHORT)
    # Another program in the middle of a long reading.
    reader = sqlite3.connect(tmp_path / "r.sqlite")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM review_records").fetchone()
    done = session.withdraw()
    assert not done.finished
    assert "another program is in the middle of reading" in str(done)
    assert str(tmp_path / "r.sqlite") in str(done)
    assert in_files(tmp_path, SHORT), "the sentence is true"
    assert len(session.view.judgements) == 30, "nobody is shown it"
    again = session.store.erase()
    assert not again.finished, "it is still being read"
    reader.rollback()
    opened: list[ReviewStore] = []
    actions: dict[str, Callable[[], object]] = {
        "next write": lambda: session.judge(Judgement(Image("test", 3))),
        "erase": lambda: store.erase(),
        "open again": lambda: opened.append(ReviewStore(tmp_path / "r.sqlite")),
    }
    actions[finish]()
    assert in_files(tmp_path, SHORT) == []
    reader.close()


@pytest.fixture
def server(postgresql: str) -> tuple[str, Path]:
    """The server, and the folder of its tables and its log."""
    store = ReviewStore(postgresql)
    with store._engine.connect() as connection:
        folder = Path(connection.execute(sa.text("SHOW data_directory")).scalar_one())
    store.close()
    return postgresql, folder


def flush(store: ReviewStore) -> None:
    """Write out what the server has in memory."""
    with store._engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("CHECKPOINT"))


def test_postgresql_has_it_in_no_table_and_the_guide_says_where_it_has_it(
    server: tuple[str, Path], small_suite: Suite
) -> None:
    where, folder = server
    text = SHORT + " in PostgreSQL"
    store = ReviewStore(where)
    session = judged(store, small_suite, text)
    with store._engine.connect() as connection:
        plain = connection.execution_options(isolation_level="AUTOCOMMIT")
        plain.execute(sa.text("ANALYZE review_records"))
    flush(store)
    assert in_files(folder / "base", text)
    # Someone else's transaction, which has not read this table, could still see the rows: VACUUM would keep them.
    with store._engine.connect() as other:
        old = other.execution_options(isolation_level="REPEATABLE READ")
        old.execute(sa.text("SELECT 1 FROM review_gone")).all()
        done = session.withdraw()
    assert done.finished
    flush(store)
    assert in_files(folder / "base", text) == []
    assert len(session.view.judgements) == 30
    # What is promised and what is not.
    assert in_files(folder / "pg_wal", text)
    assert "write-ahead log" in str(done)
    assert "write-ahead log" in GUIDE
    store.close()


def test_postgresql_says_so_while_somebody_reads(server: tuple[str, Path], small_suite: Suite) -> None:
    where, folder = server
    text = SHORT + " while somebody reads"
    store = ReviewStore(where)
    session = judged(store, small_suite, text)
    with store._engine.connect() as other:
        other.execute(sa.text("SELECT count(*) FROM review_records")).all()
        done = session.withdraw()
        assert not done.finished
        assert "another program is in the middle of reading" in str(done)
    flush(store)
    assert in_files(folder / "base", text)
    session.judge(Judgement(Image("test", 3)))
    flush(store)
    assert in_files(folder / "base", text) == []
    store.close()


def test_whoever_does_not_own_the_table_is_told(server: tuple[str, Path], small_suite: Suite) -> None:
    where, _ = server
    owner = ReviewStore(where)
    session = ReviewSession.create(owner, small_suite, "x")
    with owner._engine.begin() as connection:
        connection.execute(sa.text("CREATE ROLE guest LOGIN"))
        connection.execute(sa.text("GRANT ALL ON ALL TABLES IN SCHEMA public TO guest"))
    guest = ReviewStore(where.replace("review@", "guest@"))
    done = guest.write(session.id, [Record("a" * 32, "shortfall", "b" * 32, {"text": "x"})], taken_back=["c" * 32])
    assert done is not None
    assert not done.finished
    assert "only the owner" in str(done)
    for store in (guest, owner):
        store.close()


def test_what_the_database_says_is_told_and_nothing_comes_back(
    tmp_path: Path, small_suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ReviewStore(tmp_path / "r.sqlite")
    session = judged(store, small_suite, SHORT, 1)

    def fails(_connection: object) -> str:
        raise OSError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(store, "_erase_sqlite", fails)
        done = session.withdraw()
    assert not done.finished
    assert "disk I/O error" in str(done)
    assert len(session.view.judgements) == 1
    session.rename("somebody new")
    assert in_files(tmp_path, SHORT) == []
