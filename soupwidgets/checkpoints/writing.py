"""Writing a file so that a reader sees the old one or the new one, never half of either."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from soupwidgets.checkpoints.card import CARD_KEY


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``target``; on success it takes the target's name.

    Parameters
    ----------
    target
        The file to be made or replaced. Its folder is made if need be.

    Yields
    ------
    Path
        Where to write. When the block raises, this file is removed and the
        target stays as it was.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with atomic_path(folder / "note.txt") as path:
    ...     _ = path.write_text("whole or not at all")
    >>> [file.name for file in folder.iterdir()]
    ['note.txt']
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_checkpoint(path: str | Path, tensors: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Write tensors and a card to a safetensors file, atomically.

    Parameters
    ----------
    path
        The file to be made or replaced.
    tensors
        By name; written as they are.
    card
        JSON values; see `Card` for the entries that are understood.
    """
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(contiguous, metadata={CARD_KEY: json.dumps(card, sort_keys=True)}))
