"""``soupwidgets augment``: affinity and diversity of augmentations."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import pandas as pd
import typer
from tqdm import tqdm

from soupwidgets.commands.inputs import any_split
from soupwidgets.commands.reports import Report, measuring, plain
from soupwidgets.commands.studies import studying
from soupwidgets.evaluation import Evaluator
from soupwidgets.recipe import Recipe
from soupwidgets.suites import AUGMENTATIONS, Augmentation
from soupwidgets.suites import augmentation as augmentation_named
from soupwidgets.topics.augmentation.affinity import affinity as affinity_
from soupwidgets.topics.augmentation.study import run_augmentation_study

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
    jobs = [(name, one) for name in chosen for one in _named(augmentation)]
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
    study = run_augmentation_study(**how, augmentations=_named(augmentation))
    return study, study.to_frame()[["augmentation", "affinity", "diversity", "accuracy", "change"]].round(3).to_string()


def _named(names: list[str] | None) -> list[Augmentation]:
    found = []
    for name in names or list(AUGMENTATIONS):
        kind, _, strength = name.partition(":")
        try:
            found.append(augmentation_named(kind, float(strength) if strength else 1.0))
        except ValueError as error:
            raise ValueError(f"--augmentation {name}: {error}") from None
    return found
