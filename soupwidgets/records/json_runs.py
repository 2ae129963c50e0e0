"""Runs as JSON: a list of them, one a line, by name, or the history of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soupwidgets.records.record import Record, limited, record

# Weights & Biases counts the rows of a history in it.
_STEP = "_step"


def json_runs(path: Path, text: str) -> list[Record]:
    """The runs in a JSON file.

    Parameters
    ----------
    path
        Its file, for messages; a run without a name has that of its file.
    text
        What that holds.
    """
    try:
        rows = _rows(json.loads(text))
    except RecursionError:
        raise ValueError(f"{path}: nested too deeply") from None
    except ValueError:
        rows = _lines(path, text)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise ValueError(f"{path}, run {number}: {json.dumps(row)[:60]} is not an object with names and values")
    if any(_STEP in row for row in rows):
        last = {name: value for row in rows for name, value in row.items() if value is not None}
        return [record(str(path), {**last, "file": path.stem})]
    named = [row if len(rows) > 1 else {"file": path.stem, **row} for row in rows]
    return [record(f"{path}, run {n}", row) for n, row in limited(str(path), enumerate(named, start=1))]


def _rows(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    if not isinstance(content, dict) or not content:
        return [content]
    values = list(content.values())
    if not all(isinstance(value, dict) for value in values):
        return [content]
    if all(str(key).isdigit() for value in values for key in value):
        # As pandas writes a table: column, then row.
        places = {place: None for column in values for place in column}
        return [{name: column.get(place) for name, column in content.items()} for place in places]
    if set(content) & {"config", "summary"}:
        return [content]
    return [{"name": name, **own} for name, own in content.items()]


def _lines(path: Path, text: str) -> list[Mapping[str, Any]]:
    rows = []
    for number, line in limited(str(path), enumerate(text.split("\n"), start=1)):
        try:
            rows += [json.loads(line)] if line.strip() else []
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}, line {number}: not JSON ({str(error)[:100]})") from error
    return rows
