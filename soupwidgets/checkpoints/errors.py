"""The error raised for a weight file that cannot be used."""

from __future__ import annotations

from pathlib import Path

_LONGEST = 2000


class CheckpointError(ValueError):
    """A weight file is missing, damaged or not what was expected.

    Parameters
    ----------
    path
        The file.
    reason
        What is wrong with it, and what to do.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        # Names in untrusted files may be as long as the file.
        reason = reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]}..."
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason
