"""``soupwidgets spectrum``: how fast predictions change, which frequencies images have, which are learnt."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer

from soupwidgets.commands.inputs import named_augmentations, tested_split
from soupwidgets.commands.options import (
    DeviceOption,
    HeadFromOption,
    NetworkOption,
    PartOption,
    StoreOption,
    SuiteOption,
    ZeroShotOption,
    evaluator,
    open_pool,
)
from soupwidgets.commands.reports import Report, measuring, reporting
from soupwidgets.commands.studies import studying
from soupwidgets.evaluation import Evaluator
from soupwidgets.suites import Suite
from soupwidgets.topics.spectrum.label_noise import run_label_noise_study
from soupwidgets.topics.spectrum.report import drawn_paths, images_report, paths_report, sensitivity_report
from soupwidgets.topics.spectrum.training_study import run_training_study
from soupwidgets.topics.spectrum.treatment import TREATMENTS, Detrend, Statistic, Values, Window
from soupwidgets.training import LabelNoise

SplitOption = Annotated[str | None, typer.Option(help="Split of the images; the in-distribution test if not given.")]
PairsOption = Annotated[int, typer.Option(min=2, help="Number of paths of each kind.")]
SamplesOption = Annotated[int, typer.Option(min=8, help="Number of points on each path.")]
SeedOption = Annotated[int, typer.Option(help="Seed for drawing the pairs.")]

app = typer.Typer(
    no_args_is_help=True, help="Frequencies: of predictions along paths between images, of images, and of label noise."
)


@app.command("paths")
@measuring
def paths(
    ev: Evaluator,
    model: Annotated[
        list[str] | None, typer.Option(help="Checkpoint to measure; repeatable. All of the pool if not given.")
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option(help="Also measure paths from images to this shift of them; repeatable.")
    ] = None,
    split: SplitOption = None,
    pairs: PairsOption = 200,
    samples: SamplesOption = 64,
    step: Annotated[
        float | None, typer.Option(help="L2 distance (pixel values 0..1) between points, instead of --samples.")
    ] = None,
    seed: SeedOption = 0,
    treatment: Annotated[
        Literal["ours", "release"],
        typer.Option(
            help="Probabilities with window and trend taken off, or as in the paper's release: their distance from the "
            "path's start, as it is. The next three options replace a part of it."
        ),
    ] = "ours",
    values: Annotated[Values | None, typer.Option(help="What to follow along a path.", show_default=False)] = None,
    window: Annotated[
        Window | None, typer.Option(help="Window that fades values out towards both ends of a path; boxcar for none.")
    ] = None,
    detrend: Annotated[
        Detrend | None,
        typer.Option(help="Subtract the best-fitting straight line from each path, its mean, or nothing."),
    ] = None,
    statistic: Annotated[
        Statistic,
        typer.Option(
            help="Mean frequency, power above frequency 0, or its share above a quarter of the highest frequency."
        ),
    ] = "centroid",
) -> Report:
    """Measure spectra of predictions along straight lines between images, with accuracy in and out of distribution."""
    models = model or ev.pool.names
    ev.pool.require(models)
    where = tested_split(ev.suite, split)
    drawn = drawn_paths(ev.suite, where, shifts=to or [], pairs=pairs, samples=samples, step=step, seed=seed)
    treated = TREATMENTS[treatment].changed(values, window, detrend)
    progress = sys.stderr.isatty()
    return paths_report(
        ev, models, split=where.name, paths=drawn, seed=seed, treatment=treated, statistic=statistic, progress=progress
    )


@app.command("sensitivity")
@measuring
def sensitivity(
    ev: Evaluator,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Two checkpoints to compare, or more to rank with accuracy; repeatable. All if not given."),
    ] = None,
    split: SplitOption = None,
    pairs: PairsOption = 200,
    samples: SamplesOption = 64,
    seed: SeedOption = 0,
) -> Report:
    """Compare models with every signal, window, trend and statistic: what flips with the treatment."""
    models = model or ev.pool.names
    ev.pool.require(models)
    where = tested_split(ev.suite, split)
    drawn = drawn_paths(ev.suite, where, shifts=[], pairs=pairs, samples=samples, seed=seed)
    return sensitivity_report(ev, models, drawn, seed=seed)


@app.command("images")
@reporting
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
    network: NetworkOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> Report:
    """Measure power spectra of the images of every split, and a model's sensitivity to each frequency."""
    opened = open_pool(pool, part, head_from, zero_shot) if pool else None
    ev = evaluator(opened, suite, device, store, model=network) if opened is not None else None
    return images_report(Suite.open(suite), ev, model=model, norm=norm, images=count, progress=sys.stderr.isatty())


