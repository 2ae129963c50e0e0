"""``soupwidgets augment``: affinity and diversity of augmentations."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import pandas as pd
import typer
from tqdm import tqdm

from soupwidgets.commands.inputs import any_split, named_augmentations
from soupwidgets.commands.reports import Report, measuring, plain
from soupwidgets.commands.studies import studying
from soupwidgets.evaluation import Evaluator
from soupwidgets.recipe import Recipe
from soupwidgets.suites import AUGMENTATIONS
from soupwidgets.topics.augmentation.affinity import affinity as affinity_
from soupwidgets.topics.augmentation.study import run_augmentation_study
from soupwidgets.topics.augmentation.variants import run_variant_study

app = typer.Typer(no_args_is_help=True, help="Augmentations: their affinity and diversity.")

_Augmentations = Annotated[
    list[str] | None,
    typer.Option(
        "--augmentation", help="A name, or name:strength (0 to 1); repeatable. All augmentations if not given."
    ),
]


@app.command("affinity")
@measuring
def affinity(
    ev: Evaluator,
    model: Annotated[
        list[str] | None, typer.Option(help="Checkpoint to measure; repeatable. The zero-shot model if not given.")
    ] = None,
    augmentation: _Augmentations = None,
    split: Annotated[str | None, typer.Option(help="Split to measure on; the validation split if not given.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="How often each image is augmented.")] = 1,
) -> Report:
    """Measure how little each augmentation disturbs a model: accuracy on augmented against unchanged images."""
    chosen = model or [ev.pool.zero_shot]
    ev.pool.require(chosen)
    where = any_split(ev.suite, split)
    jobs = [(name, one) for name in chosen for one in named_augmentations(augmentation or list(AUGMENTATIONS))]
    found = [
        (name, affinity_(ev, Recipe({name: 1}), one, split=where, repeats=repeats))
        for name, one in tqdm(jobs, desc="affinity", unit="augmentation", disable=not sys.stderr.isatty())
    ]
    rows = [
        {
            "model": name, "augmentation": one.augmentation, "clean, %": 100 * one.clean,
            "augmented, %": 100 * one.augmented, "affinity": one.ratio.value,
            "95% interval": f"[{one.ratio.low:.3f}, {one.ratio.high:.3f}]",
            "difference, points": 100 * one.difference.value,
        }
        for name, one in found
    ]  # fmt: skip
    records = [{"model": name, **plain(one)} for name, one in found]
    return Report(records, pd.DataFrame(rows).round(3).to_string(index=False))


@app.command("diversity")
@studying(work="build/augmentations", seeds=3, epochs=20)
def diversity(how: dict[str, Any], augmentation: _Augmentations = None) -> tuple[Any, str]:
    """Train with and without each augmentation: diversity, affinity, change of accuracy. Estimates the time first."""
    study = run_augmentation_study(**how, augmentations=named_augmentations(augmentation or list(AUGMENTATIONS)))
    return study, study.to_frame()[["augmentation", "affinity", "diversity", "accuracy", "change"]].round(3).to_string()


@app.command("variants")
@studying(work="build/augmentations", seeds=3, epochs=20)
def variants(
    how: dict[str, Any],
    static: Annotated[
        list[str] | None,
        typer.Option(help="Augmentation with which each image is changed once, before training; repeatable."),
    ] = None,
    switched_off: Annotated[
        list[str] | None,
        typer.Option(help="Augmentation that is switched off towards the end of training; repeatable."),
    ] = None,
    share: Annotated[float, typer.Option(help="Share of the epochs after which it is switched off.")] = 0.75,
) -> tuple[Any, str]:
    """Train with augmentations that stand still or end early, beside the same that do not. Estimates the time first."""
    study = run_variant_study(
        **how,
        static=named_augmentations(static or [], "--static"),
        switched_off=named_augmentations(switched_off or [], "--switched-off"),
        share=share,
    )
    columns = ["augmentation", "variant", "diversity", "accuracy", "to_clean", "to_dynamic"]
    return study, study.to_frame()[columns].round(3).to_string()
