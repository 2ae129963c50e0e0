"""``soupwidgets diagnose``: whether checkpoints can be averaged, and what is wrong where they cannot."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from soupwidgets.commands.reports import Report, measuring
from soupwidgets.evaluation import Evaluator
from soupwidgets.topics.diagnosis.diagnose import diagnose as diagnosis
from soupwidgets.topics.diagnosis.report import diagnosis_report


@measuring
def diagnose(
    ev: Evaluator,
    checkpoints: Annotated[
        list[str] | None,
        typer.Option("--checkpoints", metavar="A B C", help="Names of checkpoints; all of the pool if not given."),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> Report:
    """Find out whether checkpoints can be averaged, and if not, which of them spoil it, and why.

    The exit code is 1 where something was found.
    """
    names = [*(checkpoints or []), *(more or [])]
    return diagnosis_report(diagnosis(ev, names or None, progress=sys.stderr.isatty()))
