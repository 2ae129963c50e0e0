"""``soupwidgets finetune``: train the ingredients of a soup."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from soupwidgets.commands.options import (
    DeviceOption,
    SuiteOption,
    open_start,
)
from soupwidgets.commands.places import output_folder
from soupwidgets.commands.studies import where_to_train


class TrainingMode(StrEnum):
    """Which part of the model fine-tuning trains."""

    end_to_end = "end-to-end"
    linear_probe = "linear-probe"
    lp_ft = "lp-ft"
    flyp = "flyp"


def finetune(
    suite: SuiteOption,
    out: Annotated[Path, typer.Option(help="Folder for the new pool.", callback=output_folder)],
    model: Annotated[str | None, typer.Option(help="open_clip name of the model to start from.")] = None,
    pretrained: Annotated[
        str | None, typer.Option(help="open_clip tag of its weights, or a file; random weights if not given.")
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(help="Which weights to use if the file of --pretrained has several sets, e.g. model_ema."),
    ] = None,
    zero_shot: Annotated[
        Path | None, typer.Option(help="A classifier file with a card to start from, instead of --model.")
    ] = None,
    runs: Annotated[
        int, typer.Option(min=1, help="Number of models to train, each with its own random hyper-parameters.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the first run; each further run adds 1.")] = 0,
    mode: Annotated[
        TrainingMode,
        typer.Option(
            help="What to train: all weights, only the head, first the head and then all weights, or (flyp) both "
            "towers of a CLIP model with captions."
        ),
    ] = TrainingMode.end_to_end,
    learning_rate: Annotated[
        float | None, typer.Option(help="Fixed peak learning rate; drawn at random if not given.")
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Fixed weight decay; drawn at random if not given.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Fixed number of epochs; drawn at random if not given.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images per training step; 512 if not given.")] = None,
    images: Annotated[
        int | None, typer.Option(min=1, help="Use only the first N training images; all if not given.")
    ] = None,
    device: DeviceOption = "auto",
) -> None:
    """Fine-tune the ingredients of a soup with random hyper-parameters; interrupted runs resume."""
    from soupwidgets.models import open_clip_classifier
    from soupwidgets.suites import Suite
    from soupwidgets.training import random_search

    task = Suite.open(suite)
    if (model is None) == (zero_shot is None):
        raise ValueError("name either an open_clip model (--model) or a classifier to start from (--zero-shot)")
    if part is not None and pretrained is None:
        raise ValueError("--part chooses among the weights of a file: name the file with --pretrained")
    if mode is TrainingMode.flyp and zero_shot is not None:
        raise ValueError(
            "--mode flyp trains the text tower as well, which a classifier file does not have: name a CLIP model "
            "with --model and --pretrained instead of --zero-shot"
        )
    if zero_shot is not None:
        start = open_start(zero_shot, "--zero-shot")
    else:
        templates = task.templates or ("a photo of a {}.",)
        start = open_clip_classifier(str(model), pretrained, class_names=task.classes, templates=templates, part=part)
    given = {
        "learning_rate": learning_rate, "weight_decay": weight_decay, "epochs": epochs, "batch_size": batch_size,
        "images": images,
    }  # fmt: skip
    fixed = {"mode": mode.value, **{key: value for key, value in given.items() if value is not None}}
    for path in random_search(
        start,
        task,
        folder=out,
        runs=runs,
        fixed=fixed,
        seed=seed,
        device=where_to_train(device),
        clip=model,
        progress=sys.stderr.isatty(),
    ):
        print(path)
