"""Runs in a CSV file, one a row."""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soupwidgets.records.record import Record, limited, record

# `wandb.Api().runs(...)` in a data frame, as its documentation exports it: a dictionary of Python in a cell.
_NESTED = ("config", "summary")


def table_rows(path: Path, text: str) -> list[Record]:
    """The rows of a table.

    Parameters
    ----------
    path
        Its file, for messages.
    text
        What that holds.
    """
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [title.strip() for title in next(lines, [])]
        twice = sorted({title for title in header if title and header.count(title) > 1}) if len(header) < 5000 else []
        if twice or len(header) >= 5000:
            what = f"two columns are named {twice[0]!r:.100}" if twice else f"it has {len(header):,} columns"
            raise ValueError(f"{path}: {what}; a table with a row for each training run is expected")
        return [_row(f"{path}, line {lines.line_num}", header, cells) for cells in limited(str(path), lines) if cells]
    except csv.Error as error:
        raise ValueError(f"{path}, line {lines.line_num}: cannot be read as a table ({error})") from error


def _row(where: str, header: list[str], cells: list[str]) -> Record:
    if len(cells) > len(header):
        raise ValueError(f"{where}: {len(cells):,} cells, the header has {len(header)}")
    named = dict(zip(header, cells, strict=False))
    return record(where, {name: _nested(where, cell) if name in _NESTED else cell for name, cell in named.items()})


def _nested(where: str, cell: str) -> str | Mapping[str, Any]:
    if not cell.startswith("{"):
        return cell
    try:
        found = ast.literal_eval(cell)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise ValueError(f"{where}: {cell!r:.60} is no dictionary of plain values") from None
    return found if isinstance(found, dict) else cell
