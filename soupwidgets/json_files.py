"""Text and JSON files of other people: of a regular file not more than a limit is read, or a sentence says why not."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from soupwidgets.text import require_characters

# The largest published file of this kind has 6 MiB. As Python's objects a file takes up to 25 times its size.
MOST_BYTES = 1 << 26

_T = TypeVar("_T")


def is_regular(path: str | Path) -> bool:
    """Whether there is a regular file: no folder, and no pipe or device, which may never end."""
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


def read_bytes(path: str | Path, most: int = MOST_BYTES) -> bytes:
    """Read a small file.

    Parameters
    ----------
    path
        The file.
    most
        How many bytes it may have.

    Raises
    ------
    ValueError
        When it cannot be read, is no regular file (a pipe or device may never end), or is larger.
    """
    try:
        # Somebody's folder may hold a pipe, which waits for ever.
        status = Path(path).stat()
        regular = stat.S_ISREG(status.st_mode)
        if regular:
            with open(path, "rb") as file:
                # Python makes room for what is asked for before it reads.
                content = file.read(min(most, status.st_size) + 1)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error
    if not regular:
        raise ValueError(f"{path}: a folder, pipe or device; a file is expected")
    if len(content) > most:
        raise ValueError(f"{path}: larger than {most / (1 << 20):,.0f} MiB, which is the most that is read")
    return content


def read_text(path: str | Path, most: int = MOST_BYTES) -> str:
    """As `read_bytes`, for UTF-8 with or without a byte-order mark."""
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text in UTF-8 ({error})") from error


def read_json_object(path: str | Path, format: str | None = None) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Parameters
    ----------
    path
        The file.
    format
        What it must state as its ``format``; anything when None.

    Raises
    ------
    ValueError
        When the file cannot be read, is larger than 64 MiB, is no JSON, no object, or of another format.
    """
    text = read_text(path)
    try:
        content = json.loads(text)
        require_characters(text, content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a readable JSON file ({error})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected an object, found {type(content).__name__}")
    if format is not None and content.get("format") != format:
        raise ValueError(f"{path}: not a file of the format {format!r}")
    return content


def read_json_lines(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file with one a line, each with the number of its line; empty lines are left out.

    Raises
    ------
    ValueError
        When the file cannot be read or is larger than 64 MiB, or a line is no JSON object.
    """
    # Not `splitlines`, which also breaks at characters that JSON may hold.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            require_characters(line, record)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}, line {number}: not JSON ({error})") from error
        if not isinstance(record, dict):
            raise ValueError(f"{path}, line {number}: not an object")
        yield number, record


def decode(path: str | Path, kind: type[_T], most: int = MOST_BYTES) -> _T:
    """Read JSON of our own, checked against its type.

    Parameters
    ----------
    path
        The file.
    kind
        What it holds, with its limits (`msgspec.Meta`). Fields that the type does not have are left out.
    most
        As in `read_bytes`.

    Raises
    ------
    ValueError
        When the file cannot be read, or anything in it is not of its type; the message says where.
    """
    content = read_bytes(path, most)
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"{path}: malformed ({error})") from error
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ValueError(f"{path}: not a readable JSON file ({error})") from error
