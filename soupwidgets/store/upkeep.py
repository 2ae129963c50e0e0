"""Maintaining a store: what it holds, what is damaged, and what can be removed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from soupwidgets.store.arrays import read_array
from soupwidgets.store.errors import StoreError
from soupwidgets.store.places import is_server
from soupwidgets.store.rows import Row, read_row
from soupwidgets.store.store import DATABASE, Store

# Seconds; an array younger than this may belong to a row that is about to be written.
_YOUNG = 3600

What = Literal["unreadable row", "missing array", "damaged array", "orphaned array", "too old", "too large"]


@dataclass(frozen=True)
class StoreInfo:
    """What is in a store.

    Parameters
    ----------
    place
        Folder of the store.
    measurements
        How many measurements there are, each of a recipe on a split.
    with_logits
        How many of them have their logits.
    recipes
        How many recipes were measured.
    bytes
        Disk space used by the database and the arrays.
    oldest, newest
        When the first and the last measurement were made, in ISO 8601; None for an empty store.
    """

    place: str
    measurements: int
    with_logits: int
    recipes: int
    bytes: int
    oldest: str | None
    newest: str | None


@dataclass(frozen=True)
class Finding:
    """Something in a store that is damaged, or that the user wants to remove.

    Parameters
    ----------
    what
        The kind of finding.
    key
        Key of the measurement; empty for an array that belongs to none.
    path
        Path of the array, relative to the store; empty if there is none.
    bytes
        Size of the array on disk.
    """

    what: What
    key: str
    path: str
    bytes: int


def existing_store(folder: str | Path | None) -> Store:
    """Open an existing store, the user's default store when None.

    Raises
    ------
    StoreError
        When there is none, so that a typing error does not create a new store; or it is on a server.
    """
    where = folder or os.environ.get("SOUPWIDGETS_STORE") or ""
    if is_server(where):
        raise StoreError(
            "only stores in folders are looked after here; the tables of one in PostgreSQL (measurements, arrays) "
            "are looked after with PostgreSQL's own tools"
        )
    if folder is None:
        return Store.default()
    if not (Path(folder) / DATABASE).is_file():
        raise StoreError(f"{folder}: there is no store; give the folder that holds {DATABASE}")
    return Store(folder)


def info(store: Store) -> StoreInfo:
    """Count what is in a store, without reading any array.

    Raises
    ------
    StoreError
        When it cannot be read.
    """
    import sqlalchemy as sa

    from soupwidgets.store.table import measurements

    columns = measurements.c
    count = sa.func.count
    statement = sa.select(
        count(),
        count(sa.case((columns.logits_sha256 != "", 1))),
        count(columns.recipe.distinct()),
        sa.func.min(columns.made_at),
        sa.func.max(columns.made_at),
    )
    with store.transaction() as connection:
        rows, with_logits, recipes, oldest, newest = connection.execute(statement).one()
    files = [store.folder / f"{DATABASE}{ending}" for ending in ("", "-wal", "-shm")] + _arrays(store)
    return StoreInfo(
        str(store.folder), rows, with_logits, recipes, sum(map(_size, files)),
        None if oldest is None else str(oldest), None if newest is None else str(newest),
    )  # fmt: skip


def check(store: Store) -> list[Finding]:
    """Compare every row with its array, and every array with the rows; reads all of them once.

    Parameters
    ----------
    store
        The store; nothing in it is changed.

    Returns
    -------
    list[Finding]
        Rows that cannot be read, rows whose array is missing or damaged, and arrays that no row refers to. An
        array from the last hour is not reported: its row may be about to be written.

    Raises
    ------
    StoreError
        When the database cannot be read.
    """
    found: list[Finding] = []
    named: dict[Path, bool] = {}
    for key, row in _rows(store):
        if row is None:
            found.append(Finding("unreadable row", key, "", 0))
        elif row.logits_sha256:
            path = store.array_path(row.logits_sha256)
            if path not in named:
                named[path] = read_array(path, row.logits_sha256) is not None
            if not named[path]:
                what: What = "damaged array" if path.exists() else "missing array"
                found.append(Finding(what, key, _relative(store, path), _size(path)))
    for path in _arrays(store):
        if path not in named and _age(path) > _YOUNG:
            found.append(Finding("orphaned array", "", _relative(store, path), _size(path)))
    return found


def beyond(store: Store, *, days: float | None = None, megabytes: float | None = None) -> list[Finding]:
    """The measurements that exceed a limit of age or size.

    Parameters
    ----------
    store
        The store.
    days
        Limit of age; None for no limit.
    megabytes
        Limit of the size of the logits on disk (10^6 bytes); None for no limit.
    """
    limit = None if days is None else datetime.now(UTC) - timedelta(days=days)
    found: list[Finding] = []
    for key, row in _rows(store):
        if row is None:
            continue
        path = _relative(store, store.array_path(row.logits_sha256)) if row.logits_sha256 else ""
        if limit is not None and (made := _moment(row.made_at)) is not None and made < limit:
            found.append(Finding("too old", key, path, row.logits_bytes))
        elif megabytes is not None and row.logits_bytes > 1e6 * megabytes:
            found.append(Finding("too large", key, path, row.logits_bytes))
    return found


def remove(store: Store, findings: Sequence[Finding]) -> int:
    """Remove rows, arrays that no row refers to any more, and claims left behind by dead processes.

    Parameters
    ----------
    store
        The store.
    findings
        From `check` and `beyond`.

    Returns
    -------
    int
        Total size in bytes of the removed arrays.

    Raises
    ------
    StoreError
        When something cannot be removed. What was removed by then is consistent: rows first, then arrays.
    """
    import sqlalchemy as sa

    from soupwidgets.store.table import measurements

    with store.transaction() as connection:
        for key in {finding.key for finding in findings if finding.key}:
            connection.execute(sa.delete(measurements).where(measurements.c.key == key))
    named = {store.array_path(row.logits_sha256) for _, row in _rows(store) if row is not None and row.logits_sha256}
    freed = 0
    with store.failures():
        for path in {store.folder / finding.path for finding in findings if finding.path}:
            if path not in named and path.exists():
                freed += _size(path)
                path.unlink(missing_ok=True)
        store.claims.clear()
    return freed


def _rows(store: Store) -> Iterator[tuple[str, Row | None]]:
    """Key and row of every measurement; None for a row that cannot be read."""
    import sqlalchemy as sa

    from soupwidgets.store.table import measurements, select

    columns = measurements.c
    with store.transaction() as connection:
        keys = connection.execute(sa.select(columns.key).order_by(columns.key)).scalars().all()
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        with store.transaction() as connection:
            rows = {row.key: read_row(row) for row in connection.execute(select(columns.key.in_(part)))}
        for key in part:
            entry = rows.get(key)
            yield key, None if entry is None else entry[0]


def _arrays(store: Store) -> list[Path]:
    # Includes the hidden temporary files of killed writers.
    return sorted(path for path in store.folder.glob("logits/*/*") if path.is_file() and not path.is_symlink())


def _relative(store: Store, path: Path) -> str:
    return str(path.relative_to(store.folder))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
