"""Folders in object storage (S3, GCS) and on other file systems of fsspec: copied to a verified local cache.

A copy is used as long as the other side states the same version (its ETag, or else times) and size, and the copy has
the SHA-256 that it had when it came.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from tqdm.auto import tqdm

from soupwidgets.checkpoints.errors import CheckpointError
from soupwidgets.checkpoints.stamps import Stamp, stamp_of
from soupwidgets.checkpoints.writing import atomic_path
from soupwidgets.folders import cache_folder
from soupwidgets.text import one_line

# A path object has swallowed one of the two slashes.
_URL = re.compile(r"^(s3|gs|gcs|memory|file):/+(?=[^/])|^(file|memory):/+")
_NEEDS = {"s3": "soupwidgets[remote]", "gs": "gcsfs", "gcs": "gcsfs"}
# What states a version, the best first; GCS has ``etag``, and file systems have times.
_VERSIONS = ("ETag", "etag", "md5Hash", "mtime", "created", "LastModified")
_LONGEST_NAME = 255
RECORD = ".source.json"

# Names (with ``/`` for what lies in folders below) that are there, to those that are wanted.
Choose = Callable[[Iterable[str]], Iterable[str]]


class _Known(msgspec.Struct):
    version: str
    size: int
    sha256: str
    stamp: Stamp


class _Record(msgspec.Struct):
    url: str
    files: dict[str, _Known] = {}


def is_url(source: object) -> bool:
    """Whether this names something on another file system, such as ``"s3://bucket/zoo"``.

    Examples
    --------
    >>> is_url("s3://bucket/zoo"), is_url("data/zoo"), is_url("hf-hub:owner/name")
    (True, False, False)
    """
    return isinstance(source, str | Path) and _URL.match(str(source)) is not None


def fetch(url: str | Path, choose: Choose, folder: Path | None = None) -> Path:
    """Copy files of a remote folder that are not in the cache yet, or have changed there.

    Parameters
    ----------
    url
        For example ``"s3://bucket/zoo"``. Keys and endpoints come from where fsspec's file systems look for them
        (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, ``~/.aws``, ...).
    choose
        Is given the names of the files there, down to folders in it, and returns those that are wanted.
    folder
        Where copies go; a folder of its own in the user's cache (``SOUPWIDGETS_CACHE``) when None.

    Returns
    -------
    Path
        The local folder: it holds what was chosen under the same names, complete and verified, and nothing that was
        chosen earlier and is gone from the other side.

    Raises
    ------
    CheckpointError
        When it cannot be reached, a name does not belong into a folder, or what came is not what was announced.
    """
    address = _normal(url)
    files, root = _file_system(address)
    folder = folder or _cache(address)
    listed = _listed(files, root, address)
    chosen = {name: listed[name] for name in choose(listed) if name in listed}
    for name in chosen:
        _require_safe(name, address)
    before = record_of(folder)
    record = _Record(address)
    due = []
    for name, info in chosen.items():
        old = before.files.get(name) if before else None
        if old is not None and (old.version, old.size) == _version(info) and _is_same(folder / name, old):
            record.files[name] = old
        else:
            due.append(name)
    total = sum(_version(chosen[name])[1] for name in due)
    with (
        _failures(address),
        tqdm(total=total, unit="B", unit_scale=True, desc=one_line(address), disable=not due) as bar,
    ):
        for name in due:
            record.files[name] = _copied(files, f"{root}/{name}", chosen[name], folder / name, address)
            bar.update(record.files[name].size)
        for name in (before.files if before else {}).keys() - record.files.keys():
            (folder / name).unlink(missing_ok=True)
        with atomic_path(folder / RECORD) as path:
            path.write_bytes(msgspec.json.encode(record))
    return folder


def fetch_matching(url: str | Path) -> list[Path]:
    """Copies of one remote file, or of all that a pattern (``*``, ``?`` in the last part) stands for, by name.

    Raises
    ------
    CheckpointError
        As in `fetch`, and when there is none.
    """
    folder, _, pattern = _normal(url).rpartition("/")
    exact = not re.search(r"[*?\[]", pattern)

    def choose(names: Iterable[str]) -> list[str]:
        return [n for n in names if "/" not in n and (n == pattern if exact else fnmatch.fnmatchcase(n, pattern))]

    # By pattern and by name the copies are apart: each folder holds what was chosen together.
    local = fetch(folder, choose, _cache(_normal(url)))
    found = record_of(local)
    if found is None or not found.files:
        raise CheckpointError(_normal(url), "there is no such file")
    return [local / name for name in sorted(found.files)]


def record_of(folder: Path) -> _Record | None:
    """What is known about a folder of copies; None where it is none, or the record cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        return msgspec.json.decode((folder / RECORD).read_bytes(), type=_Record)
    return None


