"""The command line: what the explorers show, without a notebook."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from soupwidgets.commands.align import align
from soupwidgets.commands.boundary import Boundary, in_a_sentence
from soupwidgets.commands.compare import compare
from soupwidgets.commands.demo import demo
from soupwidgets.commands.extensions import import_extensions
from soupwidgets.commands.finetune import finetune
from soupwidgets.commands.lab import lab
from soupwidgets.commands.store import app as store
from soupwidgets.commands.suite import app as suite
from soupwidgets.doctor.command import doctor
from soupwidgets.pages.command import export
from soupwidgets.serving.command import serve
from soupwidgets.topics.alpha.command import regressions, sweep
from soupwidgets.topics.augmentation.command import app as augment
from soupwidgets.topics.diagnosis.command import diagnose
from soupwidgets.topics.diversity.command import diversity
from soupwidgets.topics.frontier.command import frontier
from soupwidgets.topics.inspection.command import inspect
from soupwidgets.topics.landscape.command import app as landscape
from soupwidgets.topics.pareto.command import pareto
from soupwidgets.topics.review.command import app as mistakes
from soupwidgets.topics.soup.command import soup
from soupwidgets.topics.spectrum.command import app as spectrum
from soupwidgets.translation import ENGLISH, speaking
from soupwidgets.zoo.command import app as zoo

app = typer.Typer(cls=Boundary, no_args_is_help=True, add_completion=False)
for command in (demo, doctor, lab, serve, export, diagnose, sweep, regressions, compare, frontier, pareto, diversity,
                finetune, inspect, align):  # fmt: skip
    app.command()(command)
groups = {"soup": soup, "zoo": zoo, "suite": suite, "store": store, "landscape": landscape, "mistakes": mistakes,
          "spectrum": spectrum, "augment": augment}  # fmt: skip
for name, group in groups.items():
    app.add_typer(group, name=name)


def main() -> None:
    """Run the command line."""
    # Needed here too: `Boundary` runs inside typer's own handling of Ctrl-C, and help is printed outside any command.
    # What is printed is for other programs too, and so it is English; pages that a command makes are as was asked for.
    with in_a_sentence(), speaking(ENGLISH):
        import_extensions()
        try:
            app()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()


def _version(wanted: bool) -> None:
    if wanted:
        from soupwidgets import __version__

        print(f"soupwidgets {__version__}")
        raise typer.Exit


@app.callback(
    epilog="To get started: soupwidgets demo. Every command has --help. Errors are reported in one sentence; "
    "SOUPWIDGETS_DEBUG=1 adds the traceback."
)
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Mix checkpoints, measure them, and see what flips: what the explorers show, without a notebook."""


if __name__ == "__main__":
    main()
