"""Both databases, faults included: two writers, a killed process, a full disk."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from soupwidgets.suites import Suite
from soupwidgets.topics.review.records import Record, ReviewError, State
from soupwidgets.topics.review.schema import metadata
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement

A, B, ME, YOU = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)


def test_the_database_keeps_what_merging_in_memory_would(store: ReviewStore) -> None:
    chance = random.Random(0)
    session = f"{chance.getrandbits(128):032x}"
    expected = State()
    for _ in range(60):
        some = [
            Record(chance.choice([A, B, "e" * 32]), "slice", chance.choice(["", ME, YOU]), {"x": chance.randrange(3)},
                   chance.randint(1, 3))
            for _ in range(chance.randint(0, 3))
        ]  # fmt: skip
        lost = [chance.choice([A, B, ME, "f" * 32])] if chance.random() < 0.06 else []
        store.write(session, some, taken_back=lost)
        expected = expected.merge(State.of(some, lost))
        assert store.read(session) == expected
    assert expected.gone
    assert expected.records


def test_the_steps_make_the_tables_that_the_code_knows(store: ReviewStore) -> None:
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "review_version"})
        assert compare_metadata(context, metadata) == []


def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    store = ReviewStore(tmp_path / "r.sqlite")
    with store._engine.begin() as connection:
        connection.execute(sa.text("UPDATE review_version SET version_num = 'r9999'"))
    store.close()
    with pytest.raises(ReviewError, match="made by a later version"):
        ReviewStore(tmp_path / "r.sqlite")


def test_what_is_taken_back_is_not_in_the_files(tmp_path: Path) -> None:
    store = ReviewStore(tmp_path / "r.sqlite")
    secret = "a sentence that nobody shall read again"
    store.write(A, [Record(B, "slice", ME, {"why": secret})])
    store.write(A, [Record(B, "slice", ME, {"why": secret + "!"}, 2)])
    assert any(secret.encode() in file.read_bytes() for file in tmp_path.iterdir())
    store.write(A, [], taken_back=[B])
    assert not any(secret.encode() in file.read_bytes() for file in tmp_path.iterdir())
    assert store.read(A) == State.of([], [B])
    # A copy that still has it brings nothing back.
    store.write(A, [Record(B, "slice", ME, {"why": secret}, 9)])
    assert store.read(A).records == {}


def test_postgresql_has_no_row_left_of_it(postgresql: str) -> None:
    store = ReviewStore(postgresql)
    session = "9" * 32
    store.write(session, [Record(B, "slice", ME, {"why": "x"})])
    store.write(session, [], taken_back=[ME])
    with store._engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT count(*) FROM review_records WHERE session = :s"), {"s": session})
        assert rows.scalar() == 0
        query = sa.text("SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'review_records'")
        for _ in range(100):  # statistics arrive a little later
            dead = connection.execute(query).scalar()
            connection.rollback()
            if dead == 0:
                break
            time.sleep(0.05)
        assert dead == 0
    store.close()


def _review(where: str, session: str, number: int, images: int) -> None:
    store = ReviewStore(where)
    mine = ReviewSession(store, session, code=f"code {number}")
    mine.rename(f"person {number}")
    for row in range(images):
        mine.judge(Judgement(Image("test", row), correct=frozenset({number % 10}), note=f"{number}:{row}"))
    store.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_thirty_reviewers_at_once_lose_nothing(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, suite: Suite
) -> None:
    where = str(tmp_path / "r.sqlite") if kind == "sqlite" else request.getfixturevalue("postgresql")
    session = ReviewSession.create(ReviewStore(where), suite, "thirty")
    with ThreadPoolExecutor(30) as pool:
        list(pool.map(lambda number: _review(where, session.id, number, 8), range(30)))
    seen = session.refresh()
    assert len(seen.judgements) == 30 * 8
    notes = {f"{number}:{row}" for number in range(30) for row in range(8)}
    assert {j.note for j in seen.judgements.values()} == notes
    assert {r.name for r in seen.reviewers.values()} == {f"person {n}" for n in range(30)}
    everybody = seen.by_image()[Image("test", 0)]
    assert len(everybody) == 30


def test_several_kernels_may_open_an_empty_database_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        pool.map(_open, [str(tmp_path / "new.sqlite")] * 4)
    assert ReviewStore(tmp_path / "new.sqlite").sessions() == {}


def _open(where: str) -> None:
    ReviewStore(where).close()


WRITER = """
import sys
from soupwidgets.topics.review import Image, Judgement, ReviewSession, ReviewStore
session = ReviewSession(ReviewStore(sys.argv[1]), sys.argv[2], code="the code")
for row in range(10_000):
    session.judge(Judgement(Image("test", row), note="x" * 500))
    print(row, flush=True)
