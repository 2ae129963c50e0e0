"""What makes a function a reader of data sets: one decorator, and ``suite build`` knows the kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from soupwidgets.decorators import same_function
from soupwidgets.suites.listing import Listing
from soupwidgets.suites.split import Role

Reader = Callable[[Path, Role], Listing]
_NAME = re.compile(r"[a-z0-9]+([-.][a-z0-9]+)*")
_Reader = TypeVar("_Reader", bound=Reader)
# All of them, by the kind that the command line knows them by.
READERS: dict[str, Reader] = {}


def reader(kind: str) -> Callable[[_Reader], _Reader]:
    """Make a function the reader of a kind of data set.

    Parameters
    ----------
    kind
        In ``KIND=PATH`` on the command line, and in `SplitSource`.

    Returns
    -------
    Callable
        Gives the function back as it is. It takes a path and what the split is for, and lists the images without
        decoding any; what is wrong with the data set is a `SuiteError`.

    Raises
    ------
    ValueError
        When the kind is no word for the command line, or another function reads it.
    """

    def offer(function: _Reader) -> _Reader:
        if not _NAME.fullmatch(kind):
            raise ValueError(f"{kind!r} cannot be a kind of data set: lower case letters and digits, joined by - or .")
        known = READERS.get(kind)
        if known is not None and not same_function(known, function):
            raise ValueError(f"there is a reader of {kind!r} already, in {known.__module__}")
        READERS[kind] = function
        return function

    return offer
