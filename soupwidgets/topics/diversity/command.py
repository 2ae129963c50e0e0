"""``soupwidgets diversity``: how differently models err."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from soupwidgets.commands.inputs import tested_split
from soupwidgets.commands.options import DeviceOption, ModelOption, PartOption, StoreOption, SuiteOption, named_model
from soupwidgets.commands.reports import Report, reporting
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.combining import Combination
from soupwidgets.topics.diversity.report import diversity_report, given_members, superclasses_of, trainings_of
from soupwidgets.topics.diversity.trainings import stated_training


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
    combine: Annotated[
        Combination,
        typer.Option(
            help="How ensembles average: logits at temperatures fitted on validation, logits as they are, or "
            "probabilities at these temperatures."
        ),
    ] = "calibrated logits",
    training: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME:LEVEL=WORDS states how models were trained, e.g. 'ft-*:framework=contrastive'; the "
            "levels: reinit, hyper-parameters, architecture, framework, data set, ancestor; repeatable."
        ),
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="A strong model: what each other adds to it, and the trend of its pairs.")
    ] = None,
    superclass: Annotated[
        list[str] | None,
        typer.Option(help="NAME=CLASS,CLASS: compare --base with each other model on these classes; repeatable."),
    ] = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Fit linear probes to features of --base and each other model together.")
    ] = False,
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
    models = stated_training(models, trainings_of(training or []))
    groups = superclasses_of(superclass or [])
    return diversity_report(
        models, opened, where, combine=combine, base=base, superclasses=groups, probe=probe, progress=progress
    )
