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
    pool: Annotated[list[str], typer.Option(help="Folder or file of checkpoints, of any architectures; repeat it.")],
    suite: SuiteOption,
    logits: Annotated[
        list[str] | None, typer.Option(help="NAME:SPLIT=FILE of another model's logits (npy, npz, pt, csv); repeat it.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Where to compare; the in-distribution test otherwise.")] = None,
    part: PartOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """How differently models err: error inconsistency, kappa, ensembles of all pairs, and the trend over training."""
    from soupwidgets.store import Store
    from soupwidgets.suites import Suite
    from soupwidgets.topics.diversity.report import diversity_report, to_text

    opened = Suite.open(suite)
    kept = Store(store) if store else None
    report = diversity_report(pool, opened, logits or [], split, kept, device, sys.stderr.isatty(), part)
    write_json(json_file, report)
    if json_file != "-":
        show(to_text(report))
