"""``soupwidgets spectrum``: how fast predictions change, which frequencies images have, which label noise is learnt."""

from __future__ import annotations

import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

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

app = typer.Typer(
    no_args_is_help=True, help="Frequencies: of predictions along paths between images, of images, and of label noise."
)


class Followed(StrEnum):
    """Which model output is followed along a path."""

    probabilities = "probabilities"
    logits = "logits"


class WindowName(StrEnum):
    """Window applied to the values of a path."""

    hann = "hann"
    boxcar = "boxcar"


class DetrendName(StrEnum):
    """What is subtracted from the values of a path."""

    linear = "linear"
    constant = "constant"
    none = "none"


@app.command("paths")
def paths(
    pool: PoolOption,
    suite: SuiteOption,
    model: Annotated[
        list[str] | None, typer.Option(help="Checkpoint to measure; repeatable. All of the pool if not given.")
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option(help="Also measure paths from images to this shift of them; repeatable.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split of the images; the in-distribution test if not given.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=2, help="Number of paths of each kind.")] = 200,
    samples: Annotated[int, typer.Option(min=8, help="Number of points on each path.")] = 64,
    step: Annotated[
        float | None, typer.Option(help="L2 distance (pixel values 0..1) between points, instead of --samples.")
    ] = None,
    values: Annotated[Followed, typer.Option(help="Model output to follow.")] = Followed.probabilities,
    seed: Annotated[int, typer.Option(help="Seed for drawing the pairs.")] = 0,
    window: Annotated[
        WindowName, typer.Option(help="Window that fades values out towards both ends of a path; boxcar for none.")
    ] = WindowName.hann,
    detrend: Annotated[
        DetrendName, typer.Option(help="Subtract the best-fitting straight line from each path, its mean, or nothing.")
    ] = DetrendName.linear,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Measure spectra of predictions along straight lines between images, with accuracy in and out of distribution."""
    from soupwidgets.topics.spectrum.report import paths_report, paths_text

    ev = evaluator(open_pool(pool, part, head_from, zero_shot), suite, device, store)
    report = paths_report(
        ev,
        model or ev.pool.names,
        shifts=to or [],
        split=split,
        pairs=pairs,
        samples=samples,
        step=step,
        values=values.value,
        seed=seed,
        progress=sys.stderr.isatty(),
        window=window.value,
        detrend=detrend.value,
    )
    write_json(json_file, report)
    if json_file != "-":
        show(paths_text(report))


@app.command("images")
def images(
    suite: SuiteOption,
    pool: Annotated[
        str | None, typer.Option(help="Pool of a model whose sensitivity to each frequency is measured as well.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Name of the model in --pool; the zero-shot model if not given.")
    ] = None,
    norm: Annotated[float, typer.Option(help="L2 norm of the added wave (pixel values 0..1).")] = 4.0,
    count: Annotated[int, typer.Option("--images", min=1, help="Number of images to which waves are added.")] = 100,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Measure power spectra of the images of every split, and a model's sensitivity to each frequency."""
    from soupwidgets.suites import Suite
    from soupwidgets.topics.spectrum.report import images_report, images_text

    ev = evaluator(open_pool(pool, part, head_from, zero_shot), suite, device, store) if pool else None
    report = images_report(Suite.open(suite), ev, model=model, norm=norm, images=count, progress=sys.stderr.isatty())
    write_json(json_file, report)
    if json_file != "-":
        show(images_text(report))


@app.command("noise")
def noise(
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
    ] = Path("build/label-noise"),
    radial: Annotated[
        list[float] | None, typer.Option(help="Frequency of noise along the images' norm; repeatable.")
    ] = None,
    random: Annotated[
        list[float] | None, typer.Option(help="Frequency of noise along a random direction; repeatable.")
    ] = None,
    wave: Annotated[
        list[str] | None,
        typer.Option(help="VERTICAL,HORIZONTAL:FREQUENCY of noise along a Fourier basis image; repeatable."),
    ] = None,
    amplitude: Annotated[float, typer.Option(help="Amplitude A; noise ranges from 0 to 2 A.")] = 0.5,
    seeds: Annotated[int, typer.Option(min=1, help="Number of trainings with each noise, with different seeds.")] = 1,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of every training.")] = 40,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-3,
    batch_size: Annotated[int, typer.Option(min=1, help="Images per training step.")] = 64,
    images: Annotated[int | None, typer.Option(help="Use only the first N training images; all if not given.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of trainings that run in parallel.")] = 2,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Train on labels with noise of several frequencies: which are learnt, and when. Estimates the time first."""
    import torch

    from soupwidgets.text import one_line
    from soupwidgets.topics.spectrum.label_noise import run_label_noise_study
    from soupwidgets.training import Hyperparameters, LabelNoise

    noises = [LabelNoise(f, amplitude, "radial") for f in radial or []]
    noises += [LabelNoise(f, amplitude, "random") for f in random or []]
    noises += [LabelNoise(*_wave(text, amplitude)) for text in wave or []]
    settings = Hyperparameters(
        seed=0, learning_rate=learning_rate, epochs=epochs, weight_decay=0.1, crop=1.0, batch_size=batch_size,
        images=images, flip=0.0,
    )  # fmt: skip
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    study = run_label_noise_study(
        open_start(model, "--model"),
        suite,
        folder=work,
        noises=noises,
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
        last = study.to_frame().groupby("noise", sort=False).last()
        show(last[["frequency", "noise fitting", "followed", "validation accuracy"]].round(3).to_string())
        show(f"\nAll epochs: {out}")


def _wave(text: str, amplitude: float) -> tuple[float, float, tuple[int, int]]:
    try:
        direction, frequency = text.split(":")
        vertical, horizontal = (int(part) for part in direction.split(","))
        return float(frequency), amplitude, (vertical, horizontal)
    except ValueError:
        raise ValueError(f"--wave {text}: expected VERTICAL,HORIZONTAL:FREQUENCY, such as 1,0:0.5") from None
