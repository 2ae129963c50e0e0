"""Widgets that end with the run of the notebook cell that made them."""

from __future__ import annotations

from typing import Protocol
from weakref import WeakSet

from IPython import get_ipython


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Stop and free."""


# By notebook cell: the run that made its widgets, and these.
_OF_CELL: dict[str, tuple[str, WeakSet[Closable]]] = {}


def in_a_notebook() -> bool:
    """Whether a kernel runs this, so that widgets can be shown."""
    return hasattr(get_ipython(), "kernel")


def close_with_cell(made: Closable) -> None:
    """Close what the same cell showed before it was run again, and remember this one for then.

    Nobody sees it any more, but ipywidgets keeps every shown widget that is not closed, and it would go on measuring.
    """
    kernel_shell = get_ipython()
    if not hasattr(kernel_shell, "get_parent"):
        return
    message = kernel_shell.get_parent()
    cell, run = message.get("metadata", {}).get("cellId"), message.get("header", {}).get("msg_id", "")
    # Made by a click or a timer: by no cell.
    if not isinstance(cell, str):
        return
    before, widgets = _OF_CELL.get(cell, (run, WeakSet()))
    if before != run:
        for widget in list(widgets):
            widget.close()
        widgets = WeakSet()
    widgets.add(made)
    _OF_CELL[cell] = run, widgets
