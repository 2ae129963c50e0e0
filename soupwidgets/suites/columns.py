"""Arrays that grow row by row: in memory, and once they are large in a file that all sessions share."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
import uuid
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.folders import cache_folder
from soupwidgets.suites.arrays import map_array
from soupwidgets.suites.content import SuiteError

# Arrays of fewer bytes stay in memory.
IN_MEMORY = 1 << 28
# A file is written in pieces of this size.
_PIECE = 1 << 24
# Seconds after which a file that nobody holds was left by a process that was killed.
_LEFT = 60


class Column:
    """One array of all examples.

    Parameters
    ----------
    where
        Split and name, for messages.

    Examples
    --------
    >>> column = Column("split 'val': x")
    >>> for row in ([1, 2], [3, 4]):
    ...     column.append(np.array(row))
    >>> column.finish().tolist()
    [[1, 2], [3, 4]]
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._rows: list[NDArray[Any]] = []
        self._held = 0
        self._n = 0
        self._file: IO[bytes] | None = None
        self._part = Path()
        self._digest = hashlib.sha256()
        self._shape: tuple[int, ...] = ()
        self._dtype = np.dtype(np.uint8)

    def append(self, row: NDArray[Any]) -> None:
        """Add the row of the next example; a copy, because a data set may fill the same array again.

        Raises
        ------
        SuiteError
            When it has another shape or precision than the rows before.
        """
        if not self._n:
            self._shape, self._dtype = row.shape, row.dtype.newbyteorder("<")
        if row.shape != self._shape:
            raise SuiteError(
                f"{self._where}, row {self._n}: of shape {row.shape}, the rows before are {self._shape}; all examples "
                "must have one shape (images: resize or crop them; tokens: pad them to one length)"
            )
        if row.dtype.newbyteorder("<") != self._dtype:
            raise SuiteError(f"{self._where}, row {self._n}: {row.dtype}, the rows before are {self._dtype}")
        self._rows.append(np.array(row, dtype=self._dtype, order="C"))
        self._held += row.nbytes
        self._n += 1
        if self._held > (IN_MEMORY if self._file is None else _PIECE):
            self._write()

    def finish(self) -> NDArray[Any]:
        """The whole array ``[n, ...]``, mapped from its file if it is large."""
        if self._file is None:
            return np.stack(self._rows)
        self._write()
        header = self._header()
        self._digest.update(header)
        self._file.seek(0)
        self._file.write(header)
        self._file.flush()
        os.fsync(self._file.fileno())
        target = self._part.with_name(f"{self._digest.hexdigest()[:40]}.npy")
        # Another session may have mapped the same content.
        if not target.exists():
            os.replace(self._part, target)
        self.close()
        return map_array(target)

    def close(self) -> None:
        """Remove what is not finished."""
        if self._file is not None:
            self._file.close()
            self._part.unlink(missing_ok=True)

    def _write(self) -> None:
        if self._file is None:
            folder = _folder()
            self._part = folder / f"{uuid.uuid4().hex}.part"
            self._file = open(self._part, "wb")  # noqa: SIM115 closed by `close`
            _hold(self._file)
            self._file.write(self._header())
        for row in self._rows:
            # A row without axes of its own has one here.
            content = row.tobytes()
            self._digest.update(content)
            self._file.write(content)
        self._rows, self._held = [], 0

    def _header(self) -> bytes:
        """That of a ``.npy`` file; NumPy leaves room in it for any number of rows, so that it can be written again."""
        made = io.BytesIO()
        described = {"descr": self._dtype.str, "fortran_order": False, "shape": (self._n, *self._shape)}
        np.lib.format.write_array_header_1_0(made, described)
        return made.getvalue()


def _folder() -> Path:
    """Where large arrays are; what killed processes have left there goes."""
    cache = cache_folder()
    folder = cache / "examples"
    folder.mkdir(parents=True, exist_ok=True)
    for part in folder.glob("*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > _LEFT:
                with open(part, "rb") as file:
                    _hold(file)
                    part.unlink()
    return folder


def _hold(file: IO[bytes]) -> None:
    """Lock a file while it is being written; raises OSError if another process holds it."""
    try:
        import fcntl
    except ImportError:
        # Windows removes no file that is open.
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
