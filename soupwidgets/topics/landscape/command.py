"""``soupwidgets landscape``: loss and error on lines and planes through checkpoints, and barriers between them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soupwidgets.commands.options import (
    DeviceOption,
    HeadFromOption,
    JsonOption,
    PartOption,
    PoolOption,
    StoreOption,
    SuiteOption,
    ZeroShotOption,
    evaluator,
    open_pool,
    show,
    write_json,
)

if TYPE_CHECKING:
    from soupwidgets.evaluation import Evaluator, Recalibration
    from soupwidgets.pool import Pool

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
def line(
    pool: PoolOption,
    suite: SuiteOption,
    checkpoints: _First = None,
    more: _More = None,
    grid: Annotated[int, typer.Option(min=2, help="Number of points from one checkpoint to the other.")] = 11,
    beyond: Annotated[
        float, typer.Option(max=10, help="How far to go past each end, in multiples of their distance.")
    ] = 0.2,
    split: _Split = None,
    recalibrate: _Recalibrate = None,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Measure loss and error on the straight line through two checkpoints, and the error barrier between them."""
    from soupwidgets.topics.landscape.report import line_report, line_text

    names = [*(checkpoints or []), *(more or [])]
    ev = _open(open_pool(pool, part, head_from, zero_shot), suite, device, store, split)
    report = line_report(
        ev,
        names,
        steps=grid,
        beyond=beyond,
        split=split,
        recalibration=_recalibration(recalibrate),
        progress=sys.stderr.isatty(),
    )
    write_json(json_file, report)
    if json_file != "-":
        show(line_text(report))


@app.command("plane")
def plane(
    pool: PoolOption,
    suite: SuiteOption,
    checkpoints: _First = None,
    more: _More = None,
    grid: Annotated[int, typer.Option(min=2, help="Number of points along the longer side.")] = 9,
    split: _Split = None,
    recalibrate: _Recalibrate = None,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Measure loss and error on the plane through three checkpoints, and the distance of all others from it."""
    from soupwidgets.topics.landscape.report import plane_report, plane_text

    names = [*(checkpoints or []), *(more or [])]
    ev = _open(open_pool(pool, part, head_from, zero_shot), suite, device, store, split)
    report = plane_report(
        ev, names, grid=grid, split=split, recalibration=_recalibration(recalibrate), progress=sys.stderr.isatty()
    )
    write_json(json_file, report)
    if json_file != "-":
        show(plane_text(report))


@app.command("barriers")
def barriers(
    pool: PoolOption,
    suite: SuiteOption,
    checkpoints: _First = None,
    more: _More = None,
    grid: Annotated[int, typer.Option(min=3, help="Number of points on a line with a barrier; must be odd.")] = 9,
    split: _Split = None,
    recalibrate: _Recalibrate = None,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Measure error barriers between all pairs of some checkpoints, or of the whole pool if none are named."""
    from soupwidgets.topics.landscape.report import barriers_report, barriers_text

    names = [*(checkpoints or []), *(more or [])]
    ev = _open(open_pool(pool, part, head_from, zero_shot), suite, device, store, split)
    report = barriers_report(
        ev, names, points=grid, split=split, recalibration=_recalibration(recalibrate), progress=sys.stderr.isatty()
    )
    write_json(json_file, report)
    if json_file != "-":
        show(barriers_text(report))


def _open(pool: Pool, suite: Path, device: str, store: Path | None, split: str | None) -> Evaluator:
    from soupwidgets.suites.named import split_named

    ev = evaluator(pool, suite, device, store)
    try:
        split_named(ev.suite, split)
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    return ev


def _recalibration(images: int | None) -> Recalibration | None:
    from soupwidgets.evaluation import Recalibration

    return None if images is None else Recalibration(images)
