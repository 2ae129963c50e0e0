"""What commands have in common: what is opened, and where the numbers go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from soupwidgets.evaluation import Evaluator

PoolOption = Annotated[str, typer.Option(help="Folder, pattern or file of safetensors checkpoints.")]
SuiteOption = Annotated[Path, typer.Option(help="Folder of a suite.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
StoreOption = Annotated[Path | None, typer.Option(help="Folder of the store; your default store otherwise.")]
SliceOption = Annotated[
    list[Path] | None, typer.Option("--slice", help="File of a slice of the suite, as another axis and row; repeat it.")
]
JsonOption = Annotated[
    str | None, typer.Option("--json", help="Write the numbers as JSON to this file; '-' is standard output.")
]


def evaluator(pool: str, suite: Path, device: str, store: Path | None, slices: list[Path] | None = None) -> Evaluator:
    """Open what the options name."""
    from soupwidgets import Evaluator, Pool, Store, Suite

    return Evaluator(Pool.open(pool), Suite.open(suite, slices or []), device, Store(store) if store else None)


def write_json(target: str | None, content: Any) -> None:
    """Write numbers where ``--json`` says; nowhere when it was not given."""
    if target is None:
        return
    text = json.dumps(content, indent=1) + "\n"
    if target == "-":
        print(text, end="")
    else:
        from soupwidgets.checkpoints import atomic_path

        with atomic_path(target) as path:
            path.write_text(text)
