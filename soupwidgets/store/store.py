"""The store: every measurement that was ever made, filed by content.

A measurement's numbers are a row of an SQLite database, its logits a ``.npy``
file beside it. The file is complete and on disk before the row is written, so
whatever moment a process dies at, every row that exists can be trusted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects.sqlite import insert

from soupwidgets.checkpoints import atomic_path

_metadata = sa.MetaData()
_measurements = sa.Table(
    "measurements",
    _metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("recipe", sa.Text, nullable=False),
    sa.Column("split", sa.Text, nullable=False),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("correct", sa.Integer, nullable=False),
    sa.Column("loss", sa.Float, nullable=True),
    sa.Column("logits_sha256", sa.String(64), nullable=False),
    sa.Column("logits_bytes", sa.Integer, nullable=False),
    sa.Column("made_at", sa.String(32), nullable=False),
    sa.Column("made_with", sa.Text, nullable=False),
    # These came later: `_create_tables` adds them to a store that was made before.
    sa.Column("figure", sa.Text, nullable=True),
    sa.Column("loss_sd", sa.Float, nullable=True),
)
_LATER = {"figure": "TEXT", "loss_sd": "FLOAT"}

# SQLite waits this long for another process that is writing.
_BUSY_SECONDS = 60
_KEYS_PER_QUERY = 500


class StoreError(RuntimeError):
    """The store cannot be opened or written; the message says where it is and what to do."""


@dataclass(frozen=True)
class Measurement:
    """The numbers of one recipe on one split.

    Parameters
    ----------
    recipe
        JSON of the recipe, for people who look into the database.
    split
        Name of the split, likewise.
    total, correct
        Number of images, and of right predictions.
    loss
        Mean cross-entropy in nats; NaN where logits were not finite.
    made_with
        Versions and device, for the record.
    figure
        Metric, value and limits, where the split's benchmark reports something else than the share of right images.
    loss_sd
        Standard deviation of the loss over the images, in nats; None where it was not recorded.
    """

    recipe: str
    split: str
    total: int
    correct: int
    loss: float
    made_with: str = ""
    figure: Mapping[str, Any] | None = None
    loss_sd: float | None = None


def measurement_key(
    recipe: Sequence[tuple[str, float]],
    architecture: str,
    split_hash: str,
    precision: str = "float32",
    by_tensor: Mapping[str, Sequence[tuple[str, float]]] | None = None,
    treatment: Mapping[str, Any] | None = None,
) -> str:
    """What a measurement is filed under.

    Parameters
    ----------
    recipe
        Content hash of each checkpoint, with its coefficient.
    architecture
        Fingerprint of the architecture.
    split_hash
        Content hash of the split.
    precision
        In which the model computed.
    by_tensor
        Tensors with coefficients of their own, in the form of ``recipe``.
    treatment
        What else was done to the mixture before it was measured, as plain values.

    Returns
    -------
    str
        64 hexadecimal digits, the same on every machine.
    """
    parts: dict[str, Any] = {
        "recipe": [[checkpoint, float(value).hex()] for checkpoint, value in recipe],
        "architecture": architecture,
        "split": split_hash,
        "precision": precision,
    }
    if by_tensor:
        parts["by_tensor"] = {t: [[c, float(value).hex()] for c, value in own] for t, own in by_tensor.items()}
    if treatment:
        parts["treatment"] = dict(treatment)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Store:
    """Measurements on disk, safe with several threads and processes at work.

    Parameters
    ----------
    folder
        Holds ``measurements.sqlite`` and ``logits/``; made if it is not there.

    Raises
    ------
    StoreError
        When the folder cannot be written or the database is not one.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).absolute()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            url = sa.URL.create("sqlite", database=str(self.folder / "measurements.sqlite"))
            self._engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
            sa.event.listen(self._engine, "connect", _set_up_connection)
            _create_tables(self._engine)
        except (OSError, sa.exc.DatabaseError) as error:
            raise StoreError(
                f"{self.folder}: no store can be opened here ({error}). Set SOUPWIDGETS_STORE to a folder "
                "that can be written, or move a damaged measurements.sqlite away."
            ) from error

    @classmethod
    def default(cls) -> Store:
        """The store of this user: the folder ``SOUPWIDGETS_STORE``, or else the user's cache folder."""
        return cls(os.environ.get("SOUPWIDGETS_STORE") or platformdirs.user_cache_path("soupwidgets") / "store")

    def __repr__(self) -> str:
        return f"Store({str(self.folder)!r}, {len(self)} measurements)"

    def __len__(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(_measurements)).scalar_one())

    def get(self, keys: Iterable[str], with_logits: bool = True) -> dict[str, Measurement]:
        """The measurements that are there, of those asked for.

        Parameters
        ----------
        keys
            From `measurement_key`.
        with_logits
            Leave out what has no logits: numbers alone, and rows whose file is gone or was cut
            short. Who asks for logits then measures again.
        """
        wanted = list(keys)
        found: dict[str, Measurement] = {}
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), _KEYS_PER_QUERY):
                part = wanted[start : start + _KEYS_PER_QUERY]
                for row in connection.execute(sa.select(_measurements).where(_measurements.c.key.in_(part))):
                    if not with_logits or self._has_file(row.logits_sha256, row.logits_bytes):
                        found[row.key] = Measurement(
                            row.recipe,
                            row.split,
                            row.total,
                            row.correct,
                            float("nan") if row.loss is None else row.loss,
                            row.made_with,
                            None if row.figure is None else json.loads(row.figure),
                            row.loss_sd,
                        )
        return found

    def recipes(self, splits: Sequence[str]) -> list[str]:
        """JSON of every recipe that was measured on a split of one of these names, each once, in order."""
        column = _measurements.c.recipe
        statement = sa.select(column).where(_measurements.c.split.in_(list(splits))).distinct().order_by(column)
        with self._engine.connect() as connection:
            return [str(text) for text in connection.execute(statement).scalars()]

    def put(self, key: str, measurement: Measurement, logits: NDArray[np.float32] | None) -> None:
        """File a measurement; one that is there already is replaced by this one, unless this one has no logits.

        Parameters
        ----------
        key
            From `measurement_key`.
        measurement
            Its numbers.
        logits
            ``[images, classes]``, float32; None for numbers alone, as of the hundreds of points of a landscape.

        Raises
        ------
        StoreError
            When the disk is full or cannot be written. Nothing that was there is lost.
        """
        try:
            digest, size = ("", 0) if logits is None else self._put_logits(logits)
            row: dict[str, Any] = {
                "key": key,
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
            insertion = insert(_measurements).values(row)
            replace = {name: value for name, value in row.items() if name != "key"}
            statement = (
                insertion.on_conflict_do_nothing(index_elements=["key"])
                if logits is None
                else insertion.on_conflict_do_update(index_elements=["key"], set_=replace)
            )
            with self._engine.begin() as connection:
                connection.execute(statement)
        except (OSError, sa.exc.DatabaseError) as error:
            raise StoreError(f"{self.folder}: a measurement could not be written ({error})") from error

    def logits(self, key: str) -> NDArray[np.float32]:
        """The logits of a measurement, ``[images, classes]``.

        Raises
        ------
        KeyError
            When there is no such measurement.
        StoreError
            When the file does not hold what was written; its row is removed, so
            that the next evaluation measures again.
        """
        with self._engine.connect() as connection:
            statement = sa.select(_measurements.c.logits_sha256).where(_measurements.c.key == key)
            digest = connection.execute(statement).scalar_one_or_none()
        if not digest:
            raise KeyError(key)
        path = self._path(digest)
        try:
            logits: NDArray[np.float32] = np.load(path, allow_pickle=False)
            intact = hashlib.sha256(repr(logits.shape).encode() + logits.tobytes()).hexdigest() == digest
        except (OSError, ValueError):
            intact = False
        if not intact:
            with self._engine.begin() as connection:
                connection.execute(sa.delete(_measurements).where(_measurements.c.logits_sha256 == digest))
            path.unlink(missing_ok=True)
            raise StoreError(f"{path}: damaged; its measurement was removed, evaluate the recipe again")
        return logits

    def _put_logits(self, logits: NDArray[np.float32]) -> tuple[str, int]:
        plain = np.ascontiguousarray(logits, dtype=np.float32)
        digest = hashlib.sha256(repr(plain.shape).encode() + plain.tobytes()).hexdigest()
        path = self._path(digest)
        if not path.exists():
            with atomic_path(path) as temporary, open(temporary, "wb") as file:
                np.save(file, plain)
        return digest, path.stat().st_size

    def _path(self, digest: str) -> Path:
        return self.folder.joinpath("logits", digest[:2], f"{digest}.npy")

    def _has_file(self, digest: str, size: int) -> bool:
        try:
            return digest != "" and self._path(digest).stat().st_size == size
        except OSError:
            return False


def _create_tables(engine: sa.Engine) -> None:
    # Several processes may start on an empty folder at once: whoever comes second finds the table there.
    with engine.connect() as connection:
        connection.execute(sa.schema.CreateTable(_measurements, if_not_exists=True))
        connection.commit()
        there = {column["name"] for column in sa.inspect(engine).get_columns("measurements")}
        for name, kind in _LATER.items():
            if name not in there:
                with contextlib.suppress(sa.exc.OperationalError):
                    connection.execute(sa.text(f"ALTER TABLE measurements ADD COLUMN {name} {kind}"))
                    connection.commit()


def _set_up_connection(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # The timeout first: changing to WAL can itself meet a lock.
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
