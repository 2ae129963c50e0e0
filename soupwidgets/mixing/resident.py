"""The rows of a matrix that stay in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor


class ResidentRows:
    """As many rows ``[parameters]`` as memory allows; the one that was used longest ago makes room for another.

    Parameters
    ----------
    names
        Of all rows.
    size
        Parameters of a row.
    most
        How many rows are kept. If there is room for all, each has its place from the start.
    dtype, device
        Of the rows.

    Raises
    ------
    RuntimeError
        When the device has too little memory.

    Examples
    --------
    >>> rows = ResidentRows("abc", 4, most=2, dtype=torch.float32, device=torch.device("cpu"))
    >>> [rows.take(name, keep=()) for name in "abcb"]
    [(0, True), (1, True), (0, True), (1, False)]
    """

    def __init__(self, names: Sequence[str], size: int, *, most: int, dtype: torch.dtype, device: torch.device) -> None:
        self.complete = most >= len(names)
        self.data: Tensor = torch.empty(min(most, len(names)), size, dtype=dtype, device=device)
        self._home = {name: place for place, name in enumerate(names)} if self.complete else {}
        # The row that was used longest ago comes first.
        self._place: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._place)

    def take(self, name: str, *, keep: Collection[str]) -> tuple[int, bool]:
        """The place of a row, and whether it has to be filled.

        Parameters
        ----------
        keep
            Rows that must not make room for it; fewer than there are places.
        """
        place = self._place.pop(name, None)
        fresh = place is None
        if place is None:
            place = self._home.get(name)
        if place is None:
            place = len(self._place)
            if place == len(self.data):
                place = self._place.pop(next(other for other in self._place if other not in keep))
        self._place[name] = place
        return place, fresh

    def forget(self, name: str) -> None:
        """Have a row filled again when it is taken next."""
        self._place.pop(name, None)