def _normal(url: str | Path) -> str:
    kind, _, rest = str(url).partition(":")
    return f"{kind}://{'/' if kind == 'file' else ''}{rest.strip('/')}"


def _cache(address: str) -> Path:
    last = re.sub(r"[^A-Za-z0-9_-]+", "_", address.rpartition("/")[2])[:40]
    return cache_folder().absolute() / "remote" / hashlib.sha256(address.encode()).hexdigest()[:16] / (last or "folder")


def _file_system(address: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    try:
        files, root = url_to_fs(address)
    except (ImportError, ValueError, OSError) as error:
        needs = _NEEDS.get(address.partition(":")[0])
        advice = f": pip install '{needs}'" if needs and isinstance(error, ImportError) else ""
        raise CheckpointError(address, f"cannot be opened ({error}){advice}") from error
    return files, str(root).rstrip("/")


def _listed(files: Any, root: str, address: str) -> dict[str, Mapping[str, Any]]:
    """What is in a folder and in folders in it, by names from there."""
    with _failures(address):
        files.invalidate_cache()
        found = files.find(root, maxdepth=2, detail=True)
        if not found:
            raise CheckpointError(address, "there is no such folder, or nothing is in it")
    start = files._strip_protocol(root).strip("/") + "/"
    names = {path.lstrip("/").removeprefix(start): info for path, info in found.items()}
    return {name: info for name, info in names.items() if info.get("type", "file") == "file"}


def _require_safe(name: str, address: str) -> None:
    """Raise unless a name stays in its folder, is no record of ours, and is one that every file system has."""
    for part in name.split("/"):
        fits = len(part.encode("utf-8", "surrogatepass")) <= _LONGEST_NAME and part.isprintable() and "\\" not in part
        if not fits or not part or part.startswith("."):
            raise CheckpointError(address, f"{name!r:.300} there is not the name of a file; rename it there")


def _version(info: Mapping[str, Any]) -> tuple[str, int]:
    stated = next((f"{key} {info[key]}" for key in _VERSIONS if info.get(key)), "none")
    return stated, int(info.get("size") or 0)


def _is_same(path: Path, known: _Known) -> bool:
    """Whether a copy is as it came: by its stamp, or else by its content."""
    try:
        if path.is_symlink() or not path.is_file():
            return False
        return stamp_of(path.stat()) == known.stamp or _sha256(path) == known.sha256
    except OSError:
        return False


def _copied(files: Any, remote: str, info: Mapping[str, Any], target: Path, address: str) -> _Known:
    if target.is_symlink() or target.parent.is_symlink():
        raise CheckpointError(address, f"its copy {target} is a link: remove it")
    before = _version(files.info(remote))
    with atomic_path(target) as temporary:
        files.get_file(remote, str(temporary))
        found = temporary.stat().st_size
        if found != before[1]:
            raise CheckpointError(address, f"{target.name} came with {found:,} of {before[1]:,} bytes; try again")
        files.invalidate_cache()
        if _version(files.info(remote)) != before:
            raise CheckpointError(address, f"{target.name} was replaced while it was copied; try again")
        digest = _sha256(temporary)
    # What the list said: had the file been replaced since, the next list differs, and it is copied again.
    return _Known(*_version(info), digest, stamp_of(target.stat()))


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _failures(address: str) -> Any:
    try:
        yield
    except CheckpointError:
        raise
    except FileNotFoundError as error:
        raise CheckpointError(address, f"there is no such folder or file ({error})") from error
    except Exception as error:
        # Every file system has errors of its own: no keys, no network, no right to read.
        raise CheckpointError(
            address,
            f"cannot be read ({type(error).__name__}: {error}). Keys, region and endpoint are taken from where the "
            "file system's own tools take them (for S3: AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ~/.aws)",
        ) from error
