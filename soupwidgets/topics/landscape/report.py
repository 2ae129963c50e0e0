"""Lines, planes and barriers on the command line: the same numbers, in tables."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from soupwidgets.evaluation import Evaluator, Recalibration, SplitScore
from soupwidgets.recipe import Recipe
from soupwidgets.topics.landscape.barrier import barrier_matrix
from soupwidgets.topics.landscape.line import LandscapeLine
from soupwidgets.topics.landscape.line import line as landscape_line
from soupwidgets.topics.landscape.marks import marks as landscape_marks
from soupwidgets.topics.landscape.plane import plane as landscape_plane
from soupwidgets.topics.landscape.span import Place, plane_through


def line_report(
    ev: Evaluator,
    names: list[str],
    *,
    steps: int,
    beyond: float,
    split: str | None = None,
    recalibration: Recalibration | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """`line` between two checkpoints, as plain values.

    Raises
    ------
    ValueError
        When there are not two names, and as in `line`.
    """
    if len(names) != 2:
        raise ValueError(f"a line goes through two checkpoints, got {len(names)}")
    line = landscape_line(
        ev, names[0], names[1], steps=steps, split=split, beyond=beyond, recalibration=recalibration, progress=progress
    )
    points = [
        {str(key): _finite(value) for key, value in record.items()} for record in line.to_frame().to_dict("records")
    ]
    return {**_barrier(line), "split": line.split, "batch_norm": line.batch_norm, "points": points}


def plane_report(
    ev: Evaluator,
    names: list[str],
    *,
    grid: int,
    split: str | None = None,
    recalibration: Recalibration | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """`plane` through three checkpoints, with all others placed relative to it, as plain values.

    Raises
    ------
    ValueError
        As in `plane`.
    """
    plane = plane_through(ev.pool, names)
    landscape = landscape_plane(ev, plane, grid=grid, split=split, recalibration=recalibration, progress=progress)
    models = {name: Recipe({name: 1}) for name in plane.geometry.names}
    marks = landscape_marks(ev, plane, models, split=split, recalibration=recalibration)
    return {
        "split": landscape.split,
        "images": landscape.total,
        "batch_norm": landscape.batch_norm,
        "corners": names,
        "x": landscape.x.tolist(),
        "y": landscape.y.tolist(),
        "loss": [[_finite(value) for value in row] for row in landscape.loss.tolist()],
        "error": landscape.error.tolist(),
        "coefficients": [
            [dict(landscape.recipe(row, column)) for column in range(len(landscape.x))]
            for row in range(len(landscape.y))
        ],
        "models": {
            name: {**_place(mark.place), "own": _score(mark.own), "plane": _score(mark.there)}
            for name, mark in marks.items()
        },
    }


def barriers_report(
    ev: Evaluator,
    names: list[str],
    *,
    points: int,
    split: str | None = None,
    recalibration: Recalibration | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """`barrier_matrix` of some checkpoints, or of all if no name is given, as plain values.

    Raises
    ------
    ValueError
        As in `barrier_matrix`.
    """
    matrix = barrier_matrix(
        ev, names or None, split=split, points=points, recalibration=recalibration, progress=progress
    )
    lines = list(matrix.lines.values())
    return {
        "split": matrix.split,
        "batch_norm": lines[0].batch_norm,
        "names": list(matrix.names),
        "pairs": [{**_barrier(line), "points": len(line.scores)} for line in lines],
    }


def line_text(report: dict[str, Any]) -> str:
    """A table of the points, and the barrier in a sentence."""
    table = pd.DataFrame(report["points"]).astype(float).astype({"images": int})
    shares = ["error", "error low", "error high"]
    table[shares] *= 100
    low, high = (100 * value for value in report["barrier_interval"])
    return (
        f"{table.round(3).to_string(index=False)}\n\n"
        f"Errors in percent, loss in nats, on {report['split']}; t is 0 at {report['first']}, "
        f"1 at {report['second']}.\n"
        f"Error barrier {100 * report['barrier']:.2f} points [{low:.2f}, {high:.2f}], "
        f"{100 * report['rise']:.2f} above the line between the two errors.\n{_note(report)}"
    )


def plane_text(report: dict[str, Any]) -> str:
    """The lowest point, and a table of the models on and off the plane."""
    cells = [
        (loss, row, column)
        for row, losses in enumerate(report["loss"])
        for column, loss in enumerate(losses)
        if loss is not None
    ]
    lines = [f"{len(report['x'])} by {len(report['y'])} models on {report['split']}, {report['images']:,} images each."]
    if cells:
        loss, row, column = min(cells)
        parts = ", ".join(f"{value:+.3f} {name}" for name, value in report["coefficients"][row][column].items())
        lines.append(
            f"Lowest loss of the grid: {loss:.4f} nats, error {100 * report['error'][row][column]:.2f}%, "
            f"at ({report['x'][column]:.3g}, {report['y'][row]:.3g}): {parts}."
        )
    rows = [
        {
            "model": name, "x": mark["x"], "y": mark["y"], "off the plane": mark["off"],
            "loss": mark["own"]["loss"], "loss of the plane there": mark["plane"]["loss"],
            "error, %": 100 * mark["own"]["error"], "of the plane, %": 100 * mark["plane"]["error"],
        }
        for name, mark in report["models"].items()
    ]  # fmt: skip
    return "\n".join([*lines, "", _rounded(pd.DataFrame(rows)).to_string(index=False)]) + f"\n{_note(report)}"


def barriers_text(report: dict[str, Any]) -> str:
    """The barriers of all pairs as a matrix."""
    table = pd.DataFrame(0.0, index=report["names"], columns=report["names"])
    for pair in report["pairs"]:
        for row, column in ((pair["first"], pair["second"]), (pair["second"], pair["first"])):
            table.loc[row, column] = 100 * pair["barrier"]
    return (
        f"{table.round(2).to_string()}\n\nError barriers on {report['split']} in percentage points: the highest error "
        f"on the straight line, above the mean error of its two ends.\n{_note(report)}"
    )


def _barrier(line: LandscapeLine) -> dict[str, Any]:
    return {
        "first": line.first,
        "second": line.second,
        "barrier": line.barrier,
        "barrier_interval": list(line.barrier_interval),
        "rise": line.rise,
    }


def _place(place: Place) -> dict[str, float]:
    return {"x": place.x, "y": place.y, "off": place.off}


def _score(score: SplitScore | None) -> dict[str, float | None]:
    assert score is not None
    return {"loss": _finite(score.loss), "error": 1 - score.accuracy}


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    numbers = table.select_dtypes("number").columns
    table[numbers] = table[numbers].round(3) + 0.0  # no negative zero
    return table


def _note(report: dict[str, Any]) -> str:
    return f"{report['batch_norm']}\n" if report["batch_norm"] else ""


def _finite(value: float) -> float | None:
    # JSON has no non-finite numbers.
    return value if math.isfinite(value) else None