@app.command("noise")
@studying(work="build/label-noise", seeds=1, epochs=40, crop=1.0, flip=0.0)
def noise(
    how: dict[str, Any],
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
    uniform: Annotated[
        bool, typer.Option("--uniform", help="Also noise A for every image: a control without a frequency.")
    ] = False,
    independent: Annotated[
        bool,
        typer.Option("--independent", help="Also noise drawn from 0 to 2 A for each image by itself: a control."),
    ] = False,
    of_class: Annotated[
        list[str] | None,
        typer.Option(help="CLASS:FREQUENCY of radial noise on the labels of this class alone; repeatable."),
    ] = None,
    amplitude: Annotated[float, typer.Option(help="Amplitude A; noise ranges from 0 to 2 A.")] = 0.5,
) -> tuple[Any, str]:
    """Train on labels with noise of several frequencies: which are learnt, and when. Estimates the time first."""
    noises = [LabelNoise(f, amplitude, "radial") for f in radial or []]
    noises += [LabelNoise(f, amplitude, "random") for f in random or []]
    noises += [LabelNoise(*_wave(text, amplitude)) for text in wave or []]
    noises += [LabelNoise(0.0, amplitude, "uniform")] * uniform
    noises += [LabelNoise(0.0, amplitude, "independent")] * independent
    classes = Suite.open(how["suite_folder"]).classes
    noises += [
        LabelNoise(f, amplitude, of_class=one) for one, f in (_of_class(text, classes) for text in of_class or [])
    ]
    study = run_label_noise_study(**how, noises=noises)
    return study, study.minima().drop(columns="direction").round(3).to_string(index=False)


@app.command("trainings")
@studying(work="build/trainings", seeds=3, epochs=30)
def trainings(
    how: dict[str, Any],
    after: Annotated[
        list[int] | None, typer.Option(help="Also measure the base run after so many of its epochs; repeatable.")
    ] = None,
    width: Annotated[
        list[int] | None, typer.Option(help="Also train an image tower of this width; repeatable.")
    ] = None,
    layers: Annotated[
        list[int] | None, typer.Option(help="Also train an image tower with so many layers; repeatable.")
    ] = None,
    examples: Annotated[
        list[int] | None, typer.Option(help="Also train on so many images, with as many epochs; repeatable.")
    ] = None,
    augmentation: Annotated[
        list[str] | None, typer.Option(help="Also train with NAME or NAME:STRENGTH (0 to 1); repeatable.")
    ] = None,
    self_distillation: Annotated[
        bool, typer.Option("--self-distillation", help="Also train on the base run's probabilities.")
    ] = False,
    pairs: Annotated[int, typer.Option(min=2, help="Number of paths of each kind.")] = 200,
    samples: Annotated[int, typer.Option(min=8, help="Number of points on each path.")] = 64,
    treatment: Annotated[
        Literal["ours", "release"],
        typer.Option(help="What the table shows; the file has every treatment and statistic."),
    ] = "ours",
    statistic: Annotated[Statistic, typer.Option(help="The number that the table shows.")] = "centroid",
) -> tuple[Any, str]:
    """Train in ways that differ in one thing: accuracy against the frequency of predictions. Estimates the time first.

    Every seed is trained in every way, and differences are taken from the base run of the same seed.
    """
    study = run_training_study(
        **how, epochs=after or [], widths=width or [], layers=layers or [], images=examples or [],
        augmentations=named_augmentations(augmentation or []), self_distillation=self_distillation,
        pairs=pairs, samples=samples,
    )  # fmt: skip
    frame = study.to_frame(TREATMENTS[treatment], statistic)
    changes = [column for column in frame if "change" in str(column)]
    return study, frame[["training", "accuracy", *changes]].round(3).to_string(index=False)


def _of_class(text: str, classes: Sequence[str]) -> tuple[int, float]:
    name, _, frequency = text.rpartition(":")
    if name not in classes:
        known = ", ".join(classes)
        raise ValueError(f"--of-class {text}: expected CLASS:FREQUENCY with one of the suite's classes, {known}")
    try:
        return classes.index(name), float(frequency)
    except ValueError:
        raise ValueError(f"--of-class {text}: expected CLASS:FREQUENCY, such as {name}:0.1") from None


def _wave(text: str, amplitude: float) -> tuple[float, float, tuple[int, int]]:
    try:
        direction, frequency = text.split(":")
        vertical, horizontal = (int(part) for part in direction.split(","))
        return float(frequency), amplitude, (vertical, horizontal)
    except ValueError:
        raise ValueError(f"--wave {text}: expected VERTICAL,HORIZONTAL:FREQUENCY, such as 1,0:0.5") from None
