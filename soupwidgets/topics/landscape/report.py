"""Lines, planes and barriers on the command line: the same numbers, in tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from soupwidgets.commands.reports import Report
from soupwidgets.evaluation import SplitScore
from soupwidgets.figures.units import within_sentence
from soupwidgets.topics.landscape.barrier import BarrierMatrix
from soupwidgets.topics.landscape.figures.plane import Height, height_of
from soupwidgets.topics.landscape.height import cost
from soupwidgets.topics.landscape.line import LandscapeLine
from soupwidgets.topics.landscape.marks import Mark
from soupwidgets.topics.landscape.plane import Landscape


def line_report(line: LandscapeLine) -> Report:
    """A table of the points, and the barrier in a sentence."""
    frame, shown, loss = line.to_frame(), height_of(line, "error"), height_of(line, "loss")
    called = within_sentence(shown.name)
    table = frame.copy()
    limits = ["error low", "error high"][:: 1 if shown.factor > 0 else -1]
    table[["error", "error low", "error high"]] = shown.factor * frame[["error", *limits]].to_numpy()
    table.columns = [column.replace("error", called) for column in table.columns]
    barrier, low, high, rise = (
        shown.difference(value).removesuffix(" points") for value in (line.barrier, *line.barrier_interval, line.rise)
    )
    heading = "Error barrier" if called == "error" else f"Barrier of {called}"
    ends = "the two errors" if called == "error" else "the two ends"
    text = (
        f"{table.round(3).to_string(index=False)}\n\n"
        f"{shown.unit}; loss: {within_sentence(loss.unit)}; on {line.split}; t is 0 at {line.first}, 1 at "
        f"{line.second}.\n"
        f"{heading} {barrier}{_points(shown)} [{low}, {high}], {rise} above the line between {ends}.\n"
        f"{line.batch_norm}"
    )
    content = {"split": line.split, "metric": line.metric, "batch_norm": line.batch_norm}
    return Report(_barrier(line) | content | {"points": frame.to_dict("records")}, text)


def plane_report(found: Landscape, marks: Mapping[str, Mark]) -> Report:
    """The lowest point, and a table of the models on and off the plane."""
    shown, loss = height_of(found, "error"), height_of(found, "loss")
    called = within_sentence(shown.name)
    lines = [f"{len(found.x)} by {len(found.y)} models on {found.split}, {found.total:,} images each."]
    if np.isfinite(found.loss).any():
        lowest = np.where(np.isfinite(found.loss), found.loss, np.inf).argmin()
        row, column = (int(i) for i in np.unravel_index(lowest, found.loss.shape))
        parts = ", ".join(f"{value:+.3f} {name}" for name, value in found.recipe(row, column).items())
        lines.append(
            f"Lowest loss of the grid: {loss.show(found.loss[row, column], 4)}, "
            f"{called} {shown.show(found.error[row, column])}, at ({found.x[column]:.3g}, {found.y[row]:.3g}): {parts}."
        )
    models = {name: {**vars(one.place), "own": _score(one.own), "plane": _score(one.there)}
              for name, one in marks.items()}  # fmt: skip
    rows = [
        {
            "model": name, "x": one["x"], "y": one["y"], "off the plane": one["off"],
            "loss": one["own"]["loss"], "loss of the plane there": one["plane"]["loss"],
            within_sentence(shown.unit): shown.factor * one["own"]["error"],
            f"of the plane{', %' if _points(shown) else ''}": shown.factor * one["plane"]["error"],
        }
        for name, one in models.items()
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    numbers = table.select_dtypes("number").columns
    table[numbers] = table[numbers].round(3) + 0.0  # no negative zero
    content = {name: getattr(found, name) for name in ("split", "metric", "batch_norm", "x", "y", "loss", "error")} | {
        "images": found.total,
        "corners": list(found.plane.corners),
        "coefficients": [[dict(found.recipe(i, j)) for j in range(len(found.x))] for i in range(len(found.y))],
        "models": models,
    }
    return Report(content, "\n".join([*lines, "", table.to_string(index=False), found.batch_norm]))


def barriers_report(matrix: BarrierMatrix) -> Report:
    """The barriers of all pairs as a matrix."""
    lines = list(matrix.lines.values())
    shown = height_of(lines[0], "error")
    called, factor = within_sentence(shown.name), abs(shown.factor)
    table = pd.DataFrame(factor * matrix.heights, index=list(matrix.names), columns=list(matrix.names))
    side = "above" if shown.factor > 0 else "below"
    heading = "Error barriers" if called == "error" else f"Barriers of {called}"
    text = (
        f"{table.round(2 if factor == 100 else 4).to_string()}\n\n{heading} on {matrix.split}"
        f"{' in percentage points' if factor == 100 else ''}: the {shown.worst_word} {called} on the straight line, "
        f"{side} the mean {called} of its two ends.\n{lines[0].batch_norm}"
    )
    content = {
        "split": matrix.split,
        "metric": lines[0].metric,
        "batch_norm": lines[0].batch_norm,
        "names": matrix.names,
        "pairs": [{**_barrier(line), "points": len(line.scores)} for line in lines],
    }
    return Report(content, text)


def _points(shown: Height) -> str:
    return " points" if abs(shown.factor) == 100 else ""


def _barrier(line: LandscapeLine) -> dict[str, Any]:
    return {name: getattr(line, name) for name in ("first", "second", "barrier", "barrier_interval", "rise")}


def _score(score: SplitScore | None) -> dict[str, float]:
    assert score is not None
    return {"loss": score.loss, "error": cost(score)}
