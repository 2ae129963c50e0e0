"""Storage of reviews: an SQLite file for one machine, PostgreSQL for many."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from soupwidgets.store.sqlite import write_ahead
from soupwidgets.topics.review.records import Record, ReviewError, State
from soupwidgets.topics.review.schema import gone, records

_BUSY_SECONDS = 60
# VACUUM leaves the bytes in place as free space, and with FULL it keeps what an older transaction could see. A
# table whose column changes its type is rewritten in its current state, without the column's statistics that quote it.
_WRITE_ANEW = "ALTER TABLE review_records ALTER COLUMN body TYPE text USING body || ''"
# How long erasing waits for other programs; what they delay is reported, and finished later.
_ERASE_SECONDS = 1
_MIGRATING = 0x50F7
_IDS_PER_QUERY = 500


@dataclass(frozen=True)
class Erasure:
    """What became of the bytes of something that was withdrawn.

    Parameters
    ----------
    finished
        Whether they are gone from the database's own files.
    sentence
        Where they may still exist, for human readers.
    """

    finished: bool
    sentence: str

    def __str__(self) -> str:
        return self.sentence


class ReviewStore:
    """Review sessions. Several processes may write at once; a write is on disk before the call returns.

    Parameters
    ----------
    where
        A file (SQLite), or the URL of a PostgreSQL database, such as ``"postgresql://user@host/reviews"``.

    Raises
    ------
    ReviewError
        When it cannot be opened, or was made by a later version of this package.
    ModuleNotFoundError
        When PostgreSQL's driver, an optional dependency, is not installed.
    """

    def __init__(self, where: str | Path) -> None:
        url = _url(where)
        self.where = url.render_as_string(hide_password=True)
        self._sqlite = url.get_backend_name() == "sqlite"
        try:
            self._engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS} if self._sqlite else {})
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "PostgreSQL needs its driver: pip install 'soupwidgets[postgresql]'", name=error.name
            ) from error
        if self._sqlite:
            sa.event.listen(self._engine, "connect", _set_up_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
        self._unfinished = False
        with self._telling("opened"):
            self._migrate()
        # Something may have been withdrawn, but not erased, while another program was reading.
        log = Path(f"{url.database}-wal") if self._sqlite else None
        if log is not None and log.exists() and log.stat().st_size:
            self.erase()

    def __repr__(self) -> str:
        return f"ReviewStore({self.where!r})"

    def sessions(self) -> dict[str, str]:
        """Ids of the stored sessions, with their titles."""
        query = sa.select(records.c.session, records.c.body).where(
            records.c.kind == "session", records.c.session == records.c.id
        )
        with self._reading() as connection:
            found = connection.execute(query).all()
        return {session: str(self._body(session, body).get("title", "")) for session, body in found}

    def read(self, session: str) -> State:
        """The whole content of a session."""
        columns = [records.c[name] for name in ("id", "kind", "author", "body", "version")]
        with self._reading() as connection:
            rows = connection.execute(sa.select(*columns).where(records.c.session == session)).all()
            lost = connection.execute(sa.select(gone.c.id).where(gone.c.session == session)).scalars().all()
        found = [Record(id, kind, author, self._body(id, body), version) for id, kind, author, body, version in rows]
        return State.of(found, lost)

    def _body(self, record: str, text: str) -> dict[str, Any]:
        try:
            body = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise ReviewError(f"{self.where}: record {record!r:.80} is damaged ({str(error)[:200]})") from error
        if not isinstance(body, dict):
            raise ReviewError(f"{self.where}: record {record!r:.80} is damaged (no object)")
        return body

    def write(self, session: str, given: Iterable[Record], *, taken_back: Iterable[str] = ()) -> Erasure | None:
        """Merge records, and ids that were withdrawn, into a session: all of them or none.

        What was withdrawn before is not written again, and a lower version replaces nothing.
        Returns what became of the bytes, if something was withdrawn or somebody changed their name.

        Parameters
        ----------
        given
            Records in any order.
        taken_back
            Ids of records, or of reviewers who withdraw all of theirs.

        Raises
        ------
        ReviewError
            When a record cannot be stored, the disk is full, or the database cannot be reached; nothing is
            written then.
        """
        lost = sorted(set(taken_back))
        new = State.of((record.check() for record in given), lost)
        with self._writing(session) as connection:
            if lost:
                self._take_back(connection, session, lost)
            if new.records:
                self._keep(connection, session, list(new.records.values()))
        # A previous name must be erased, too.
        renamed = any(r.kind == "reviewer" and r.version > 1 for r in new.records.values())
        return self.erase() if lost or renamed or self._unfinished else None

    def erase(self) -> Erasure:
        """Overwrite what was withdrawn; databases only mark it as free.

        Returns
        -------
        Erasure
            Not finished while another program is reading. Every later write tries again, and so does
            every opening of the store.
        """
        try:
            with self._engine.connect() as connection:
                held_up = self._erase_sqlite(connection) if self._sqlite else self._erase_postgresql(connection)
        except (sa.exc.DBAPIError, OSError) as error:
            # The withdrawal itself is valid all the same.
            held_up = f"the database says {str(getattr(error, 'orig', error)).strip()!r}"
        self._unfinished = bool(held_up)
        if held_up:
            return Erasure(
                False,
                f"Taken back: it is not shown to anyone any more. But {held_up}: the text is still in the files of "
                f"{self.where} until the next change overwrites it, or store.erase().",
            )
        if self._sqlite:
            return Erasure(True, "Taken back, and overwritten in the database's files.")
        return Erasure(
            True,
            "Taken back, and out of the database's tables. The server's write-ahead log has the text until it is "
            "recycled, and so may replicas and backups: ask the server's administrator.",
        )

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _take_back(self, connection: sa.Connection, session: str, lost: list[str]) -> None:
        insert = sqlite.insert if self._sqlite else postgresql.insert
        for start in range(0, len(lost), _IDS_PER_QUERY):
            ids = lost[start : start + _IDS_PER_QUERY]
            rows = [{"session": session, "id": one} for one in ids]
            connection.execute(insert(gone).on_conflict_do_nothing(), rows)
            named = sa.or_(records.c.id.in_(ids), records.c.author.in_(ids))
            connection.execute(sa.delete(records).where(records.c.session == session, named))

    def _keep(self, connection: sa.Connection, session: str, given: list[Record]) -> None:
        lost: set[str] = set()
        asked = sorted({one for record in given for one in (record.id, record.author)})
        for start in range(0, len(asked), _IDS_PER_QUERY):
            ids = asked[start : start + _IDS_PER_QUERY]
            query = sa.select(gone.c.id).where(gone.c.session == session, gone.c.id.in_(ids))
            lost.update(connection.execute(query).scalars())
        rows = [
            {"session": session, "id": r.id, "kind": r.kind, "author": r.author, "version": r.version,
             "digest": r.digest, "body": r.text}
            for r in given if r.id not in lost and r.author not in lost
        ]  # fmt: skip
        if not rows:
            return
        statement = (sqlite.insert if self._sqlite else postgresql.insert)(records)
        new = statement.excluded
        # Digests are hexadecimal: every database sorts them the same way if it compares bytes.
        later = new.digest.collate("C" if not self._sqlite else "BINARY") > records.c.digest
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["session", "author", "id"],
                set_={name: new[name] for name in ("kind", "version", "digest", "body")},
                where=sa.or_(new.version > records.c.version, sa.and_(new.version == records.c.version, later)),
            ),
            rows,
        )

    def _erase_sqlite(self, connection: sa.Connection) -> str:
        driver: Any = connection.connection.driver_connection
        driver.execute(f"PRAGMA busy_timeout={_ERASE_SECONDS * 1000}")
        try:
            # Rows are zeroed when they are deleted (`_set_up_sqlite`), but only in the log: the file has the old pages
            # until the log is copied into it, which waits for readers of an older state.
            busy, in_log, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            driver.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
        return "another program is in the middle of reading" if busy or in_log > 0 else ""

    def _erase_postgresql(self, connection: sa.Connection) -> str:
        try:
            with connection.begin():
                connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_ERASE_SECONDS}s'"))
                connection.execute(sa.text(_WRITE_ANEW))
            # Only this corrects the server's own count of dead rows.
            plain = connection.execution_options(isolation_level="AUTOCOMMIT")
            plain.execute(sa.text("VACUUM (SKIP_LOCKED) review_records"))
        except sa.exc.DBAPIError as error:
            reasons = {
                "55P03": "another program is in the middle of reading",
                "42501": "only the owner of the table can rewrite it",
            }
            state = str(getattr(error.orig, "sqlstate", ""))
            if state not in reasons:
                raise
            return reasons[state]
        return ""

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(files("soupwidgets.topics.review") / "migrations"))
        script = ScriptDirectory.from_config(config)
        # Several kernels may open an empty database at the same time.
        with self._engine.begin() as connection:
            if not self._sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
            known = {step.revision for step in script.walk_revisions()}
            there = _version(connection)
            if there is not None and there not in known:
                raise ReviewError(f"{self.where} was made by a later version (step {there}): update soupwidgets")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._telling("read"), self._engine.connect() as connection:
            yield connection.execution_options(reading=True)

    @contextmanager
    def _writing(self, session: str) -> Iterator[sa.Connection]:
        with self._telling("written"), self._engine.begin() as connection:
            if not self._sqlite:
                # Withdrawing and writing wait for each other. SQLite has only one writer anyway.
                key = sa.func.hashtextextended(session, 0)
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
            yield connection

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sa.exc.DBAPIError, OSError, UnicodeDecodeError) as error:
            reason = str(getattr(error, "orig", error)).strip()
            hint = ": free some space, and try again" if "full" in reason else ""
            raise ReviewError(f"the reviews in {self.where} cannot be {what} ({reason}){hint}") from error


def _url(where: str | Path) -> sa.URL:
    if isinstance(where, str) and where.startswith(("postgresql:", "postgres:", "postgresql+psycopg:")):
        return sa.make_url(where.replace("postgres:", "postgresql:", 1)).set(drivername="postgresql+psycopg")
    if isinstance(where, str) and "://" in where:
        raise ReviewError(f"{where.split('://')[0]}: reviews are kept in an SQLite file or in PostgreSQL")
    path = Path(where)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReviewError(f"{path.parent}: cannot be created ({error})") from error
    return sa.URL.create("sqlite", database=str(path))


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("review_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM review_version")).scalar()
    return None if found is None else str(found)


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    # SQLAlchemy begins transactions itself (`_begin_sqlite`), immediately rather than at the first write.
    connection.isolation_level = None
    cursor = connection.cursor()
    write_ahead(cursor, _BUSY_SECONDS)
    # An acknowledged judgement survives a power cut, and a withdrawn one is overwritten.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
