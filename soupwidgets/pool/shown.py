"""A pool as a table of HTML."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping

from soupwidgets.checkpoints import CheckpointFile, TensorInfo
from soupwidgets.pool.differences import short


def html_table(checkpoints: Mapping[str, CheckpointFile]) -> str:
    """A row for each checkpoint; everything from files is escaped."""
    rows = []
    for name, file in checkpoints.items():
        precisions = sorted({short(info.dtype) for info in file.tensors.values() if info.dtype.is_floating_point})
        cells = [name, file.card.role.replace("_", "-"), file.card.note, ", ".join(precisions), _size(file)]
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    titles = "".join(f"<th>{title}</th>" for title in ("name", "role", "note", "precision", "size"))
    tensors = next(iter(checkpoints.values())).tensors
    caption = f"Pool of {len(checkpoints)} checkpoints, each {_numbers(tensors)} in {len(tensors)} tensors"
    return f"<table><caption>{caption}</caption><thead><tr>{titles}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _size(file: CheckpointFile) -> str:
    return f"{sum(stamp[1] for stamp in file.source.stamps) / 1e6:,.1f} MB"


def _numbers(tensors: Mapping[str, TensorInfo]) -> str:
    return f"{sum(math.prod(info.shape) for info in tensors.values()):,} numbers"
