"""``soupwidgets landscape``: loss and error on lines and planes through checkpoints, and barriers between them."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from soupwidgets.commands.inputs import any_split
from soupwidgets.commands.reports import Report, measuring
from soupwidgets.evaluation import Evaluator
from soupwidgets.recipe import Recipe
from soupwidgets.topics import landscape
from soupwidgets.topics.landscape.report import barriers_report, line_report, plane_report

app = typer.Typer(no_args_is_help=True, help="Loss landscapes between checkpoints: lines, planes, barriers.")

# An option takes one value; the names after it are arguments, so that `--checkpoints A B C` works as expected.
_First = Annotated[
    list[str] | None, typer.Option("--checkpoints", metavar="A B C", help="Names of checkpoints, separated by spaces.")
]
_More = Annotated[list[str] | None, typer.Argument(hidden=True)]
_Split = Annotated[str | None, typer.Option(help="Split to measure on; the validation split if not given.")]


@app.command("line")
@measuring
def line(
    ev: Evaluator,
    checkpoints: _First = None,
    more: _More = None,
    grid: Annotated[int, typer.Option(min=2, help="Number of points from one checkpoint to the other.")] = 11,
    beyond: Annotated[
        float, typer.Option(max=10, help="How far to go past each end, in multiples of their distance.")
    ] = 0.2,
    split: _Split = None,
) -> Report:
    """Measure loss and error on the straight line through two checkpoints, and the error barrier between them."""
    names = [*(checkpoints or []), *(more or [])]
    if len(names) != 2:
        raise ValueError(f"a line goes through two checkpoints, got {len(names)}")
    return line_report(landscape.line(ev, *names, steps=grid, beyond=beyond, **_how(ev, split)))


@app.command("plane")
@measuring
def plane(
    ev: Evaluator,
    checkpoints: _First = None,
    more: _More = None,
    grid: Annotated[int, typer.Option(min=2, help="Number of points along the longer side.")] = 9,
    split: _Split = None,
) -> Report:
    """Measure loss and error on the plane through three checkpoints, and the distance of all others from it."""
    how = _how(ev, split)
    found = landscape.plane(ev, [*(checkpoints or []), *(more or [])], grid=grid, **how)
    models = {name: Recipe({name: 1}) for name in found.plane.geometry.names}
    del how["progress"]
    return plane_report(found, landscape.marks(ev, found.plane, models, **how))


@app.command("barriers")
@measuring
def barriers(
    ev: Evaluator,
    checkpoints: _First = None,
    more: _More = None,
    grid: Annotated[int, typer.Option(min=3, help="Number of points on a line with a barrier; must be odd.")] = 9,
    split: _Split = None,
) -> Report:
    """Measure error barriers between all pairs of some checkpoints, or of the whole pool if none are named."""
    names = [*(checkpoints or []), *(more or [])]
    return barriers_report(landscape.barrier_matrix(ev, names or None, points=grid, **_how(ev, split)))


def _how(ev: Evaluator, split: str | None) -> dict[str, Any]:
    return {"split": any_split(ev.suite, split).name, "progress": sys.stderr.isatty()}
