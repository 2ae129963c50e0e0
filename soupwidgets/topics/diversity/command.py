"""``soupwidgets diversity``: how differently models err."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from soupwidgets.commands.options import (
    DeviceOption,
    JsonOption,
    PartOption,
    StoreOption,
    SuiteOption,
    show,
    write_json,
)


def diversity(
    pool: Annotated[list[str], typer.Option(help="Folder or file of checkpoints, of any architectures; repeatable.")],
    suite: SuiteOption,
    logits: Annotated[
        list[str] | None,
        typer.Option(help="NAME:SPLIT=FILE of another model's logits (npy, npz, pt, csv); repeatable."),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split to compare on; the in-distribution test if not given.")
    ] = None,
    part: PartOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Show how differently models err: error inconsistency, kappa, ensembles of pairs, and the trend over training."""
    from soupwidgets.store import Store
    from soupwidgets.suites import Suite
    from soupwidgets.topics.diversity.report import diversity_report, to_text

    opened = Suite.open(suite)
    kept = Store(store) if store else None
    report = diversity_report(
        pool,
        opened,
        logits=logits or [],
        split=split,
        store=kept,
        device=device,
        progress=sys.stderr.isatty(),
        part=part,
    )
    write_json(json_file, report)
    if json_file != "-":
        show(to_text(report))
