"""What all explorers share: one worker, one place for errors, waiting and closing."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

import ipywidgets
from IPython import get_ipython

from soupwidgets.evaluation import Evaluator
from soupwidgets.panel.closing import close_tree
from soupwidgets.panel.html import error_message
from soupwidgets.panel.newest_wins import NewestWins
from soupwidgets.pool import Pool, PoolError


def evaluator_for(explorer: str, given: Any) -> Evaluator:
    """The evaluator that an explorer was given.

    Raises
    ------
    TypeError
        When it was given something else; it says what to write.
    """
    if isinstance(given, Evaluator):
        return given
    it = "a " + type(given).__name__
    write = f'{explorer}(Evaluator(pool, suite)), with pool = Pool.open("...") and suite = Suite.open("...")'
    raise TypeError(f"{explorer} explores what an Evaluator measures, and was given {it}: write {write}")


def fine_tuned_models(explorer: str, pool: Pool) -> list[str]:
    """Names of a pool's models between which and the zero-shot model alpha goes, at least one.

    Raises
    ------
    PoolError
        When there is none.
    """
    names = [*pool.fine_tuned, *pool.bad_ingredients]
    if not names:
        there = ", ".join(pool.names[:5]) or "nothing"
        raise PoolError(
            f"{explorer} goes from the zero-shot model to a fine-tuned one, and the pool has none (there is {there}): "
            "open a folder that has both, or a list of their files"
        )
    return names


_OF_CELL: dict[str, tuple[str, WeakSet[Explorer]]] = {}


def _replace_those_of_an_earlier_run(made: Explorer) -> None:
    """Close what the same cell showed before it was run again.

    Nobody sees it any more, but ipywidgets keeps every widget that is not closed, and it would go on measuring.
    """
    kernel_shell = get_ipython()
    if not hasattr(kernel_shell, "get_parent"):
        return
    message = kernel_shell.get_parent()
    cell, run = message.get("metadata", {}).get("cellId"), message.get("header", {}).get("msg_id", "")
    # Made by a click or a timer: by no cell.
    if not isinstance(cell, str):
        return
    before, explorers = _OF_CELL.get(cell, (run, WeakSet()))
    if before != run:
        for explorer in list(explorers):
            explorer.close()
        explorers = WeakSet()
    explorers.add(made)
    _OF_CELL[cell] = run, explorers


class Explorer(ipywidgets.VBox):  # type: ignore[misc]
    """Controls and figures above one loop in which the newest wish wins."""

    def __init__(self) -> None:
        self.alert = ipywidgets.HTML()
        super().__init__()
        self._work = NewestWins(self._show_error)
        _replace_those_of_an_earlier_run(self)

    @property
    def _how_to_use(self) -> str:
        if not hasattr(get_ipython(), "kernel"):
            page = ", or write a page with .to_html(path)" if hasattr(self, "to_html") else ""
            return f"show it in a notebook{page}"
        return "run this cell to use it"

    def wait(self, idle_seconds: float = 120, background: bool = False) -> None:
        """Block until the answer for what the controls say is exact and shown, however long the work takes.

        Parameters
        ----------
        idle_seconds
            Give up when nothing was done for so long.
        background
            Wait for what is filled in meanwhile as well.

        Raises
        ------
        TimeoutError
            When no step was finished for ``idle_seconds``.
        """
        self._work.wait(idle_seconds, background=background)

    def close(self) -> None:
        """Stop the work and free every widget of the explorer."""
        # Python also calls this for an explorer whose construction failed.
        if hasattr(self, "_work"):
            self._work.close()
            close_tree(self)

    def _show_error(self, error: BaseException) -> None:
        self.alert.value = error_message(error)


def side_by_side(figures: list[ipywidgets.Widget]) -> ipywidgets.HBox:
    """Figures in a row, below each other where there is no room."""
    box = ipywidgets.HBox(figures)
    box.layout.display = "grid"
    box.layout.grid_template_columns = "repeat(auto-fit, minmax(min(340px, 100%), 1fr))"
    box.layout.width = "100%"
    return box
