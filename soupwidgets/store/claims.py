"""Claims: which process is making a measurement, so that others wait for it instead of repeating it.

A claim is a file that its holder has locked, ``claims/<key>`` in the store. The operating system releases the
lock when the process dies, however it dies. The file says how far the holder has got and whether it is
working; a waiting process can show that, and takes over from a holder that has made no progress for a while.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from pathlib import Path

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

# Seconds of silence after which a holder is considered stopped: one that stopped between two batches
# (a paused iterator), and one that is working (perhaps on the first batch of a huge model).
PAUSED_PATIENCE, WORKING_PATIENCE = 10.0, 600.0
# A single write of a few hundred bytes is never seen half done.
_LENGTH = 512


class Claim:
    """The right to make a measurement, until ``release``, the last reference is gone, or the process ends.

    If files cannot be locked (Windows, some network file systems, a read-only folder), every
    claim is granted: then processes do not share, and each one measures on its own.

    Parameters
    ----------
    path
        The claim's file.
    descriptor
        Descriptor of the file, open and locked; None if locking is not available.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor
        self._words = b""
        self.release = weakref.finalize(self, _release, path, descriptor, os.getpid())

    def __repr__(self) -> str:
        return f"Claim({self._path.name[:12]}, {'held' if self.held else 'not held'})"

    @property
    def held(self) -> bool:
        """Whether the claim is still held; another process may have taken over, or the store may be gone."""
        return self.release.alive and (self._descriptor is None or _is_file(self._path, self._descriptor))

    def say(self, *, working: bool, words: bytes | None = None) -> None:
        """Report progress to waiting processes.

        Parameters
        ----------
        working
            Whether the holder is working at the moment.
        words
            Its progress, in at most 450 bytes; unchanged when None.
        """
        if words is not None:
            self._words = words
        if self._descriptor is None or not self.release.alive:
            return
        content = (b"w" if working else b"p") + _me() + b" " + self._words
        # Not essential: with a full disk, waiting processes merely see no progress.
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, content.ljust(_LENGTH)[:_LENGTH], 0)


class Claims:
    """All claims of one store.

    Parameters
    ----------
    folder
        Where the files are; created when the first claim is taken.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        # Each holder's last report with its time by the file's clock, and since when we have known it, by our clock.
        self._watched: dict[str, tuple[tuple[bytes, int], float]] = {}

    def __repr__(self) -> str:
        return f"Claims({str(self._folder)!r})"

    def take(self, key: str) -> Claim | None:
        """Claim a measurement; None while another process, or another evaluator in this one, has it.

        Never waits. After getting a claim, look into the store first: the previous holder may have stored the result.

        Parameters
        ----------
        key
            From `measurement_key`.
        """
        path = self._folder / key
        if fcntl is None:
            return Claim(path, None)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = _locked(path)
            if descriptor is None and self._has_stopped(key, path):
                # The holder notices before its next batch. So do two processes that take over at the same time.
                path.unlink(missing_ok=True)
                descriptor = _locked(path)
        except OSError:
            return Claim(path, None)
        if descriptor is None:
            return None
        with self._lock:
            self._watched.pop(key, None)
        claim = Claim(path, descriptor)
        claim.say(working=False)
        return claim

    def look(self, key: str) -> bytes:
        """The progress that a claim's holder reported last; empty if none."""
        return _read(self._folder / key)[0][1:].partition(b" ")[2].rstrip()

    def clear(self) -> int:
        """Remove files that dead processes left behind; returns how many."""
        paths = [path for path in self._folder.glob("*") if path.is_file()]
        return sum(self._removed(path) for path in paths)

    def _removed(self, path: Path) -> bool:
        if fcntl is None:
            return False
        with contextlib.suppress(OSError):
            if (descriptor := _locked(path)) is not None:
                _release(path, descriptor, os.getpid())
                return True
        return False

    def _has_stopped(self, key: str, path: Path) -> bool:
        said, now = _read(path), time.monotonic()
        paused = said[0].startswith(b"p")
        # This same thread holds it through a paused iterator, which cannot make progress while the thread waits here.
        if paused and said[0][1:].partition(b" ")[0] == _me():
            return True
        with self._lock:
            before, since = self._watched.get(key, (None, now))
            if said != before:
                self._watched[key] = said, now
                return False
        return now - since > (PAUSED_PATIENCE if paused else WORKING_PATIENCE)


def _me() -> bytes:
    return f"{os.getpid()}.{threading.get_ident()}".encode()


def _read(path: Path) -> tuple[bytes, int]:
    try:
        with open(path, "rb") as file:
            return file.read(_LENGTH), os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return b"", 0


def _locked(path: Path) -> int | None:
    """Open and lock a file; None if another process has it locked."""
    for _ in range(10):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        # Its last holder may have removed it between the two calls: then the lock is on a deleted file.
        if _is_file(path, descriptor):
            return descriptor
        os.close(descriptor)
    return None


def _is_file(path: Path, descriptor: int) -> bool:
    try:
        there, mine = os.stat(path), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _release(path: Path, descriptor: int | None, owner: int) -> None:
    if descriptor is None:
        return
    # A forked child has the descriptor too, but does not own the claim.
    if os.getpid() == owner and _is_file(path, descriptor):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        os.close(descriptor)
