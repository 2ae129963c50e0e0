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
    accept_mb: Annotated[float, typer.Option(help="Megabytes that the page along alpha may have.")] = 8.0,
) -> Report:
    """Write a static site whose visitors mix models and measure the mixtures in their browsers."""
    # It draws, which needs packages of an extra.
    from soupwidgets.pages.export import export_site

    with speaking(asked_language()):
        site = export_site(
            folder, ev, fine_tuned=fine_tuned, splits=splits, examples=examples, accept_mb=accept_mb,
            progress=sys.stderr.isatty(),
        )  # fmt: skip
    sizes = "\n".join(f"  {name}: a visitor fetches {size:.1f} MB" for name, size in site.megabytes.items())
    served = f"python -m http.server --directory {site.folder}"
    return Report(
        {"folder": str(site.folder), "megabytes": dict(site.megabytes)},
        f"{site.folder}\n{sizes}\nTo look at it: {served}",
    )
