"""The command line: what the explorers show, without a notebook."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from soupwidgets.cli_augment import app as augment_app
from soupwidgets.cli_boundary import Boundary, in_a_sentence
from soupwidgets.cli_inputs import known_pool, known_suite
from soupwidgets.cli_landscape import app as landscape_app
from soupwidgets.cli_mistakes import app as mistakes_app
from soupwidgets.cli_options import (
    DeviceOption,
    HeadFromOption,
    JsonOption,
    PartOption,
    PoolOption,
    SliceOption,
    StoreOption,
    SuiteOption,
    ZeroShotOption,
    evaluator,
    open_pool,
    open_start,
    show,
    write_json,
)
from soupwidgets.cli_places import output_file, output_folder
from soupwidgets.cli_spectrum import app as spectrum_app
from soupwidgets.cli_store import app as store_app
from soupwidgets.cli_suite import app as suite_app

app = typer.Typer(cls=Boundary, no_args_is_help=True, add_completion=False)
zoo = typer.Typer(no_args_is_help=True, help="The miniature zoo: build it, report on it.")
app.add_typer(zoo, name="zoo")
app.add_typer(suite_app, name="suite")
app.add_typer(store_app, name="store")
app.add_typer(landscape_app, name="landscape")
app.add_typer(mistakes_app, name="mistakes")
app.add_typer(spectrum_app, name="spectrum")
app.add_typer(augment_app, name="augment")


class SoupMethod(StrEnum):
    """How the ingredients are mixed."""

    uniform = "uniform"
    greedy = "greedy"
    learned = "learned"
    learned_by_layer = "learned-by-layer"
    stock = "stock"
    arithmetic = "arithmetic"
    lines = "lines"
    ties = "ties"
    dare = "dare"
    fisher = "fisher"
    wise_ft = "wise-ft"
    slerp = "slerp"
    ema = "ema"
    swa = "swa"
    lawa = "lawa"


class TieOrder(StrEnum):
    """In which order greedy tries ingredients of one score."""

    by_name = "name"
    released = "released"


class TrainingMode(StrEnum):
    """What fine-tuning trains."""

    end_to_end = "end-to-end"
    linear_probe = "linear-probe"
    lp_ft = "lp-ft"


class Scale(StrEnum):
    """Of accuracies."""

    logit = "logit"
    probit = "probit"
    linear = "linear"


def main() -> None:
    """Run the command line."""
    # Twice: `Boundary` is within what turns Ctrl-C into silence, and this is around the help, which no command prints.
    with in_a_sentence():
        try:
            app()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()


def _soup_file(out: Path) -> Path:
    # The method may take an hour, and what writes its result looks at the ending only then.
    if out.suffix not in (".safetensors", ".pt"):
        raise ValueError(f"--out {out}: the name must end with .safetensors or .pt")
    output_file(out)
    return out


def _version(wanted: bool) -> None:
    if wanted:
        from soupwidgets import __version__

        print(f"soupwidgets {__version__}")
        raise typer.Exit


@app.callback(
    epilog="To begin with: soupwidgets sweep --pool data/zoo/fashion --suite data/suites/fashion --fine-tuned ft-03. "
    "Every command takes --help. Errors are one sentence; SOUPWIDGETS_DEBUG=1 adds where they came from."
)
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Mix checkpoints, measure them, and see what flips: what the explorers show, without a notebook."""


