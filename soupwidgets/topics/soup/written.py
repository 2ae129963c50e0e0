"""Soups that no recipe expresses: a method writes a file, which joins the pool as a further point to mix with."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from soupwidgets.evaluation import Evaluator


@dataclass(frozen=True)
class Written:
    """A file that a method wrote.

    Parameters
    ----------
    name
        What the pool calls it.
    path
        Where it is.
    label
        The method's.
    of
        How many ingredients were merged.
    """

    name: str
    path: Path
    label: str
    of: int

    @property
    def words(self) -> str:
        """What it is and where, in a sentence."""
        return f"{self.name} is {self.label} of {self.of} ingredients, written to {self.path}"


def new_file(folder: Path, method: str, taken: Container[str]) -> Path:
    """Name a file that is not there yet, neither in the folder nor in the pool: ``ties``, then ``ties-2``.

    Parameters
    ----------
    folder
        Where it is to be.
    method
        Name of the method.
    taken
        Names that the pool has already.
    """
    for number in count(1):
        name = method if number == 1 else f"{method}-{number}"
        path = folder / f"{name}.safetensors"
        if name not in taken and not path.exists():
            return path
    raise AssertionError("counting ends nowhere")


def with_file(ev: Evaluator, path: Path) -> Evaluator:
    """An evaluator of the same pool and one file more; what is in the store holds for both.

    Parameters
    ----------
    ev
        The evaluator.
    path
        A checkpoint that fits the pool.

    Raises
    ------
    PoolError, CheckpointError
        As in `Pool.including`.
    """
    pool = ev.pool.including(path)
    if ev.pool.opened:
        pool.opened = f"{ev.pool.opened}.including({str(path)!r})"
    return ev.with_pool(pool)
