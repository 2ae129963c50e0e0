"""``soupwidgets compare``: every method on one pool, in one table."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from soupwidgets.commands.reports import Report, measuring
from soupwidgets.evaluation import Evaluator
from soupwidgets.methods.comparison import SCALES
from soupwidgets.methods.comparison import compare as compare_methods


@measuring
def compare(
    ev: Evaluator,
    ingredient: Annotated[
        list[str] | None, typer.Option(help="One name; all fine-tuned models if not given. Repeatable.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help="Name of a method, as of soupwidgets soup; all that need no order if not given. Repeatable."),
    ] = None,
    as_written: Annotated[
        bool, typer.Option("--as-written", help="Measure merged files as they are; no scale is chosen for them.")
    ] = False,
) -> Report:
    """Make a soup by every method, and show what each gains over the best single model, and what it costs."""
    scales = () if as_written else SCALES
    found = compare_methods(ev, ingredient or None, method or None, scales=scales, progress=sys.stderr.isatty())
    return Report(found.to_json(), found.to_text())
