"""A store in PostgreSQL: rows, logits and claims in one database, for many machines without a common disk."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects.postgresql import insert

from soupwidgets.folders import cache_folder
from soupwidgets.store.arrays import array_digest
from soupwidgets.store.claims import PAUSED_PATIENCE, WORKING_PATIENCE
from soupwidgets.store.places import SERVER
from soupwidgets.store.rows import Row
from soupwidgets.store.store import Store
from soupwidgets.store.table import metadata

_WORDS = 450
# Any number that other programs do not use: who makes the tables.
_MAKING = 0x50F8

arrays = sa.Table(
    "arrays",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
claims = sa.Table(
    "claims",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("holder", sa.String(32), nullable=False),
    sa.Column("working", sa.Boolean, nullable=False),
    sa.Column("words", sa.LargeBinary, nullable=False),
    sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
)


class ServerStore(Store):
    """Measurements in PostgreSQL; what `Store` makes of the URL of a database.

    Parameters
    ----------
    folder
        The URL. The tables are made if they do not exist.

    Raises
    ------
    StoreError
        As in `Store`.
    ModuleNotFoundError
        When PostgreSQL's driver, an optional dependency, is not installed.
    """

    claims: Any

    def __init__(self, folder: str | Path) -> None:
        text = str(folder)
        # A path object has swallowed a slash; a URL without a host has three of them.
        url = sa.make_url(SERVER.sub(f"postgresql+psycopg://{'/' if ':///' in text else ''}", text))
        self.place = url.render_as_string(hide_password=True)
        # Reviews and what else belongs to a user are kept in a folder, wherever measurements are.
        self.folder = cache_folder() / "store"
        self._said: set[str] = set()
        try:
            self._engine = sa.create_engine(url, pool_pre_ping=True)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "PostgreSQL needs its driver: pip install 'soupwidgets[postgresql]'", name=error.name
            ) from error
        with self.failures("no store can be opened here"), self._engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
            metadata.create_all(connection)
        self.claims = ServerClaims(self._engine)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A database transaction."""
        with self.failures(), self._engine.begin() as connection:
            yield connection

    def _insert(self) -> Callable[..., Any]:
        return insert

    def _is_there(self) -> bool:
        return True

    def _write_array(self, array: NDArray[np.float32], digest: str) -> int:
        file = io.BytesIO()
        np.save(file, array.astype("<f4", copy=False), allow_pickle=False)
        content = file.getvalue()
        filed = insert(arrays).values(digest=digest, content=content)
        with self.transaction() as connection:
            connection.execute(filed.on_conflict_do_update(index_elements=["digest"], set_={"content": content}))
        return len(content)

    def _read_array(self, digest: str) -> NDArray[np.float32] | None:
        with self.transaction() as connection:
            content = connection.execute(sa.select(arrays.c.content).where(arrays.c.digest == digest)).scalar()
        with contextlib.suppress(ValueError, EOFError):
            found = np.load(io.BytesIO(content or b""), allow_pickle=False)
            if found.dtype == np.dtype("<f4") and array_digest(found) == digest:
                plain: NDArray[np.float32] = found.astype(np.float32, copy=False)
                return plain
        return None

    def _forget_array(self, digest: str) -> str:
        with self.transaction() as connection:
            connection.execute(sa.delete(arrays).where(arrays.c.digest == digest))
        return f"{self.place}, array {digest[:12]}"

    def _with_arrays(self, rows: Sequence[Row]) -> set[str]:
        wanted = {row.logits_sha256 for row in rows if row.logits_sha256}
        size = sa.select(arrays.c.digest, sa.func.octet_length(arrays.c.content)).where(arrays.c.digest.in_(wanted))
        with self.transaction() as connection:
            sizes = {row[0]: row[1] for row in connection.execute(size)}
        return {row.key for row in rows if row.logits_sha256 and sizes.get(row.logits_sha256) == row.logits_bytes}

    def _remedy(self, _otherwise: str) -> str:
        return "Is the server running, is the URL right, and has its disk room?"


class ServerClaim:
    """A `Claim` in a database, until `release`, the last reference is gone, or the process ends.

    Parameters
    ----------
    claims_of
        The store's claims.
    key
        The measurement.
    """

    def __init__(self, claims_of: ServerClaims, key: str) -> None:
        self._claims, self.key = claims_of, key
        self.holder = uuid.uuid4().hex
        self.release = weakref.finalize(self, claims_of.give_up, key, self.holder)

    @property
    def held(self) -> bool:
        """Whether it is still held; another process may have taken over."""
        return self.release.alive and self._claims.holds(self.key, self.holder)

    def say(self, *, working: bool, words: bytes | None = None) -> None:
        """As `Claim.say`."""
        if self.release.alive:
            self._claims.say(self.key, self.holder, working=working, words=words)