@app.command()
def sweep(
    pool: PoolOption,
    suite: SuiteOption,
    fine_tuned: Annotated[str, typer.Option(help="Name of the fine-tuned checkpoint.")],
    alphas: Annotated[int, typer.Option(min=2, help="How many evenly spaced alphas from 0 to 1.")] = 11,
    slices: SliceOption = None,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Accuracy on every split along the line from the zero-shot to a fine-tuned model (WiSE-FT)."""
    import pandas as pd

    from soupwidgets.evaluation.axis_names import column_label
    from soupwidgets.methods import alpha_sweep

    ev = evaluator(open_pool(pool, part, head_from, zero_shot), suite, device, store, slices)
    result = alpha_sweep(ev, fine_tuned, alphas, progress=sys.stderr.isatty())
    records = [
        {
            "alpha": alpha,
            "splits": {record["split"]: record for record in result[alpha].to_records()},
            "mean_ood": _mean_ood(result[alpha]),
        }
        for alpha in result.alphas
    ]
    best = result.best_alpha()
    write_json(json_file, {"fine_tuned": fine_tuned, "best_alpha_by_validation": best, "alphas": records})
    if json_file == "-":
        return
    table = result.to_frame().pivot(index="alpha", columns="split", values="accuracy")[list(result[best].scores)]
    table.columns = pd.Index([column_label(result[best], name) for name in table.columns], name="split")
    mean_ood = [_mean_ood(result[alpha]) for alpha in result.alphas]
    if all(mean_ood):
        table["mean OOD"] = pd.Series([m["accuracy"] for m in mean_ood if m], index=table.index)
    show((100 * table).round(2).to_string(index_names=False))
    show(f"\nAccuracy in percent. Best alpha by validation: {best:g}")


@app.command()
def soup(
    method: Annotated[SoupMethod, typer.Argument(help="How to mix; greedy, learned and fisher need a suite.")],
    pool: PoolOption,
    out: Annotated[
        Path,
        typer.Option(help="The soup: .safetensors, or .pt for a state dict of torch.save.", callback=_soup_file),
    ],
    suite: Annotated[
        Path | None,
        typer.Option(help="Folder of a suite, to choose by and to measure on.", callback=known_suite),
    ] = None,
    ingredient: Annotated[
        list[str] | None, typer.Option(help="One name, in order; else all fine-tuned models.")
    ] = None,
    strict: Annotated[bool, typer.Option(help="Greedy takes what raises accuracy, as the released script.")] = False,
    seed: Annotated[
        int | None, typer.Option(help="Greedy tries in this seed's random order; seed of the rest.")
    ] = None,
    scale: Annotated[float | None, typer.Option(help="Of the task vectors: arithmetic, ties, dare.")] = None,
    density: Annotated[float, typer.Option(help="Share of each task vector that ties keeps.")] = 0.2,
    drop: Annotated[float, typer.Option(help="Probability with which dare drops.")] = 0.9,
    alpha: Annotated[float, typer.Option(help="How far wise-ft goes from zero-shot to the average, or slerp.")] = 0.5,
    decay: Annotated[float, typer.Option(help="What ema keeps of the average at every step.")] = 0.9,
    last: Annotated[int, typer.Option(help="How many of the latest lawa averages.")] = 5,
    tie_order: Annotated[
        TieOrder, typer.Option(help="Which of equals greedy tries first: by name, or as the released script does.")
    ] = TieOrder.by_name,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Make a soup, measure it where there is a suite, and write it to a file."""
    from soupwidgets.soup_report import SoupOptions, make_soup, to_text

    options = SoupOptions(
        ingredient, strict, seed, scale, density, drop, alpha, decay, last,
        progress=sys.stderr.isatty(), tie_order=tie_order.value, overwrite=overwrite,
    )  # fmt: skip
    opened = open_pool(pool, part, head_from, zero_shot)
    ev = None if suite is None else evaluator(opened, suite, device, store)
    report = make_soup(method.value, opened, ev, out, options)
    write_json(json_file, report)
    if json_file != "-":
        show(to_text(report))


@app.command()
def frontier(
    pool: PoolOption,
    suite: SuiteOption,
    shift: Annotated[str | None, typer.Option(help="One distribution shift or slice; else the mean of all.")] = None,
    baselines: Annotated[
        Path | None, typer.Option(help="CSV of ordinary models (model, dataset, accuracy), for effective robustness.")
    ] = None,
    id_test: Annotated[
        str | None, typer.Option(help="The in-distribution test of --baselines, where it is not test or ImageNet.")
    ] = None,
    scale: Annotated[Scale, typer.Option(help="On which the baseline is a straight line.")] = Scale.logit,
    sweep: Annotated[
        list[str] | None, typer.Option(help="Also sweep alpha of this fine-tuned model; repeat it.")
    ] = None,
    slices: SliceOption = None,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Accuracy against robustness of every model that was measured, and which of them no other one beats."""
    from soupwidgets.frontier_report import frontier_report, to_text

    ev = evaluator(open_pool(pool, part, head_from, zero_shot), suite, device, store, slices)
    report = frontier_report(ev, shift, scale.value, baselines, sweep, sys.stderr.isatty(), id_test)
    write_json(json_file, report)
    if json_file != "-":
        show(to_text(report))


@app.command()
def diversity(
    pool: Annotated[list[str], typer.Option(help="Folder or file of checkpoints, of any architectures; repeat it.")],
    suite: SuiteOption,
    logits: Annotated[
        list[str] | None, typer.Option(help="NAME:SPLIT=FILE of another model's logits (npy, npz, pt, csv); repeat it.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Where to compare; the in-distribution test otherwise.")] = None,
    part: PartOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """How differently models err: error inconsistency, kappa, ensembles of all pairs, and the trend over training."""
    from soupwidgets import Store, Suite
    from soupwidgets.diversity_report import diversity_report, to_text

    opened = Suite.open(suite)
    kept = Store(store) if store else None
    report = diversity_report(pool, opened, logits or [], split, kept, device, sys.stderr.isatty(), part)
    write_json(json_file, report)
    if json_file != "-":
        show(to_text(report))


@app.command()
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

    from soupwidgets import Suite, open_clip_classifier
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


@app.command()
def inspect(
    files: Annotated[
        list[Path], typer.Argument(help="Weight files of any format, folders of them, or published names (hf-hub:...).")
    ],
    part: PartOption = None,
    json_file: JsonOption = None,
) -> None:
    """What is in weight files, and can they be mixed? Nothing in them is run."""
    from soupwidgets.inspect_report import inspect_files, open_all, to_text
    from soupwidgets.text import one_line

    # `known_pool` says of a folder without weights what is in it.
    places = [Path(known_pool(str(file))) if file.is_dir() else file for file in files]
    opened, unreadable = open_all(places, part)
    report = inspect_files(opened, progress=sys.stderr.isatty())
    report["unreadable"] = [{"path": str(error.path), "reason": error.reason} for error in unreadable]
    write_json(json_file, report)
    if json_file != "-":
        show(to_text(report))
    for error in unreadable:
        print(one_line(f"cannot be read: {error}"), file=sys.stderr)
    if unreadable:
        raise SystemExit(2)


_Raw = Annotated[Path, typer.Option(help="Folder with the four Fashion-MNIST .gz files.")]
_RAW = Path("/usr/share/datasets/fashion-mnist")
_Work = Annotated[Path, typer.Option(help="Keeps unfinished work, for the next start.", callback=output_folder)]


@zoo.command("build")
def zoo_build(
    out: Annotated[Path, typer.Option(help="Gets suites/ and zoo/.", callback=output_folder)] = Path("data"),
    work: _Work = Path("build/zoo"),
    raw: _Raw = _RAW,
    workers: Annotated[int, typer.Option(min=1, help="Processes at work at once, one thread each.")] = 2,
) -> None:
    """Rebuild the miniature zoo from the raw images; what is there already is kept."""
    from soupwidgets.zoo.build import build_zoo

    build_zoo(out, work, raw, workers=workers)


@zoo.command("baselines")
def zoo_baselines(
    out: Annotated[
        Path, typer.Option(help="The table: model, dataset, accuracy, images.", callback=output_file)
    ] = Path("data/baselines/fashion.csv"),
    suite: SuiteOption = Path("data/suites/fashion"),
    work: _Work = Path("build/baselines"),
    raw: _Raw = _RAW,
) -> None:
    """Train models from scratch, for the line that effective robustness is measured from (some ten minutes)."""
    from soupwidgets import Suite
    from soupwidgets.zoo.baselines import write_baselines

    print(write_baselines(out, Suite.open(suite), work, raw))


@zoo.command("diverse")
def zoo_diverse(
    out: Annotated[Path, typer.Option(help="Gets the models.", callback=output_folder)] = Path(
        "data/zoo/fashion-diverse"
    ),
    raw: _Raw = _RAW,
) -> None:
    """Train seven models that differ more and more, for error inconsistency and ensembles (some ten minutes)."""
    from soupwidgets.zoo.diverse import build_diverse

    print(build_diverse(out, raw))


@zoo.command("report")
def zoo_report(
    pool: PoolOption,
    suite: SuiteOption,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Does a pool show what the papers found? Choices on validation, numbers on test and shifts."""
    from soupwidgets.zoo.report import to_markdown, zoo_report

    rows = zoo_report(
        evaluator(open_pool(pool, part, head_from, zero_shot), suite, device, store), progress=sys.stderr.isatty()
    )
    write_json(json_file, [row.to_record() for row in rows])
    if json_file != "-":
        show(to_markdown(rows))


def _mean_ood(evaluation: Any) -> dict[str, float] | None:
    if not any(score.role == "shift" for score in evaluation.scores.values()):
        return None
    low, high = evaluation.shift_interval
    return {"accuracy": evaluation.shift_accuracy, "low": low, "high": high}


if __name__ == "__main__":
    main()
