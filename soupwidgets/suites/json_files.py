"""JSON files of other people, read with care."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_MOST_BYTES = 1 << 28


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
        When the file cannot be read, is larger than 256 MiB, is no JSON, no object, or of another format.
    """
    path = Path(path)
    try:
        small = path.stat().st_size <= _MOST_BYTES
        content = json.loads(path.read_text("utf-8")) if small else None
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a readable JSON file ({error})") from error
    if not small:
        raise ValueError(f"{path}: larger than {_MOST_BYTES >> 20} MiB")
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected an object, found {type(content).__name__}")
    if format is not None and content.get("format") != format:
        raise ValueError(f"{path}: not a file of the format {format!r}")
    return content
