"""A cell that is run again closes the explorer that it showed before."""

from __future__ import annotations

from typing import Any

import pytest

from soupwidgets import Evaluator
from soupwidgets.panel import notebook_cells
from soupwidgets.widgets import AlphaExplorer


class Shell:
    """What a kernel knows of the message that it is answering."""

    kernel = object()

    def __init__(self) -> None:
        self.message: dict[str, Any] = {}

    def get_parent(self) -> dict[str, Any]:
        return self.message

    def run(self, cell: str | None, number: int) -> None:
        self.message = {"header": {"msg_id": str(number)}, "metadata": {"cellId": cell} if cell else {}}


def test_of_one_cell_the_newest_run_stays(tiny_evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    monkeypatch.setattr(notebook_cells, "get_ipython", lambda: shell)
    monkeypatch.setattr(notebook_cells, "_OF_CELL", {})
    shell.run("a", 1)
    first, second = (AlphaExplorer(tiny_evaluator) for _ in range(2))
    shell.run("b", 2)
    other = AlphaExplorer(tiny_evaluator)
    shell.run(None, 3)
    clicked = AlphaExplorer(tiny_evaluator)
    assert not any(one._work._closed for one in (first, second, other, clicked))
    shell.run("a", 4)
    again = AlphaExplorer(tiny_evaluator)
    assert [one._work._closed for one in (first, second, other, clicked, again)] == [True, True, False, False, False]
    for one in (other, clicked, again):
        one.close()