"""


def test_a_killed_kernel_loses_nothing_that_was_answered(tmp_path: Path, suite: Suite) -> None:
    store = ReviewStore(tmp_path / "r.sqlite")
    session = ReviewSession.create(store, suite, "killed")
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "r.sqlite"), session.id],
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout is not None
    answered = [int(process.stdout.readline()) for _ in range(25)]
    os.kill(process.pid, signal.SIGKILL)
    answered += [int(line) for line in process.stdout.read().splitlines()]
    process.wait()
    back = ReviewSession(store, session.id, code="the code")
    rows = sorted(image.row for image in back.mine())
    assert rows[: len(answered)] == answered
    assert len(rows) - len(answered) in (0, 1)  # the one that was being written
    assert store._engine.connect().execute(sa.text("PRAGMA integrity_check")).scalar() == "ok"


def test_a_full_disk_is_told_and_harms_nothing(tmp_path: Path, suite: Suite) -> None:
    store = ReviewStore(tmp_path / "r.sqlite")
    session = ReviewSession.create(store, suite, "full")
    session.judge(Judgement(Image("test", 0), note="before"))

    def no_room(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite then says what it says on a full disk

    sa.event.listen(store._engine, "begin", no_room)

    def fill() -> None:
        for row in range(1, 200):
            session.judge(Judgement(Image("test", row), note="x" * 4000))

    with pytest.raises(ReviewError, match=r"database or disk is full.*free some space"):
        fill()
    sa.event.remove(store._engine, "begin", no_room)
    written = len(session.refresh().judgements)
    assert session.mine()[Image("test", 0)].note == "before"
    store._engine.dispose()
    session.judge(Judgement(Image("test", 999), note="after"))
    assert len(session.view.judgements) == written + 1


def test_two_reviewers_on_one_image_are_both_kept(session: ReviewSession, store: ReviewStore) -> None:
    other = ReviewSession(store, session.id)
    session.judge(Judgement(Image("test", 4), correct=frozenset({1})))
    other.judge(Judgement(Image("test", 4), wrong=frozenset({1})))
    other.judge(Judgement(Image("test", 4), unclear=frozenset({1})))  # changes their mind, not mine
    said = session.refresh().by_image()[Image("test", 4)]
    assert said[session.reviewer].correct == {1}
    assert said[other.reviewer].unclear == {1}
    assert len(said) == 2


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello, this is not a database at all, and it is long enough to be one page")
    with pytest.raises(ReviewError, match="cannot be opened"):
        ReviewStore(tmp_path / "text")
    with pytest.raises(ReviewError, match="cannot be created"):
        ReviewStore(tmp_path / "text" / "r.sqlite")
    with pytest.raises(ReviewError, match="SQLite file or in PostgreSQL"):
        ReviewStore("mysql://host/reviews")
    with pytest.raises(ReviewError, match="cannot be opened"):
        ReviewStore("postgresql://review:secret@/none?host=/nowhere")
    with pytest.raises(ReviewError) as told:
        ReviewStore("postgresql://review:secret@/none?host=/nowhere")
    assert "secret" not in str(told.value)
