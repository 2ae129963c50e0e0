"""What a notebook keeps, and what it says, without running it (`nbval` does that)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted(Path(__file__).parents[1].joinpath("notebooks").glob("*.ipynb"))
TAG = "nbval-ignore-output"


def cells(notebook: Path, kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_paragraph_stands_twice(notebook: Path) -> None:
    """A paste that went to the wrong place."""
    paragraphs = [p for cell in cells(notebook, "markdown") for p in source(cell).split("\n") if len(p) > 60]
    assert len(set(paragraphs)) == len(paragraphs)
    assert not [p for p in paragraphs if re.match(r"\w+\*\*", p)], "letters before what is meant to be bold"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_with_a_bar_keep_nothing_and_print_nothing(notebook: Path) -> None:
    """What such a cell says is not compared: it must say nothing that matters."""
    for cell in cells(notebook, "code"):
        if TAG in cell["metadata"].get("tags", []):
            assert not cell["outputs"]
            assert not re.search(r"print\(|assert |LiveFigure|Explorer\(", source(cell))
        else:
            assert cell["outputs"] or not re.search(r"print\(", source(cell)), "outputs are kept and compared"
            assert not re.search(r"\d+%\|", json.dumps(cell["outputs"])), "a progress bar was kept"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_bar_is_left_out_only_for_a_reason(notebook: Path) -> None:
    lines = [line for cell in cells(notebook, "code") for line in source(cell).split("\n")]
    assert not [line for line in lines if "progress=False" in line and "  # " not in line]
