"""Files of a site: packed by gzip, and described so that a page notices what is damaged or from another export."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from soupwidgets.checkpoints import atomic_path


@dataclass(frozen=True)
class Packed:
    """One file: its name, how many bytes it has, and size and SHA-256 of what they unpack to.

    Equal sizes mean that it is not packed. Some servers unpack what ends in ``.gz`` on the way: a page sees by the
    size which of both it got.
    """

    file: str
    packed: int
    size: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """Every field, as plain JSON values."""
        return asdict(self)


def write_packed(folder: Path, name: str, content: bytes) -> Packed:
    """Write ``<name>.gz``; the same content gives the same bytes."""
    return _written(folder, f"{name}.gz", gzip.compress(content, mtime=0), content)


def copy(folder: Path, source: Path) -> Packed:
    """Copy a file as it is: gzip would not make it smaller."""
    content = source.read_bytes()
    return _written(folder, source.name, content, content)


def _written(folder: Path, file: str, packed: bytes, content: bytes) -> Packed:
    with atomic_path(folder / file) as path:
        path.write_bytes(packed)
    return Packed(file, len(packed), len(content), hashlib.sha256(content).hexdigest())
