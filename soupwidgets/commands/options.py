"""Options that commands share: what to open, and where to write the numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from soupwidgets.commands.inputs import known_device, known_pool, known_suite
from soupwidgets.commands.places import output_file, write_text

if TYPE_CHECKING:
    from soupwidgets.checkpoints import CheckpointFile
    from soupwidgets.evaluation import Evaluator
    from soupwidgets.models import Model
    from soupwidgets.pool import Pool

PoolOption = Annotated[
    str, typer.Option(help="Folder, glob pattern or file of checkpoints, in any format.", callback=known_pool)
]
PartOption = Annotated[
    str | None, typer.Option(help="Which weights to use from training checkpoints with several sets, e.g. model_ema.")
]
HeadFromOption = Annotated[
    str | None, typer.Option(help="Name of the checkpoint whose head is used for those without one.")
]
ZeroShotOption = Annotated[
    str | None, typer.Option(help="Name of the zero-shot model, if no card says which one it is.")
]
RecordsOption = Annotated[
    Path | None,
    typer.Option(
        help="Hyper-parameters of the checkpoints: a CSV file of runs, an Optuna study, an export of Weights & Biases, "
        "or the file or folder of MLflow."
    ),
]
SuiteOption = Annotated[Path, typer.Option(help="Folder of a suite.", callback=known_suite)]
_MODEL_HELP = (
    "What the checkpoints' tensors belong to, if no card says it: timm:resnet18, torchvision:resnet18, "
    "transformers:FOLDER, or your own function that builds it, package.module:function or file.py:function."
)
ModelOption = Annotated[str | None, typer.Option("--model", help=_MODEL_HELP)]
# For commands whose --model names one checkpoint of the pool.
NetworkOption = Annotated[str | None, typer.Option("--network", help=_MODEL_HELP)]
DeviceOption = Annotated[str, typer.Option(help="Device to compute on: auto, cpu or cuda.", callback=known_device)]
StoreOption = Annotated[
    Path | None,
    typer.Option(help="Folder of the store, which keeps every measurement; your default store if not given."),
]
BatchNorm = Literal["auto", "recompute", "average"]
BatchNormOption = Annotated[
    BatchNorm,
    typer.Option(
        help="Batch normalisation of mixtures: statistics recomputed on training images, or averaged like weights; "
        "auto recomputes where there is any."
    ),
]
Precision = Literal["auto", "float32", "bfloat16"]
PrecisionOption = Annotated[
    Precision,
    typer.Option(
        help="bfloat16 computes every prediction that its rounding might change again in float32, and is faster on "
        "processors that have it; auto uses it where it is."
    ),
]
SliceOption = Annotated[
    list[Path] | None,
    typer.Option("--slice", help="File of a slice of the suite, shown as another axis and row; repeatable."),
]
JsonOption = Annotated[
    str | None,
    typer.Option(
        "--json", help="Write the numbers as JSON to this file; '-' is standard output.", callback=output_file
    ),
]


def open_pool(
    source: str, part: str | None, head_from: str | None, zero_shot: str | None, records: Path | None = None
) -> Pool:
    """Open the pool that the options describe; the errors of `Pool.open` say which options a folder needs."""
    from soupwidgets.pool import Pool

    pool = Pool.open(source, zero_shot, part=part, head_from=head_from)
    return pool if records is None else pool.with_records(records)


def open_start(path: Path, option: str) -> CheckpointFile:
    """Open the classifier that training starts from; a file with several sets of weights has no card and is refused."""
    from soupwidgets.checkpoints import CheckpointError, CheckpointFile, SeveralPartsError

    try:
        return CheckpointFile(path)
    except CheckpointError as error:
        if not isinstance(error.__cause__, SeveralPartsError):
            raise
        reason = (
            f"{error.__cause__.found}. {option} takes one classifier with a card that says its architecture: "
            "a .safetensors file as soupwidgets writes it, such as the zero-shot.safetensors of soupwidgets finetune"
        )
        raise CheckpointError(path, reason) from error


def evaluator(
    pool: Pool,
    suite: Path,
    device: str,
    store: Path | None,
    *,
    slices: list[Path] | None = None,
    batch_norm: BatchNorm = "auto",
    precision: Precision = "auto",
    model: str | None = None,
) -> Evaluator:
    """Make the evaluator that the options describe."""
    from soupwidgets.evaluation import Evaluator
    from soupwidgets.store import Store
    from soupwidgets.suites import Suite

    opened = Suite.open(suite, slices or [])
    kept = Store(store) if store else None
    given = None if model is None else named_model(model, opened.outputs)
    return Evaluator(pool, opened, device=device, store=kept, batch_norm=batch_norm, precision=precision, model=given)


def named_model(text: str, classes: int) -> Model:
    """The model that ``--model`` (or ``--network``) names.

    Parameters
    ----------
    text
        ``timm:NAME``, ``torchvision:NAME``, ``transformers:FOLDER``, or ``package.module:function`` or
        ``file.py:function``: the function returns a module, or a `Model` that also says what goes in.
    classes
        Number of classes of a network of timm or torchvision.

    Raises
    ------
    ValueError
        When there is no such network, folder or function.
    """
    from soupwidgets.models import Custom, Model, named_factory, timm, torchvision, transformers

    source, _, name = text.partition(":")
    if source == "timm":
        return timm(name, classes)
    if source == "torchvision":
        return torchvision(name, classes)
    if source == "transformers":
        return transformers(name)
    build = named_factory(text)
    made = build()
    return made if isinstance(made, Model) else Custom(build)


def show(report: str) -> None:
    """Print a report; control characters in names from files are escaped."""
    from soupwidgets.text import printable

    print(printable(report.removesuffix("\n")))


def write_json(target: str | None, content: Any) -> None:
    """Write numbers to the target of ``--json``; do nothing if it was not given."""
    if target is not None:
        write_text(target, json.dumps(content, indent=1) + "\n")
