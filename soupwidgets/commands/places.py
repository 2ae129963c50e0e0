"""Where a command's results go: checked before the work starts, and written completely or not at all."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import TypeVar

Place = TypeVar("Place", str, Path)


def output_file(target: Place | None) -> Place | None:
    """Check before the work starts that the file named by an option can be written, and return it.

    Parameters
    ----------
    target
        A file, a pipe or a device; ``-`` is standard output.

    Raises
    ------
    OSError
        When there is a folder of that name, its parent is a file, or nothing can be created there.
    """
    if target is None or str(target) == "-":
        return target
    path = Path(target)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    # A pipe or a device exists already, and nothing next to it is touched.
    if _is_regular(path):
        _try(path.parent, str(target))
    return target


def output_folder(target: Path | None) -> Path | None:
    """Check that something can be written in the folder named by an option, and return it.

    Raises
    ------
    OSError
        When there is a file of that name, or nothing can be created there.
    """
    if target is not None:
        if target.exists() and not target.is_dir():
            raise OSError(f"{target}: it is a file, but a folder is needed")
        _try(target, str(target))
    return target


def write_text(target: str | Path, text: str) -> None:
    """Write a text to a file atomically, or straight into a pipe or a device.

    Parameters
    ----------
    target
        As in `output_file`. A link stays a link, as in `atomic_path`: the file it points to is written.
    text
        The whole text.

    Raises
    ------
    OSError
        When it cannot be written; an existing file is then unchanged.
    """
    from soupwidgets.checkpoints import atomic_path

    path = Path(target)
    try:
        if str(target) == "-" or _is_stdout(path):
            print(text, end="", flush=True)
        elif _is_regular(path):
            with atomic_path(path) as temporary:
                temporary.write_text(text)
        else:
            with open(path, "w") as device:
                device.write(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        # Name the file that was meant, not the temporary one that was to replace it.
        raise OSError(error.errno, error.strerror, str(target)) from error


def _try(folder: Path, named: str) -> None:
    """Create an unnamed temporary file in a folder, or in its nearest existing parent."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), named)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"{named}: nothing can be written in {folder} ({error.strerror}): choose another location"
        ) from error


def _is_regular(path: Path) -> bool:
    """Whether the path is a regular file, or does not exist yet."""
    return not path.exists() or stat.S_ISREG(path.stat().st_mode)


def _is_stdout(path: Path) -> bool:
    """Whether the path is standard output itself, as ``/dev/stdout`` is, which must not be truncated or replaced."""
    try:
        return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError, AttributeError):
        return False