class ServerClaims:
    """All claims of a store in PostgreSQL.

    A claim is an advisory lock, which the server releases when its process dies, however it dies; a row says how far
    the holder has got. As with `Claims`, one that has been silent for too long is passed over, and where the
    server cannot be asked, every claim is granted.

    Parameters
    ----------
    engine
        The database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.RLock()
        self._session: sa.Connection | None = None
        # Advisory locks are the session's, and granted to it again and again.
        self._mine: dict[str, str] = {}

    def take(self, key: str) -> ServerClaim | None:
        """As `Claims.take`."""
        claim = ServerClaim(self, key)
        try:
            with self._lock:
                # Asked of the session that has it, the lock would be granted again.
                asked = sa.select(sa.func.pg_try_advisory_lock(_number(key)))
                locked = key not in self._mine and bool(self._locks().execute(asked).scalar())
                if not locked and not self._has_stopped(key):
                    return None
                if locked:
                    self._mine[key] = claim.holder
            self._name_holder(key, claim.holder)
        except sa.exc.DBAPIError:
            self._lost()
        return claim

    def look(self, key: str) -> bytes:
        """The progress that a claim's holder reported last; empty if none."""
        with contextlib.suppress(sa.exc.DBAPIError), self._engine.begin() as connection:
            return bytes(connection.execute(sa.select(claims.c.words).where(claims.c.key == key)).scalar() or b"")
        return b""

    def clear(self) -> int:
        """Remove what dead processes left behind; returns how many."""
        old = sa.func.now() - sa.text(f"interval '{WORKING_PATIENCE} seconds'")
        with self._engine.begin() as connection:
            return int(connection.execute(sa.delete(claims).where(claims.c.said_at < old)).rowcount)

    def holds(self, key: str, holder: str) -> bool:
        """Whether this one holds the claim, as far as can be asked."""
        try:
            with self._engine.begin() as connection:
                return connection.execute(sa.select(claims.c.holder).where(claims.c.key == key)).scalar() == holder
        except sa.exc.DBAPIError:
            return True

    def say(self, key: str, holder: str, *, working: bool, words: bytes | None) -> None:
        """Write how far a holder is; one that was passed over says nothing."""
        row: dict[str, Any] = {"working": working, "said_at": sa.func.clock_timestamp()}
        row |= {} if words is None else {"words": words[:_WORDS]}
        mine = sa.update(claims).where(claims.c.key == key, claims.c.holder == holder)
        # Not essential: without a server, others merely see no progress.
        with contextlib.suppress(sa.exc.DBAPIError), self._engine.begin() as connection:
            connection.execute(mine.values(**row))

    def give_up(self, key: str, holder: str) -> None:
        """Release a claim."""
        gone = sa.delete(claims).where(claims.c.key == key, claims.c.holder == holder)
        try:
            with self._engine.begin() as connection:
                connection.execute(gone)
            with self._lock:
                if self._mine.get(key) == holder:
                    del self._mine[key]
                    self._locks().execute(sa.select(sa.func.pg_advisory_unlock(_number(key))))
        except sa.exc.DBAPIError:
            self._lost()

    def _name_holder(self, key: str, holder: str) -> None:
        row = {"holder": holder, "working": False, "words": b"", "said_at": sa.func.clock_timestamp()}
        new = insert(claims).values(key=key, **row)
        with self._engine.begin() as connection:
            connection.execute(new.on_conflict_do_update(index_elements=["key"], set_=row))

    def _has_stopped(self, key: str) -> bool:
        silent = sa.func.extract("epoch", sa.func.clock_timestamp() - claims.c.said_at)
        with self._engine.begin() as connection:
            found = connection.execute(sa.select(silent, claims.c.working).where(claims.c.key == key)).one_or_none()
        return found is not None and float(found[0]) > (WORKING_PATIENCE if found[1] else PAUSED_PATIENCE)

    def _locks(self) -> sa.Connection:
        """The session that holds the locks of this process."""
        if self._session is None or self._session.closed:
            self._session = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        return self._session

    def _lost(self) -> None:
        with self._lock:
            session, self._session = self._session, None
            self._mine.clear()
            if session is not None:
                with contextlib.suppress(sa.exc.SQLAlchemyError):
                    session.invalidate()


def _number(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big", signed=True)
