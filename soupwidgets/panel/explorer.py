"""What all explorers share: one worker, one place for errors, waiting and closing."""

from __future__ import annotations

import ipywidgets

from soupwidgets.panel.closing import close_tree
from soupwidgets.panel.html import error_message
from soupwidgets.panel.newest_wins import NewestWins
from soupwidgets.panel.notebook_cells import close_with_cell, in_a_notebook


class Explorer(ipywidgets.VBox):  # type: ignore[misc]
    """Controls and figures above one loop in which the newest wish wins."""

    def __init__(self) -> None:
        self.alert = ipywidgets.HTML()
        super().__init__()
        self._work = NewestWins(self._show_error)
        close_with_cell(self)

    @property
    def _how_to_use(self) -> str:
        if not in_a_notebook():
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
