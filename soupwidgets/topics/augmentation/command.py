"""``soupwidgets augment``: affinity and diversity of augmentations."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soupwidgets.commands.options import (
    DeviceOption,
    HeadFromOption,
    JsonOption,
    PartOption,
    PoolOption,
    StoreOption,
    SuiteOption,
    ZeroShotOption,
    evaluator,
    open_pool,
    open_start,
    show,
    write_json,
)
from soupwidgets.commands.places import output_file, output_folder
from soupwidgets.topics.augmentation.affinity import affinity as affinity_

if TYPE_CHECKING:
    from soupwidgets.suites import Augmentation, Split, Suite

app = typer.Typer(no_args_is_help=True, help="Augmentations: their affinity and diversity.")

_Augmentations = Annotated[
    list[str] | None,
    typer.Option(
        "--augmentation", help="A name, or name:strength (0 to 1); repeatable. All augmentations if not given."
    ),
]


@app.command("affinity")
def affinity(
    pool: PoolOption,
    suite: SuiteOption,
    model: Annotated[
        list[str] | None, typer.Option(help="Checkpoint to measure; repeatable. The zero-shot model if not given.")
    ] = None,
    augmentation: _Augmentations = None,
    split: Annotated[str | None, typer.Option(help="Split to measure on; the validation split if not given.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="How often each image is augmented.")] = 1,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Measure how little each augmentation disturbs a model: accuracy on augmented against unchanged images."""
    import pandas as pd
    from tqdm import tqdm

    from soupwidgets.recipe import Recipe

    ev = evaluator(open_pool(pool, part, head_from, zero_shot), suite, device, store)
    chosen = model or [ev.pool.zero_shot]
    ev.pool.require(chosen)
    where = _split(ev.suite, split)
    jobs = [(name, one) for name in chosen for one in _named(augmentation)]
    records = []
    for name, one in tqdm(jobs, desc="affinity", unit="augmentation", disable=not sys.stderr.isatty()):
        records.append({"model": name, **asdict(affinity_(ev, Recipe({name: 1}), one, split=where, repeats=repeats))})
    write_json(json_file, records)
    if json_file == "-":
        return
    rows = [
        {
            "model": r["model"], "augmentation": r["augmentation"], "clean, %": 100 * r["clean"],
            "augmented, %": 100 * r["augmented"], "affinity": r["ratio"]["value"],
            "95% interval": f"[{r['ratio']['low']:.3f}, {r['ratio']['high']:.3f}]",
            "difference, points": 100 * r["difference"]["value"],
        }
        for r in records
    ]  # fmt: skip
    show(pd.DataFrame(rows).round(3).to_string(index=False))


@app.command("diversity")
def diversity(
    suite: SuiteOption,
    model: Annotated[Path, typer.Option(help="A checkpoint whose architecture is trained, from random weights.")],
    out: Annotated[
        Path, typer.Option(help="File for the results, for notebooks and the explorer.", callback=output_file)
    ],
    work: Annotated[
        Path,
        typer.Option(
            help="Folder that keeps the trained models, so that an interrupted study can resume.",
            callback=output_folder,
        ),
    ] = Path("build/augmentations"),
    augmentation: _Augmentations = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Number of trainings with each augmentation, with different seeds.")
    ] = 3,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of every training.")] = 20,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-3,
    batch_size: Annotated[int, typer.Option(min=1, help="Images per training step.")] = 64,
    images: Annotated[int | None, typer.Option(help="Use only the first N training images; all if not given.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of trainings that run in parallel.")] = 2,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Train with and without each augmentation: diversity, affinity, change of accuracy. Estimates the time first."""
    import torch

    from soupwidgets.text import one_line
    from soupwidgets.topics.augmentation.study import run_augmentation_study
    from soupwidgets.training import Hyperparameters

    settings = Hyperparameters(
        seed=0, learning_rate=learning_rate, epochs=epochs, weight_decay=0.1, batch_size=batch_size, images=images
    )
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    study = run_augmentation_study(
        open_start(model, "--model"),
        suite,
        folder=work,
        augmentations=_named(augmentation),
        settings=settings,
        seeds=seeds,
        workers=workers,
        device=where,
        progress=sys.stderr.isatty(),
        tell=lambda words: print(one_line(words), file=sys.stderr),
    )
    study.write(out)
    write_json(json_file, asdict(study))
    if json_file != "-":
        show(study.to_frame()[["augmentation", "affinity", "diversity", "accuracy", "change"]].round(3).to_string())
        show(f"\nAll numbers with their intervals: {out}")


def _named(names: list[str] | None) -> list[Augmentation]:
    from soupwidgets.suites import AUGMENTATIONS, augmentation

    found = []
    for name in names or list(AUGMENTATIONS):
        kind, _, strength = name.partition(":")
        try:
            found.append(augmentation(kind, float(strength) if strength else 1.0))
        except ValueError as error:
            raise ValueError(f"--augmentation {name}: {error}") from None
    return found


def _split(suite: Suite, name: str | None) -> Split:
    from soupwidgets.suites.named import split_named

    try:
        return split_named(suite, name)
    except KeyError as error:
        raise ValueError(error.args[0]) from None
