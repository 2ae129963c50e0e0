"""What the studies of augmentations share: the same seeds for every kind of training, and its test accuracy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.evaluation import Evaluator
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.store import Store
from soupwidgets.suites import Augmentation, Suite
from soupwidgets.training import Hyperparameters, Plan, Run, run_study

CLEAN = "clean"
# Validation images whose accuracy is followed: for curves, so that a look costs less than half an epoch does.
_WATCHED = 500


@dataclass(frozen=True)
class Kind:
    """One kind of training.

    Parameters
    ----------
    augmentation
        What is done to the images, if anything.
    augmented_epochs
        Number of epochs in which it is done, from the first on; all when None.
    """

    augmentation: Augmentation | None = None
    augmented_epochs: int | None = None


@dataclass(frozen=True)
class Trained:
    """The trainings of a study; everything by kind has one entry for each seed.

    Parameters
    ----------
    settings
        Settings of all of them, with nothing that changes images.
    runs
        The trainings of each kind.
    accuracy
        Their test accuracies (0..1).
    ev
        Evaluator of all of them.
    """

    settings: Hyperparameters
    runs: Mapping[str, list[Run]]
    accuracy: Mapping[str, list[float]]
    ev: Evaluator

    def change(self, kind: str, since: str = CLEAN) -> list[float]:
        """By how much test accuracy differs from that of another kind, for each seed."""
        return [a - b for a, b in zip(self.accuracy[kind], self.accuracy[since], strict=True)]

    def loss_ratio(self, kind: str, epoch: int = -1) -> list[float]:
        """Training loss over that of the clean training of the same seed, after one epoch (counted from 0)."""
        pairs = zip(self.runs[kind], self.runs[CLEAN], strict=True)
        return [one.curve("loss")[epoch] / clean.curve("loss")[epoch] for one, clean in pairs]

    def mean_curve(self, kind: str, number: str) -> tuple[float, ...]:
        """The mean of a number over the seeds, by epoch."""
        return tuple(float(x) for x in np.mean([run.curve(number) for run in self.runs[kind]], axis=0))


def train_kinds(
    kinds: Mapping[str, Kind],
    start: CheckpointFile,
    *,
    suite: Suite,
    suite_folder: str | Path,
    folder: str | Path,
    settings: Hyperparameters,
    seeds: int,
    workers: int,
    device: str,
    progress: bool,
    tell: Callable[[str], None],
) -> Trained:
    """Train every kind with every seed from scratch, without what is in the folder already.

    Parameters
    ----------
    kinds
        What to train, by name; without any augmentation as `CLEAN`.
    start, suite_folder, folder, settings, seeds, workers, device, progress, tell
        As in `run_augmentation_study`.
    """
    plain = replace(settings, flip=0.0, crop=1.0, randaugment_operations=0, mixup=0.0)
    numbers = range(settings.seed, settings.seed + seeds)
    plans = [
        Plan(_run(name, seed), replace(plain, seed=seed), kind.augmentation, augmented_epochs=kind.augmented_epochs)
        for seed in numbers
        for name, kind in kinds.items()
    ]
    made = run_study(
        plans, start, suite=suite, suite_folder=suite_folder, folder=folder, fresh=True, watch=_WATCHED,
        workers=workers, device=device, progress=progress, tell=tell,
    )  # fmt: skip
    by_name = {run.plan.name: run for run in made}
    ev = Evaluator(Pool.open([run.path for run in made]), suite, device=device, store=Store(Path(folder) / "store"))
    runs = {name: [by_name[_run(name, seed)] for seed in numbers] for name in kinds}
    return Trained(plain, runs, {name: _tested(ev, found) for name, found in runs.items()}, ev)


def _run(kind: str, seed: int) -> str:
    return f"{kind}-seed{seed}"


def _tested(ev: Evaluator, runs: Sequence[Run]) -> list[float]:
    test = ev.suite.id_test.name
    return [ev.evaluate(Recipe({run.plan.name: 1}), [test]).accuracy[test] for run in runs]
