"""What commands that train a study share: where it begins, how long each training is, and where results go."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from soupwidgets.commands.options import DeviceOption, SuiteOption, open_start
from soupwidgets.commands.places import output_file, output_folder
from soupwidgets.commands.reports import Report, options_of, reporting, with_options


def studying(*, work: str, seeds: int, epochs: int, **settings: Any) -> Callable[..., Callable[..., None]]:
    """Make a command of a function that is given how to train (``how``), and returns a study and a table of it.

    Parameters
    ----------
    work, seeds, epochs
        Defaults of these options.
    settings
        Hyper-parameters that have no option.
    """

    def options(
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
        ] = Path(work),
        seeds: Annotated[int, typer.Option(min=1, help="Number of trainings of each kind, by seed.")] = seeds,
        epochs: Annotated[int, typer.Option(min=1, help="Epochs of every training.")] = epochs,
        learning_rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-3,
        batch_size: Annotated[int, typer.Option(min=1, help="Images per training step.")] = 64,
        images: Annotated[
            int | None, typer.Option(help="Use only the first N training images; all if not given.")
        ] = None,
        workers: Annotated[int, typer.Option(min=1, help="Number of trainings that run in parallel.")] = 2,
        device: DeviceOption = "auto",
    ) -> tuple[Path, dict[str, Any]]:
        from soupwidgets.text import one_line
        from soupwidgets.training import Hyperparameters

        trained = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "images": images}
        how = {
            "start": open_start(model, "--model"),
            "suite_folder": suite,
            "folder": work,
            "settings": Hyperparameters(seed=0, weight_decay=0.1, **{**trained, **settings}),
            "seeds": seeds,
            "workers": workers,
            "device": where_to_train(device),
            "progress": sys.stderr.isatty(),
            "tell": lambda words: print(one_line(words), file=sys.stderr),
        }
        return out, how

    def decorated(run: Callable[..., tuple[Any, str]]) -> Callable[..., None]:
        shared = options_of(options)

        @functools.wraps(run)
        def study(**given: Any) -> Report:
            out, how = options(**{one.name: given.pop(one.name) for one in shared})
            found, table = run(how, **given)
            found.write(out)
            return Report(found, f"{table}\n\nAll numbers: {out}")

        return reporting(with_options(study, [*shared[:4], *options_of(run)[1:], *shared[4:]]))

    return decorated


def where_to_train(device: str) -> str:
    """The device that ``--device`` names, cuda for auto where there is one."""
    import torch

    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
