"""Where a command's results go: looked at before the work begins, and written whole or not at all."""

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
    """The file that an option names, after a look whether it could be written: an hour's work must not end in no.

    Parameters
    ----------
    target
        A file, a pipe or a device; ``-`` is standard output.

    Raises
    ------
    OSError
        When a folder is in the way, its own folder is a file, or nothing can be made there.
    """
    if target is None or str(target) == "-":
        return target
    path = Path(target)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    # A pipe or a device is there already, and nothing beside it is touched.
    if _is_regular(path):
        _try(path.parent, str(target))
    return target


def output_folder(target: Path | None) -> Path | None:
    """The folder that an option names, after a look whether something could be written in it.

    Raises
    ------
    OSError
        When a file is in the way, or nothing can be made there.
    """
    if target is not None:
        if target.exists() and not target.is_dir():
            raise OSError(f"{target}: it is a file, and a folder is needed")
        _try(target, str(target))
    return target


def write_text(target: str | Path, text: str) -> None:
    """Write a text to a file at once, or straight into a pipe or a device.

    Parameters
    ----------
    target
        As in `output_file`. A link stays one, as in `atomic_path`: what it points to is written.
    text
        All of it.

    Raises
    ------
    OSError
        When it cannot be written; a file that was there is then as it was.
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
        # The file that was meant, not the one beside it that was to take its place.
        raise OSError(error.errno, error.strerror, str(target)) from error


def _try(folder: Path, named: str) -> None:
    """Make a nameless file in a folder, or in the nearest one above it that is there."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), named)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"{named}: nothing can be written in {folder} ({error.strerror}): choose another place"
        ) from error


def _is_regular(path: Path) -> bool:
    """Whether a regular file is there, or nothing yet."""
    return not path.exists() or stat.S_ISREG(path.stat().st_mode)


def _is_stdout(path: Path) -> bool:
    """Whether it is where standard output goes anyway, as ``/dev/stdout`` is: nothing is to be cut off or replaced."""
    try:
        return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError, AttributeError):
        return False
