"""``soupwidgets doctor``: what this machine lacks, and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soupwidgets.commands.options import JsonOption, show, write_json

_SIGNS = {"good": "ok  ", "warning": "note", "bad": "BAD "}


def doctor(
    store: Annotated[Path | None, typer.Option(help="Folder of the store; your default store if not given.")] = None,
    json_file: JsonOption = None,
) -> None:
    """Check Python, torch, threads, GPU, disk, data, extras, ports and browser, and say how to mend each."""
    from soupwidgets.doctor.checks import examine

    findings = []
    for one in examine(store):
        findings.append(one)
        if json_file != "-":
            show(f"{_SIGNS[one.verdict]}  {one.what}: {one.found}" + (f"\n      -> {one.mend}" if one.mend else ""))
    write_json(json_file, [vars(one) for one in findings])
    bad = [one.what for one in findings if one.verdict == "bad"]
    if bad:
        if json_file != "-":
            show(f"To be mended first: {', '.join(bad)}")
        raise typer.Exit(1)
