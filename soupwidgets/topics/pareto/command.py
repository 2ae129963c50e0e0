"""``soupwidgets pareto``: which soup to take where several things are wanted at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from soupwidgets.commands.places import output_file
from soupwidgets.commands.reports import Report, measuring
from soupwidgets.evaluation import Evaluator
from soupwidgets.topics.pareto.designing import pareto_front
from soupwidgets.topics.pareto.report import front_report


@measuring
def pareto(
    ev: Evaluator,
    model: Annotated[list[str] | None, typer.Option(help="Name of a model to mix; two to eight of them.")] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(help="SPLIT or SPLIT:METRIC; two or more. Validation and the mean of all shifts if not given."),
    ] = None,
    floor: Annotated[
        list[str] | None, typer.Option(metavar="OBJECTIVE=VALUE", help="What none may be worse than, such as val=0.85.")
    ] = None,
    prefer: Annotated[
        list[str] | None,
        typer.Option(metavar="OBJECTIVE=WEIGHT", help="How much an objective counts; the knee is taken if not given."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=0, help="How often the surrogates propose recipes.")] = 2,
    out: Annotated[Path | None, typer.Option(help="Write the recipe that was picked, as a checkpoint.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
) -> Report:
    """Find soups of which none is better than another in everything, and pick one of them."""
    if out is not None:
        output_file(out)
    weights = _numbers("--prefer", prefer)
    found = pareto_front(
        ev, model, objective, floors=_numbers("--floor", floor), rounds=rounds, progress=sys.stderr.isatty()
    )
    names = [one.name for one in found.objectives]
    if unknown := [name for name in weights if name not in names]:
        raise ValueError(f"--prefer {unknown[0]!r}: no objective; there are {', '.join(names)}")
    picked = found.preferred([weights.get(name, 0.0) for name in names]) if weights else found.knee()
    if out is not None:
        ev.save(picked.recipe, out, progress=sys.stderr.isatty(), overwrite=overwrite)
    return front_report(found, picked, "what is preferred" if weights else "the knee")


def _numbers(option: str, given: list[str] | None) -> dict[str, float]:
    """Names and numbers of ``NAME=NUMBER``."""
    found = {}
    for one in given or []:
        name, _, number = one.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError as error:
            raise ValueError(f"{option} {one!r}: write OBJECTIVE=NUMBER, such as val=0.85") from error
    return found
