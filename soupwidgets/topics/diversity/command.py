"""``soupwidgets diversity``: how differently models err."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from soupwidgets.commands.inputs import tested_split
from soupwidgets.commands.options import DeviceOption, ModelOption, PartOption, StoreOption, SuiteOption, named_model
from soupwidgets.commands.reports import Report, reporting
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.report import diversity_report, given_members


@reporting
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
    network: ModelOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> Report:
    """Show how differently models err: error inconsistency, kappa, ensembles of pairs, and the trend over training."""
    opened, progress = Suite.open(suite), sys.stderr.isatty()
    where = tested_split(opened, split)
    model = None if network is None else named_model(network, opened.outputs)
    models = given_members(
        pool, opened, where, logits=logits, store=store, device=device, progress=progress, part=part, model=model
    )
    return diversity_report(models, opened, where, progress=progress)
