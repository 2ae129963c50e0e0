"""Work that was interrupted: what it takes to go on lies in the store, until the work is done."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch

from soupwidgets.checkpoints import atomic_path
from soupwidgets.methods.advice import warn

_Work = TypeVar("_Work")


class Unfinished:
    """The state of one piece of work.

    Parameters
    ----------
    folder
        Where such states lie.
    key
        A name made of all that decides the result: other work has another one, and never goes on from this.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.path = folder / "unfinished" / f"{key}.pt"
        self._keeps = True

    def resume(self, restored: Callable[[dict[str, Any]], _Work]) -> _Work | None:
        """Go on from what is there; None where nothing is.

        Parameters
        ----------
        restored
            Makes the work of its state; raises an error for what is none.

        Warns
        -----
        SoupWarning
            When the file cannot be read as a state: the work is to begin anew.
        """
        if not self.path.is_file():
            return None
        try:
            return restored(torch.load(self.path, weights_only=True))
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, LookupError, TypeError, ValueError,
                AttributeError) as error:  # fmt: skip
            warn(f"{self.path} cannot be read as the state of an interrupted run ({error!r:.200}): it begins anew")
            return None

    def keep(self, state: dict[str, Any]) -> None:
        """Keep a state in place of the one before.

        Warns
        -----
        SoupWarning
            Once, when it cannot be written: the work goes on, and could not be resumed.
        """
        if not self._keeps:
            return
        try:
            with atomic_path(self.path) as temporary:
                torch.save(state, temporary)
        except (OSError, RuntimeError) as error:
            self._keeps = False
            warn(f"{self.path} cannot be written ({error}): if this is interrupted, it begins anew")

    def forget(self) -> None:
        """The work is done."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
