"""``soupwidgets zoo``: build the miniature zoo, and report on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from soupwidgets.commands.options import SuiteOption
from soupwidgets.commands.places import output_file, output_folder
from soupwidgets.commands.reports import Report, measuring
from soupwidgets.evaluation import Evaluator

app = typer.Typer(no_args_is_help=True, help="Build the miniature zoo, and report on it.")


_Raw = Annotated[Path, typer.Option(help="Folder with the four Fashion-MNIST .gz files.")]
_RAW = Path("/usr/share/datasets/fashion-mnist")
_Work = Annotated[
    Path,
    typer.Option(help="Folder for unfinished work, so that an interrupted build can resume.", callback=output_folder),
]


@app.command("build")
def zoo_build(
    out: Annotated[Path, typer.Option(help="Folder for suites/ and zoo/.", callback=output_folder)] = Path("data"),
    work: _Work = Path("build/zoo"),
    raw: _Raw = _RAW,
    workers: Annotated[int, typer.Option(min=1, help="Number of parallel processes, with one thread each.")] = 2,
) -> None:
    """Rebuild the miniature zoo from the raw images; existing files are kept."""
    from soupwidgets.zoo.build import build_zoo

    build_zoo(out, work, raw_folder=raw, workers=workers)


@app.command("baselines")
def zoo_baselines(
    out: Annotated[
        Path, typer.Option(help="File for the table (model, dataset, accuracy, images).", callback=output_file)
    ] = Path("data/baselines/fashion.csv"),
    suite: SuiteOption = Path("data/suites/fashion"),
    work: _Work = Path("build/baselines"),
    raw: _Raw = _RAW,
) -> None:
    """Train models from scratch, as the baseline of effective robustness (about ten minutes)."""
    from soupwidgets.suites import Suite
    from soupwidgets.zoo.baselines import write_baselines

    print(write_baselines(out, Suite.open(suite), work=work, raw_folder=raw))


@app.command("diverse")
def zoo_diverse(
    out: Annotated[Path, typer.Option(help="Folder for the models.", callback=output_folder)] = Path(
        "data/zoo/fashion-diverse"
    ),
    raw: _Raw = _RAW,
) -> None:
    """Train seven increasingly different models, for error inconsistency and ensembles (about ten minutes)."""
    from soupwidgets.zoo.diverse import build_diverse

    print(build_diverse(out, raw))


@app.command("resnet")
def zoo_resnet(
    data: Annotated[Path, typer.Option(help="The repository's data: gets zoo/resnet.", callback=output_folder)] = Path(
        "data"
    ),
    raw: _Raw = _RAW,
) -> None:
    """Train nine ResNets with batch normalisation, and count what they and their mixtures have right."""
    from soupwidgets.suites import Suite
    from soupwidgets.zoo.build import write_hashes
    from soupwidgets.zoo.resnet import build_resnet
    from soupwidgets.zoo.resnet_measured import measure_resnet

    print(measure_resnet(build_resnet(data / "zoo" / "resnet", raw), Suite.open(data / "suites" / "fashion")))
    write_hashes(data)


@app.command("build-text")
def zoo_build_text(
    out: Annotated[Path, typer.Option(help="Folder for suites/text and zoo/text.", callback=output_folder)] = Path(
        "data"
    ),
    work: _Work = Path("build/zoo-text"),
    from_bundle: Annotated[
        Path | None,
        typer.Option(help="Fine-tune again from the texts and starts in this folder, such as data; fetch nothing."),
    ] = None,
) -> None:
    """Rebuild the text zoo from Debian's package lists; existing checkpoints are kept."""
    from soupwidgets.zoo.text import build_text_zoo

    build_text_zoo(out, work, bundle=from_bundle)


@app.command("miniature")
def zoo_miniature(
    data: Annotated[Path, typer.Option(help="The repository's data.")] = Path("data"),
    out: Annotated[Path, typer.Option(help="Gets zoo/ and suite/.", callback=output_folder)] = Path(
        "soupwidgets/miniature"
    ),
) -> None:
    """Write the part of the data again that is installed with the package."""
    from soupwidgets.zoo.miniature import write_miniature

    print(write_miniature(data, out))


@app.command("report")
@measuring
def zoo_report(ev: Evaluator) -> Report:
    """Check whether a pool shows what the papers found: choices on validation, numbers on test and shifts."""
    from soupwidgets.zoo.report import to_markdown, zoo_report

    rows = zoo_report(ev, progress=sys.stderr.isatty())
    return Report([row.to_record() for row in rows], to_markdown(rows))
