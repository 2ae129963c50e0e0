"""Lines, planes and barriers on the command line: the same numbers, in tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from soupwidgets.commands.reports import Report
from soupwidgets.evaluation import SplitScore
from soupwidgets.topics.landscape.barrier import BarrierMatrix
from soupwidgets.topics.landscape.line import LandscapeLine
from soupwidgets.topics.landscape.marks import Mark
from soupwidgets.topics.landscape.plane import Landscape


def line_report(line: LandscapeLine) -> Report:
    """A table of the points, and the barrier in a sentence."""
    frame = line.to_frame()
    table = frame.copy()
    table[["error", "error low", "error high"]] *= 100
    low, high = (100 * value for value in line.barrier_interval)
    text = (
        f"{table.round(3).to_string(index=False)}\n\n"
        f"Errors in percent, loss in nats, on {line.split}; t is 0 at {line.first}, 1 at {line.second}.\n"
        f"Error barrier {100 * line.barrier:.2f} points [{low:.2f}, {high:.2f}], "
        f"{100 * line.rise:.2f} above the line between the two errors.\n{line.batch_norm}"
    )
    content = {"split": line.split, "batch_norm": line.batch_norm, "points": frame.to_dict("records")}
    return Report(_barrier(line) | content, text)


def plane_report(found: Landscape, marks: Mapping[str, Mark]) -> Report:
    """The lowest point, and a table of the models on and off the plane."""
    lines = [f"{len(found.x)} by {len(found.y)} models on {found.split}, {found.total:,} images each."]
    if np.isfinite(found.loss).any():
        lowest = np.where(np.isfinite(found.loss), found.loss, np.inf).argmin()
        row, column = (int(i) for i in np.unravel_index(lowest, found.loss.shape))
        parts = ", ".join(f"{value:+.3f} {name}" for name, value in found.recipe(row, column).items())
        lines.append(
            f"Lowest loss of the grid: {found.loss[row, column]:.4f} nats, "
            f"error {100 * found.error[row, column]:.2f}%, at ({found.x[column]:.3g}, {found.y[row]:.3g}): {parts}."
        )
    models = {name: {**vars(one.place), "own": _score(one.own), "plane": _score(one.there)}
              for name, one in marks.items()}  # fmt: skip
    rows = [
        {
            "model": name, "x": one["x"], "y": one["y"], "off the plane": one["off"],
            "loss": one["own"]["loss"], "loss of the plane there": one["plane"]["loss"],
            "error, %": 100 * one["own"]["error"], "of the plane, %": 100 * one["plane"]["error"],
        }
        for name, one in models.items()
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    numbers = table.select_dtypes("number").columns
    table[numbers] = table[numbers].round(3) + 0.0  # no negative zero
    content = {name: getattr(found, name) for name in ("split", "batch_norm", "x", "y", "loss", "error")} | {
        "images": found.total,
        "corners": list(found.plane.corners),
        "coefficients": [[dict(found.recipe(i, j)) for j in range(len(found.x))] for i in range(len(found.y))],
        "models": models,
    }
    return Report(content, "\n".join([*lines, "", table.to_string(index=False), found.batch_norm]))


def barriers_report(matrix: BarrierMatrix) -> Report:
    """The barriers of all pairs as a matrix."""
    lines = list(matrix.lines.values())
    table = pd.DataFrame(100 * matrix.heights, index=list(matrix.names), columns=list(matrix.names))
    text = (
        f"{table.round(2).to_string()}\n\nError barriers on {matrix.split} in percentage points: the highest error "
        f"on the straight line, above the mean error of its two ends.\n{lines[0].batch_norm}"
    )
    content = {
        "split": matrix.split,
        "batch_norm": lines[0].batch_norm,
        "names": matrix.names,
        "pairs": [{**_barrier(line), "points": len(line.scores)} for line in lines],
    }
    return Report(content, text)


def _barrier(line: LandscapeLine) -> dict[str, Any]:
    return {name: getattr(line, name) for name in ("first", "second", "barrier", "barrier_interval", "rise")}


def _score(score: SplitScore | None) -> dict[str, float]:
    assert score is not None
    return {"loss": score.loss, "error": 1 - score.accuracy}
