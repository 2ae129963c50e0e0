"""``soupwidgets inspect``: what is in weight files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from soupwidgets.commands.inputs import known_pool
from soupwidgets.commands.options import PartOption
from soupwidgets.commands.reports import Report, reporting
from soupwidgets.text import one_line
from soupwidgets.topics.inspection.report import inspect_files, open_all, to_text


@reporting
def inspect(
    files: Annotated[
        list[Path], typer.Argument(help="Weight files in any format, folders of them, or published names (hf-hub:...).")
    ],
    part: PartOption = None,
) -> Report:
    """Show what is in weight files, and whether they can be mixed. No code in them is run."""
    # For a folder without weights, `known_pool` says what is in it.
    places = [Path(known_pool(str(file))) if file.is_dir() else file for file in files]
    opened, unreadable = open_all(places, part)
    report = inspect_files(opened, progress=sys.stderr.isatty())
    report["unreadable"] = [{"path": str(error.path), "reason": error.reason} for error in unreadable]
    for error in unreadable:
        print(one_line(f"cannot be read: {error}"), file=sys.stderr)
    return Report(report, to_text(report), 2 if unreadable else 0)
