"""``soupwidgets export``: a static site whose pages mix and measure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from soupwidgets.commands.reports import Report, measuring
from soupwidgets.evaluation import Evaluator
from soupwidgets.translation import asked_language, speaking


@measuring
def export(
    ev: Evaluator,
    folder: Annotated[Path, typer.Argument(help="Folder of the site; files in it are replaced.")],
    fine_tuned: Annotated[
        list[str] | None,
        typer.Option(help="Name of a fine-tuned model, the first goes along alpha; repeatable, all if not given."),
    ] = None,
    splits: Annotated[
        list[str] | None, typer.Option("--split", help="Name of a distribution shift; repeatable, all if not given.")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="Images of each split at most.")] = 500,
    workshop: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a workshop's sessions, whose pages are added; repeatable, one a language."),
    ] = None,
    baselines: Annotated[
        Path | None, typer.Option(help="CSV of ordinary models, for the line of the workshop's frontier.")
    ] = None,
    accept_mb: Annotated[float, typer.Option(help="Megabytes that the page along alpha may have.")] = 8.0,
) -> Report:
    """Write a static site whose visitors mix models and measure the mixtures in their browsers."""
    # It draws, which needs packages of an extra.
    from soupwidgets.pages.export import export_site
    from soupwidgets.pages.workshop import read_sessions, write_workshop

    for sessions in workshop or ():
        # What cannot be read is said before anything is measured.
        read_sessions(sessions)
    with speaking(asked_language()):
        site = export_site(
            folder, ev, fine_tuned=fine_tuned, splits=splits, examples=examples, accept_mb=accept_mb,
            progress=sys.stderr.isatty(),
        )  # fmt: skip
        added = (
            write_workshop(site.folder, workshop, ev, fine_tuned=fine_tuned, baselines=baselines) if workshop else []
        )
    sizes = "\n".join(f"  {name}: a visitor fetches {size:.1f} MB" for name, size in site.megabytes.items())
    pages = "".join(f"  {path.name}\n" for path in added)
    served = f"python -m http.server --directory {site.folder}"
    return Report(
        {"folder": str(site.folder), "megabytes": dict(site.megabytes), "workshop": [path.name for path in added]},
        f"{site.folder}\n{sizes}\n{pages}To look at it: {served}",
    )
