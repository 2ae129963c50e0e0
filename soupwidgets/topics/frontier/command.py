"""``soupwidgets frontier``: accuracy against robustness."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from soupwidgets.commands.reports import Report, measuring_slices
from soupwidgets.evaluation import Evaluator
from soupwidgets.stats.scales import Scale
from soupwidgets.topics.frontier.report import Worst, frontier_report


@measuring_slices
def frontier(
    ev: Evaluator,
    shift: Annotated[
        str | None,
        typer.Option(help="A distribution shift or slice for the vertical axis; the mean of all shifts if not given."),
    ] = None,
    baselines: Annotated[
        Path | None, typer.Option(help="CSV of baseline models (model, dataset, accuracy), for effective robustness.")
    ] = None,
    id_test: Annotated[
        str | None, typer.Option(help="Name of the in-distribution test in --baselines, if it is not test or ImageNet.")
    ] = None,
    scale: Annotated[
        Scale, typer.Option(help="Scale of accuracies on which the baseline is a straight line.")
    ] = "logit",
    worst: Annotated[
        Worst | None,
        typer.Option(
            help="class: score each model by its worst class on every split; slice: the worst of the suite's slices is "
            "the vertical axis."
        ),
    ] = None,
    sweep: Annotated[
        list[str] | None, typer.Option(help="Fine-tuned model whose alpha is swept as well; repeatable.")
    ] = None,
) -> Report:
    """Show accuracy against robustness of every measured model, and which of them no other one beats."""
    return frontier_report(
        ev,
        shift,
        scale=scale,
        worst=worst,
        baselines=baselines,
        sweeps=sweep,
        progress=sys.stderr.isatty(),
        id_test=id_test,
    )
