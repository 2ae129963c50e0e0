"""Trainings from scratch that differ in one thing: accuracy, and the frequency of predictions along paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch
from tqdm.auto import tqdm

from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.evaluation import Evaluator, probe
from soupwidgets.models import Architecture
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.store import Store
from soupwidgets.suites import Augmentation, Suite
from soupwidgets.topics.spectrum.image_paths import ImagePaths, image_paths
from soupwidgets.topics.spectrum.path_spectrum import treated_spectra
from soupwidgets.topics.spectrum.power import number_of
from soupwidgets.topics.spectrum.training_result import BASE, Measure, TrainedModel, TrainingResult, TrainingStudy
from soupwidgets.topics.spectrum.treatment import Statistic, all_treatments
from soupwidgets.training import Hyperparameters, Plan, TrainingError, run_study
from soupwidgets.training.checks import training_split
from soupwidgets.training.study_files import provenance

# Validation images whose accuracy is followed, for curves alone.
_WATCHED = 500


def run_training_study(
    start: CheckpointFile,
    suite_folder: str | Path,
    *,
    folder: str | Path,
    settings: Hyperparameters,
    epochs: Sequence[int] = (),
    widths: Sequence[int] = (),
    layers: Sequence[int] = (),
    images: Sequence[int] = (),
    augmentations: Sequence[Augmentation] = (),
    self_distillation: bool = False,
    seeds: int = 3,
    pairs: int = 200,
    samples: int = 64,
    workers: int = 2,
    device: str = "cpu",
    progress: bool = True,
    tell: Callable[[str], None] = print,
) -> TrainingStudy:
    """Train models from scratch that differ from a base training in one thing, and measure accuracy and frequency.

    Frequencies are measured in all 45 ways, by signal, window, trend and statistic: `TrainingStudy.sensitivity` says
    what hangs on them.

    Parameters
    ----------
    start
        A checkpoint that states the architecture.
    suite_folder
        The suite: its training images are trained on; accuracy and paths are those of its test, which nothing is
        chosen by.
    folder
        Receives one checkpoint per run, the base run's after every epoch, and a store of measurements; finished runs
        are not repeated.
    settings
        Settings of the base training, without flips, crops, RandAugment and mixup.
    epochs
        Training time: the base run after so many epochs, before its learning rate has fallen to 0.
    widths, layers
        Architecture: another width, or number of layers, of the image tower, a transformer.
    images
        Other numbers of training images, with as many epochs, so that more images are also more steps.
    augmentations
        Augmentations with distinct names.
    self_distillation
        Also train on the probabilities of the base run of the same seed instead of labels.
    seeds
        Number of trainings of each kind, starting with the settings' seed; differences are taken for each seed.
    pairs, samples
        Paths of each kind, and points of each.
    workers, device, progress, tell
        As in `training.run_study`.

    Raises
    ------
    ValueError
        When there is no seed, nothing differs, two trainings are the same, an architecture or a number of epochs or
        images cannot be, or as in `training.run_study` and `image_paths`.
    TrainingError
        When the base run's models of earlier epochs are gone, or as in `training.run_study`.

    Notes
    -----
    Fridovich-Keil et al., arXiv 2110.02424: what raises test accuracy tends to raise frequencies overall, and to lower
    them within a class, over training time, architecture, number of examples, augmentation and self-distillation.
    """
    suite, folder = Suite.open(suite_folder), Path(folder)
    plain = replace(settings, flip=0.0, crop=1.0, randaugment_operations=0, mixup=0.0)
    if seeds < 1 or not any([epochs, widths, layers, images, augmentations, self_distillation]):
        raise ValueError("a study needs at least one seed, and one training that differs from the base")
    _check(suite, plain, epochs, images, augmentations)
    changed = {f"width {n}": _tower(start, width=n) for n in widths} | {
        f"layers {n}": _tower(start, layers=n) for n in layers
    }
    # Made before anything is trained, so that what cannot be drawn is said at once.
    paths = [image_paths(suite.id_test, kind, pairs, samples, classes=suite.classes) for kind in ("within", "between")]
    all_seeds = range(plain.seed, plain.seed + seeds)

    def plans(name: str, **differs: Any) -> list[Plan]:
        own = differs.pop("settings", plain)
        return [Plan(f"{name}-seed{seed}", replace(own, seed=seed), **differs) for seed in all_seeds]

    def trained(some: Sequence[Plan], begin: CheckpointFile) -> None:
        run_study(
            some, begin, suite=suite, suite_folder=suite_folder, folder=folder, fresh=True, watch=_WATCHED,
            workers=workers, device=device, progress=progress, tell=tell,
        )  # fmt: skip

    early = folder / "epochs"
    base = plans(BASE, snapshots=early if epochs else None)
    fewer = {f"images {n}": plans(f"images {n}", settings=replace(plain, images=n)) for n in images}
    augmented = {one.name: plans(one.name, augmentation=one) for one in augmentations}
    trained([*base, *(plan for some in [*fewer.values(), *augmented.values()] for plan in some)], start)
    if self_distillation:
        taught = [
            replace(plan, teacher=folder / f"{own.name}.safetensors")
            for plan, own in zip(plans("self-distillation"), base, strict=True)
        ]
        trained(taught, start)
    for name, architecture in changed.items():
        begin = _start(folder / "architectures" / f"{name}.safetensors", architecture)
        trained(plans(name), begin)

    kinds = {f"epochs {n}": "training time" for n in epochs} | dict.fromkeys(changed, "architecture")
    kinds |= dict.fromkeys(fewer, "images") | dict.fromkeys(augmented, "augmentation")
    kinds |= {"self-distillation": "self-distillation"} if self_distillation else {}
    files = {name: [folder / f"{name}-seed{seed}.safetensors" for seed in all_seeds] for name in [BASE, *kinds]}
    files |= {f"epochs {n}": [_after(n, plan, early) for plan in base] for n in epochs}
    measured: dict[str, tuple[TrainedModel, ...]] = {}
    store = Store(folder / "store")
    # Models of one pool have one architecture.
    for names in ([name for name in files if name not in changed], *([name] for name in changed)):
        pool = Pool.open([path for name in names for path in files[name]])
        ev = Evaluator(pool, suite, device=device, store=store)
        recipes = {path.stem: Recipe({path.stem: 1}) for name in names for path in files[name]}
        found = _measured(ev, recipes, paths, progress)
        for name in names:
            pairs_of = zip(all_seeds, files[name], strict=True)
            measured[name] = tuple(TrainedModel(seed, *found[path.stem]) for seed, path in pairs_of)
    results = tuple(TrainingResult(name, kind, measured[name]) for name, kind in kinds.items())
    come_from = provenance(start, suite, settings=plain) | {
        "test images": suite.id_test.content_hash, "paths": pairs, "points on each path": samples
    }  # fmt: skip
    return TrainingStudy(TrainingResult(BASE, BASE, measured[BASE]), results, come_from)


def _check(
    suite: Suite,
    settings: Hyperparameters,
    epochs: Sequence[int],
    images: Sequence[int],
    augmentations: Sequence[Augmentation],
) -> None:
    """Raise `ValueError` for what cannot be trained, before anything is."""
    for epoch in epochs:
        if not 1 <= epoch < settings.epochs:
            raise ValueError(f"the base run has {settings.epochs} epochs: it cannot be measured earlier, after {epoch}")
    most = len(training_split(suite))
    for count in images:
        if not settings.batch_size <= count <= most or count == min(settings.images or most, most):
            raise ValueError(
                f"images {count}: expected a number from one batch ({settings.batch_size}) to {most}, and not the "
                "base's"
            )
    names = [one.name for one in augmentations]
    if len(set(names)) < len(names):
        raise ValueError(f"two augmentations have one name: {', '.join(names)}")


def _after(epoch: int, plan: Plan, early: Path) -> Path:
    """The model of a plan after an epoch."""
    path = early / f"{plan.name}-epoch-{epoch:02}.safetensors"
    if not path.exists():
        raise TrainingError(f"{path} is gone: delete {early.parent / plan.name}.safetensors to train it again")
    return path


def _measured(
    ev: Evaluator, recipes: Mapping[str, Recipe], paths: Sequence[ImagePaths], progress: bool
) -> dict[str, tuple[float, dict[Measure, float]]]:
    """Test accuracy of every model, and how fast its predictions change in every way to measure it."""
    test, treatments = ev.suite.id_test.name, all_treatments()
    found = {}
    for name, recipe in tqdm(recipes.items(), desc="spectra", unit="model", disable=not progress):
        numbers: dict[Measure, float] = {}
        for one in paths:
            for seen in treated_spectra(probe(ev, recipe, one.split), one, treatments):
                for statistic in get_args(Statistic):
                    number = float(number_of(statistic, seen.frequency, seen.mean))
                    numbers[one.description, seen.treatment, statistic] = number
        found[name] = ev.evaluate(recipe, [test]).accuracy[test], numbers
    return found


def _tower(start: CheckpointFile, **change: int) -> Architecture:
    """The start's architecture with another width or number of layers."""
    described = Architecture.from_json(dict(start.card.architecture or {}))
    config = described.vision_cfg
    (name, value), head = next(iter(change.items())), config.get("head_width", 64)
    if not isinstance(config.get("layers"), int) or "width" not in config:
        raise ValueError(f"{start.path}: its image tower is no transformer, so its {name} cannot be changed")
    if value < 1 or (name == "width" and value % head) or value == config[name]:
        wanted = f"a multiple of {head}, the width of a head," if name == "width" else "a number from 1 on,"
        raise ValueError(f"{name} {value}: expected {wanted} and not {config[name]}, which is the base's")
    return replace(described, vision_cfg={**config, name: value})


def _start(path: Path, architecture: Architecture) -> CheckpointFile:
    """A checkpoint that states an architecture; training starts from random weights of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = dict(architecture.build("cpu").state_dict())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_checkpoint(path, weights, {"name": path.stem, "role": "zero_shot", "architecture": architecture.to_json()})
    return CheckpointFile(path)
