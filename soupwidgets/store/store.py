"""The store: every measurement ever made, filed by content.

A measurement's numbers are a row of an SQLite database, its logits a ``.npy``
file next to it (`server` has both in PostgreSQL). The file is complete and on disk before the row is written, so
every row can be trusted, whenever a process may have died. Damage that
happens later is noticed when a measurement is read.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from soupwidgets.store.arrays import array_digest, read_array, write_array
from soupwidgets.store.claims import Claims
from soupwidgets.store.errors import StoreError, StoreWarning
from soupwidgets.store.places import is_server
from soupwidgets.store.rows import Measurement, Row, read_row
from soupwidgets.store.sqlite import write_ahead

if TYPE_CHECKING:
    import sqlalchemy as sa

DATABASE = "measurements.sqlite"
# SQLite waits this long for another process that is writing.
_BUSY_SECONDS = 60
_KEYS_PER_QUERY = 500


class Store:
    """Measurements on disk, safe to use from several threads and processes.

    Parameters
    ----------
    folder
        Holds ``measurements.sqlite`` and ``logits/``; created if it does not exist. The URL of a PostgreSQL database
        (``"postgresql://user@host/soups"``) gives a store that many machines fill at once.

    Raises
    ------
    StoreError
        When the folder cannot be written or the file is not a database. Every method raises it too, with a
        sentence that says what to do, when the disk or the database fails.

    Notes
    -----
    A store that is deleted while in use is created again, and one that is replaced by another is
    reopened, both with a `StoreWarning`. There is also one warning about rows that cannot be read and arrays that are
    missing or damaged: they count as not measured, and are replaced by the next measurement.
    """

    def __new__(cls, folder: str | Path) -> Store:
        """A store in a folder, or on a server."""
        if cls is not Store or not is_server(folder):
            return super().__new__(cls)
        from soupwidgets.store.server import ServerStore

        return super().__new__(ServerStore)

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).absolute()
        self.place = str(self.folder)
        self.claims = Claims(self.folder / "claims")
        self._opening = threading.Lock()
        self._said: set[str] = set()
        self._open()

    @classmethod
    def default(cls) -> Store:
        """The user's default store: the folder ``SOUPWIDGETS_STORE``, or else the user's cache folder."""
        return cls(os.environ.get("SOUPWIDGETS_STORE") or platformdirs.user_cache_path("soupwidgets") / "store")

    def __repr__(self) -> str:
        try:
            return f"Store({self.place!r}, {len(self)} measurements)"
        except StoreError:
            return f"Store({self.place!r}, which cannot be read)"

    def __len__(self) -> int:
        import sqlalchemy as sa

        from soupwidgets.store.table import measurements

        with self.transaction() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(measurements)).scalar_one())

    def get(self, keys: Iterable[str], *, with_logits: bool = True) -> dict[str, Measurement]:
        """Those of the requested measurements that exist.

        Parameters
        ----------
        keys
            From `measurement_key`.
        with_logits
            Leave out measurements without logits: stored as numbers only, or with a missing or truncated
            file. A caller that needs logits then measures again.
        """
        from soupwidgets.store.table import measurements, select

        wanted = list(keys)
        found: dict[str, Measurement] = {}
        unreadable: list[str] = []
        lost: list[str] = []
        for start in range(0, len(wanted), _KEYS_PER_QUERY):
            part = wanted[start : start + _KEYS_PER_QUERY]
            with self.transaction() as connection:
                rows = connection.execute(select(measurements.c.key.in_(part))).all()
            entries = {row.key: entry for row in rows if (entry := read_row(row)) is not None}
            unreadable += [str(row.key) for row in rows if row.key not in entries]
            there = self._with_arrays([row for row, _ in entries.values()]) if with_logits else set(entries)
            found |= {key: said for key, (_, said) in entries.items() if key in there}
            lost += [key for key, (row, _) in entries.items() if key not in there and row.logits_sha256]
        self._say(unreadable, "a measurement cannot be read (from another version, or edited)")
        self._say(lost, "the logits of a measurement are missing or truncated")
        return found

    def recipes(self, splits: Sequence[str], *, with_logits: bool = False) -> list[str]:
        """JSON of every recipe that was measured on a split with one of these names, without repeats, sorted.

        Parameters
        ----------
        splits
            Names of splits.
        with_logits
            Leave out recipes of which only numbers are stored.
        """
        import sqlalchemy as sa

        from soupwidgets.store.table import measurements, short_enough

        column = measurements.c.recipe
        statement = sa.select(column).where(measurements.c.split.in_(list(splits)), short_enough()).distinct()
        if with_logits:
            statement = statement.where(measurements.c.logits_sha256 != "")
        with self.transaction() as connection:
            found = connection.execute(statement.order_by(column)).scalars().all()
        return [text for text in found if isinstance(text, str)]

    def put(self, key: str, measurement: Measurement, logits: NDArray[np.float32] | None) -> None:
        """Store a measurement; it replaces an existing one, unless it has no logits.

        Parameters
        ----------
        key
            From `measurement_key`.
        measurement
            Its numbers.
        logits
            ``[images, classes]``, float32; None to store only the numbers, as for the hundreds of points of a
            landscape.

        Raises
        ------
        StoreError
            When the disk is full or cannot be written. Nothing that was stored before is lost.
        """
        # A write to a database that was deleted meanwhile is lost: check, and write again.
        for _ in range(2):
            self._put(key, measurement, logits)
            if self._is_there():
                self._said.discard(key)
                return
        raise StoreError(f"{self.folder}: the store is deleted again and again; use a folder that nothing else deletes")

    def logits(self, key: str) -> NDArray[np.float32]:
        """The logits of a measurement, ``[images, classes]``.

        Raises
        ------
        KeyError
            When there is no such measurement, or it has no logits.
        StoreError
            When the file does not hold what was written; its row is removed, so
            that the next evaluation measures again.
        """
        import sqlalchemy as sa

        from soupwidgets.store.table import measurements, select

        with self.transaction() as connection:
            row = connection.execute(select(measurements.c.key == key)).one_or_none()
        entry = None if row is None else read_row(row)
        if entry is None or not entry[0].logits_sha256:
            raise KeyError(key)
        digest = entry[0].logits_sha256
        logits = self._read_array(digest)
        if logits is None:
            with self.transaction() as connection:
                connection.execute(sa.delete(measurements).where(measurements.c.logits_sha256 == digest))
            where = self._forget_array(digest)
            raise StoreError(f"{where}: damaged; its measurement was removed, evaluate the recipe again")
        return logits

    def array_path(self, digest: str) -> Path:
        """The path of the array with this digest."""
        return self.folder.joinpath("logits", digest[:2], f"{digest}.npy")

    def _put(self, key: str, measurement: Measurement, logits: NDArray[np.float32] | None) -> None:
        from soupwidgets.store.table import measurements, select

        digest, size = "", 0
        if logits is not None:
            plain = np.ascontiguousarray(logits, dtype=np.float32)
            digest = array_digest(plain)
            with self.failures():
                size = self._write_array(plain, digest)
        row: dict[str, Any] = {
            "recipe": measurement.recipe,
            "split": measurement.split,
            "total": measurement.total,
            "correct": measurement.correct,
            "loss": measurement.loss if np.isfinite(measurement.loss) else None,
            "logits_sha256": digest,
            "logits_bytes": size,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "made_with": measurement.made_with,
            "figure": None if measurement.figure is None else json.dumps(dict(measurement.figure)),
            "loss_sd": measurement.loss_sd,
        }
        filed = self._insert()(measurements).values(key=key, **row)
        with self.transaction() as connection:
            there = connection.execute(select(measurements.c.key == key)).one_or_none()
            # Numbers without logits add nothing to an existing row, if that is readable.
            if logits is not None or there is None or read_row(there) is None:
                connection.execute(filed.on_conflict_do_update(index_elements=["key"], set_=row))

    # What is different where arrays lie in a database.

    def _insert(self) -> Callable[..., Any]:
        from sqlalchemy.dialects.sqlite import insert

        return insert

    def _write_array(self, array: NDArray[np.float32], digest: str) -> int:
        return write_array(self.array_path(digest), array, digest)

    def _read_array(self, digest: str) -> NDArray[np.float32] | None:
        return read_array(self.array_path(digest), digest)

    def _forget_array(self, digest: str) -> str:
        """Remove an array; returns where it was."""
        path = self.array_path(digest)
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return str(path)

    def _with_arrays(self, rows: Sequence[Row]) -> set[str]:
        """The keys of those rows whose arrays are there, and not truncated."""
        return {row.key for row in rows if row.logits_sha256 and self._size(row.logits_sha256) == row.logits_bytes}

    def _size(self, digest: str) -> int | None:
        try:
            return self.array_path(digest).stat().st_size
        except OSError:
            return None

    def _say(self, keys: Sequence[str], what: str) -> None:
        """Warn about rows, once for each."""
        new = [key for key in keys if key not in self._said]
        if new:
            self._said.update(new)
            more = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
            warnings.warn(
                f"{self.place}: {what}{more}; it counts as not measured, and is measured again when it is needed",
                StoreWarning,
                stacklevel=3,
            )

    def _open(self) -> None:
        import sqlalchemy as sa

        with self.failures("no store can be opened here", "or move a damaged measurements.sqlite away"):
            self.folder.mkdir(parents=True, exist_ok=True)
            url = sa.URL.create("sqlite", database=str(self.folder / DATABASE))
            self._engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
            sa.event.listen(self._engine, "connect", _set_up_connection)
            _create_tables(self._engine)
            self._file = _identity(self.folder / DATABASE)

    def _is_there(self) -> bool:
        return self._file is not None and _identity(self.folder / DATABASE) == self._file

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A database transaction; a store that was deleted meanwhile is created again first."""
        with self.failures():
            with self._opening:
                if not self._is_there():
                    self._open_again()
            with self._engine.begin() as connection:
                yield connection

    def _open_again(self) -> None:
        """Reopen a replaced or deleted database; SQLite itself would keep writing to the deleted file."""
        gone = _identity(self.folder / DATABASE) is None
        self._engine.dispose()
        self._open()
        what = (
            "deleted while it was in use: it was created again, what it held is"
            if gone
            else "replaced by another while it was in use: that one is read from now on, what the old one held may be"
        )
        warnings.warn(
            f"{self.folder}: the store was {what} measured again when it is needed", StoreWarning, stacklevel=5
        )

    @contextmanager
    def failures(self, what: str = "the store failed", otherwise: str = "") -> Iterator[None]:
        """Turn errors of the disk and the database into one sentence."""
        import sqlalchemy as sa

        try:
            yield
        except (OSError, UnicodeDecodeError, sa.exc.DBAPIError) as error:
            reason = error.orig if isinstance(error, sa.exc.DBAPIError) else error
            raise StoreError(f"{self.place}: {what} ({reason}). {self._remedy(otherwise)}") from error

    def _remedy(self, otherwise: str) -> str:
        return (
            "Free some disk space (`soupwidgets store prune` helps), set SOUPWIDGETS_STORE to a writable folder"
            f"{', ' + otherwise if otherwise else ''}."
        )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def _create_tables(engine: sa.Engine) -> None:
    import sqlalchemy as sa

    from soupwidgets.store.table import LATER, measurements, select

    # Several processes may start on an empty folder at once: the second one finds the table there.
    with engine.connect() as connection:
        connection.execute(sa.schema.CreateTable(measurements, if_not_exists=True))
        connection.commit()
        there = {column["name"] for column in sa.inspect(engine).get_columns("measurements")}
        for name, kind in LATER.items():
            if name not in there:
                with contextlib.suppress(sa.exc.OperationalError):
                    connection.execute(sa.text(f"ALTER TABLE measurements ADD COLUMN {name} {kind}"))
                    connection.commit()
        # Fails here if a table of this name has other columns.
        connection.execute(select(sa.false())).all()


def _set_up_connection(connection: Any, _record: Any) -> None:
    # Bytes that are not valid text spoil only their own row, not every query result that includes it.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    cursor = connection.cursor()
    write_ahead(cursor, _BUSY_SECONDS)
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
