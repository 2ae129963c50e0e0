"""``soupwidgets spectrum``: how fast predictions change, what images are made of, and which label noise is learnt."""

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

app = typer.Typer(no_args_is_help=True, help="Function frequency: along paths between images, and of label noise.")


class Followed(StrEnum):
    """What is followed along a path."""

    probabilities = "probabilities"
    logits = "logits"


class WindowName(StrEnum):
    """How the values of a path fade out towards its ends."""

    hann = "hann"
    boxcar = "boxcar"


class DetrendName(StrEnum):
    """What is taken off the values of a path."""

    linear = "linear"
    constant = "constant"
    none = "none"


@app.command("paths")
def paths(
    pool: PoolOption,
    suite: SuiteOption,
    model: Annotated[list[str] | None, typer.Option(help="Which checkpoints; all of the pool otherwise.")] = None,
    to: Annotated[list[str] | None, typer.Option(help="Also from images to this shift of them; repeat it.")] = None,
    split: Annotated[str | None, typer.Option(help="Where the images are from; the test otherwise.")] = None,
    pairs: Annotated[int, typer.Option(min=2, help="Paths of each kind.")] = 200,
    samples: Annotated[int, typer.Option(min=8, help="Points of each path.")] = 64,
    step: Annotated[
        float | None, typer.Option(help="Instead: L2 distance (pixel values 0..1) from point to point.")
    ] = None,
    values: Annotated[Followed, typer.Option(help="What is followed.")] = Followed.probabilities,
    seed: Annotated[int, typer.Option(help="Of the pairs.")] = 0,
    window: Annotated[
        WindowName, typer.Option(help="Fade the values out towards both ends of a path, or not (boxcar).")
    ] = WindowName.hann,
    detrend: Annotated[
        DetrendName, typer.Option(help="Take off the straight line that fits each path best, its mean, or nothing.")
    ] = DetrendName.linear,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Spectra of predictions along straight lines between images, beside accuracy in and out of distribution."""
    from soupwidgets.topics.spectrum.report import paths_report, paths_text

    ev = evaluator(open_pool(pool, part, head_from, zero_shot), suite, device, store)
    report = paths_report(
        ev, model or ev.pool.names, to or [], split, pairs, samples, step, values.value, seed, sys.stderr.isatty(),
        window.value, detrend.value,
    )  # fmt: skip
    write_json(json_file, report)
    if json_file != "-":
        show(paths_text(report))


@app.command("images")
def images(
    suite: SuiteOption,
    pool: Annotated[
        str | None, typer.Option(help="Also how sensitive a model of this pool is to each frequency.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Which; the zero-shot model otherwise.")] = None,
    norm: Annotated[float, typer.Option(help="L2 norm of the wave that is added (pixel values 0..1).")] = 4.0,
    count: Annotated[int, typer.Option("--images", min=1, help="How many images the waves are added to.")] = 100,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Power spectra of the images of every split, and to which frequencies a model is sensitive."""
    from soupwidgets.suites import Suite
    from soupwidgets.topics.spectrum.report import images_report, images_text

    ev = evaluator(open_pool(pool, part, head_from, zero_shot), suite, device, store) if pool else None
    report = images_report(Suite.open(suite), ev, model, norm, count, sys.stderr.isatty())
    write_json(json_file, report)
    if json_file != "-":
        show(images_text(report))


@app.command("noise")
def noise(
    suite: SuiteOption,
    model: Annotated[Path, typer.Option(help="A checkpoint of the kind that is trained, from random weights.")],
    out: Annotated[Path, typer.Option(help="The results, for notebooks and the explorer.", callback=output_file)],
    work: Annotated[
        Path, typer.Option(help="Keeps the trained models, for the next start.", callback=output_folder)
    ] = Path("build/label-noise"),
    radial: Annotated[list[float] | None, typer.Option(help="Frequency along the norm; repeat it.")] = None,
    random: Annotated[list[float] | None, typer.Option(help="Frequency along a random direction; repeat it.")] = None,
    wave: Annotated[
        list[str] | None, typer.Option(help="VERTICAL,HORIZONTAL:FREQUENCY along a Fourier basis image; repeat it.")
    ] = None,
    amplitude: Annotated[float, typer.Option(help="A: noise goes from 0 to 2 A.")] = 0.5,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each.")] = 1,
    epochs: Annotated[int, typer.Option(min=1, help="Of every training.")] = 40,
    learning_rate: Annotated[float, typer.Option(help="The peak.")] = 1e-3,
    batch_size: Annotated[int, typer.Option(min=1, help="Images of a step.")] = 64,
    images: Annotated[int | None, typer.Option(help="Use the first of the training images only.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Trainings at once.")] = 2,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Train on labels with noise of several frequencies: which are learnt, and when. It tells first how long."""
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
        open_start(model, "--model"), suite, work, noises, settings, seeds, workers, where,
        sys.stderr.isatty(), lambda words: print(one_line(words), file=sys.stderr),
    )  # fmt: skip
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
