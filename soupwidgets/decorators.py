"""What the decorators have in common by which methods, transforms and readers are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from typing import Any


def import_files(package: str, path: Iterable[str]) -> None:
    """Import every file of a package: its decorators make known what is in it."""
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f"{package}.{module.name}")


def same_function(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    """Whether a function is the other once more, as of a cell of a notebook that runs again.

    Examples
    --------
    >>> same_function(print, print), same_function(print, len)
    (True, False)
    """
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)
