"""``soupwidgets finetune``: make the ingredients of a soup."""

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


class TrainingMode(StrEnum):
    """What fine-tuning trains."""

    end_to_end = "end-to-end"
    linear_probe = "linear-probe"
    lp_ft = "lp-ft"


def finetune(
    suite: SuiteOption,
    out: Annotated[Path, typer.Option(help="Folder of the new pool.", callback=output_folder)],
    model: Annotated[str | None, typer.Option(help="open_clip's name of the model to begin with.")] = None,
    pretrained: Annotated[
        str | None, typer.Option(help="open_clip's tag of its weights, or a file; random weights without.")
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="Which weights of a file of --pretrained with several sets, e.g. model_ema.")
    ] = None,
    zero_shot: Annotated[Path | None, typer.Option(help="Instead of a model: a classifier with a card.")] = None,
    runs: Annotated[int, typer.Option(min=1, help="How many models, each with its own draw.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the first run.")] = 0,
    mode: Annotated[TrainingMode, typer.Option(help="What is trained.")] = TrainingMode.end_to_end,
    learning_rate: Annotated[float | None, typer.Option(help="Fixed, not drawn.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Fixed, not drawn.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Fixed, not drawn.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images of a step.")] = None,
    images: Annotated[int | None, typer.Option(min=1, help="Use the first of the training images only.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """Fine-tune the ingredients of a soup with random hyper-parameters; what was stopped or killed goes on."""
    import torch

    from soupwidgets.models import open_clip_classifier
    from soupwidgets.suites import Suite
    from soupwidgets.training import random_search

    task = Suite.open(suite)
    if (model is None) == (zero_shot is None):
        raise ValueError("name either an open_clip model (--model) or a classifier to begin with (--zero-shot)")
    if part is not None and pretrained is None:
        raise ValueError("--part chooses among the weights of a file: name it with --pretrained")
    if zero_shot is not None:
        start = open_start(zero_shot, "--zero-shot")
    else:
        templates = task.templates or ("a photo of a {}.",)
        start = open_clip_classifier(str(model), pretrained, task.classes, templates, part=part)
    given = {
        "learning_rate": learning_rate, "weight_decay": weight_decay, "epochs": epochs, "batch_size": batch_size,
        "images": images,
    }  # fmt: skip
    fixed = {"mode": mode.value, **{key: value for key, value in given.items() if value is not None}}
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    for path in random_search(start, task, out, runs, fixed, seed, where, progress=sys.stderr.isatty()):
        print(path)
