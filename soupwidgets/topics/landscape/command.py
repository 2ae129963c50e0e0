"""``soupwidgets landscape``: loss and error on lines and planes through checkpoints, and barriers between them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soupwidgets.commands.inputs import any_split
from soupwidgets.commands.reports import Report, measuring

if TYPE_CHECKING:
    from soupwidgets.evaluation import Evaluator

app = typer.Typer(no_args_is_help=True, help="Loss landscapes between checkpoints: lines, planes, barriers.")

# An option takes one value; the names after it are arguments, so that `--checkpoints A B C` works as expected.
_First = Annotated[
    list[str] | None, typer.Option("--checkpoints", metavar="A B C", help="Names of checkpoints, separated by spaces.")
]
_More = Annotated[list[str] | None, typer.Argument(hidden=True)]
_Split = Annotated[str | None, typer.Option(help="Split to measure on; the validation split if not given.")]
_Recalibrate = Annotated[
    int | None,
    typer.Option(min=1, help="Recompute batch-normalisation statistics at every point, from this many images."),
]


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
    recalibrate: _Recalibrate = None,
) -> Report:
    """Measure loss and error on the straight line through two checkpoints, and the error barrier between them."""
    from soupwidgets.topics.landscape.line import line
    from soupwidgets.topics.landscape.report import line_report

    names = [*(checkpoints or []), *(more or [])]
    if len(names) != 2:
        raise ValueError(f"a line goes through two checkpoints, got {len(names)}")
    return line_report(line(ev, *names, steps=grid, beyond=beyond, **_how(ev, split, recalibrate)))


@app.command("plane")
@measuring
def plane(
    ev: Evaluator,
    checkpoints: _First = None,
    more: _More = None,
    grid: Annotated[int, typer.Option(min=2, help="Number of points along the longer side.")] = 9,
    split: _Split = None,
    recalibrate: _Recalibrate = None,
) -> Report:
    """Measure loss and error on the plane through three checkpoints, and the distance of all others from it."""
    from soupwidgets.recipe import Recipe
    from soupwidgets.topics.landscape.marks import marks
    from soupwidgets.topics.landscape.plane import plane
    from soupwidgets.topics.landscape.report import plane_report

    how = _how(ev, split, recalibrate)
    found = plane(ev, [*(checkpoints or []), *(more or [])], grid=grid, **how)
    models = {name: Recipe({name: 1}) for name in found.plane.geometry.names}
    del how["progress"]
    return plane_report(found, marks(ev, found.plane, models, **how))


@app.command("barriers")
@measuring
def barriers(
    ev: Evaluator,
    checkpoints: _First = None,
    more: _More = None,
    grid: Annotated[int, typer.Option(min=3, help="Number of points on a line with a barrier; must be odd.")] = 9,
    split: _Split = None,
    recalibrate: _Recalibrate = None,
) -> Report:
    """Measure error barriers between all pairs of some checkpoints, or of the whole pool if none are named."""
    from soupwidgets.topics.landscape.barrier import barrier_matrix
    from soupwidgets.topics.landscape.report import barriers_report

    names = [*(checkpoints or []), *(more or [])]
    return barriers_report(barrier_matrix(ev, names or None, points=grid, **_how(ev, split, recalibrate)))


def _how(ev: Evaluator, split: str | None, recalibrate: int | None) -> dict[str, Any]:
    from soupwidgets.evaluation import Recalibration

    recalibration = None if recalibrate is None else Recalibration(recalibrate)
    where = any_split(ev.suite, split).name
    return {"split": where, "recalibration": recalibration, "progress": sys.stderr.isatty()}
