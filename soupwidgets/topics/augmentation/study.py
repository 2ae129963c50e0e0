"""Affinity and diversity of augmentations, and how training with each of them changes accuracy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.recipe import Recipe
from soupwidgets.stats.estimate import Estimate
from soupwidgets.suites import Augmentation, Suite
from soupwidgets.topics.augmentation.affinity import affinity
from soupwidgets.topics.augmentation.trainings import CLEAN, Kind, train_kinds
from soupwidgets.training import Hyperparameters
from soupwidgets.training.study_files import (
    curve,
    estimate,
    over_seeds,
    provenance,
    read_study,
    same_lengths,
    text,
    whole,
    write_study,
)

FORMAT = "soupwidgets augmentation study 1"
# "Early" is after this share of the epochs.
_EARLY = 0.25


@dataclass(frozen=True)
class AugmentationResult:
    """One augmentation, over all seeds.

    Parameters
    ----------
    name
        Name of the augmentation.
    affinity
        Accuracy of the clean-trained models on augmented validation images, divided by that on unchanged ones.
    affinity_difference
        The earlier definition: the difference of the two.
    diversity
        Final training loss with the augmentation, divided by that without.
    training_loss
        The earlier, unnormalised definition: the final training loss with the augmentation, in nats.
    early_diversity
        A proxy: the ratio of training losses after a quarter of the epochs.
    entropy
        Entropy of a discrete augmentation's choice, in nats; None if the choices are not discrete.
    accuracy
        Test accuracy (0..1) of the models that were trained with it.
    change
        ``accuracy`` minus the test accuracy of the clean-trained models.
    losses, accuracies
        Means over the seeds, by epoch: training loss (nats), and validation accuracy (0..1).
    """

    name: str
    affinity: Estimate
    affinity_difference: Estimate
    diversity: Estimate
    training_loss: Estimate
    early_diversity: Estimate
    entropy: float | None
    accuracy: Estimate
    change: Estimate
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]

    def __repr__(self) -> str:
        return f"AugmentationResult({self.name!r}, affinity {self.affinity}, diversity {self.diversity})"


@dataclass(frozen=True)
class AugmentationStudy:
    """Results of one study.

    Parameters
    ----------
    results
        One for each augmentation.
    accuracy
        Test accuracy of the clean-trained models.
    losses, accuracies
        Loss and validation accuracy of the clean-trained models, by epoch.
    seeds
        Number of trainings with each augmentation.
    provenance
        What the numbers come from.
    """

    results: tuple[AugmentationResult, ...]
    accuracy: Estimate
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    seeds: int
    provenance: Mapping[str, Any]

    def __repr__(self) -> str:
        names = ", ".join(result.name for result in self.results)
        return f"AugmentationStudy({len(self.results)} augmentations: {names}; {self.seeds} seeds)"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False, float_format="{:.4g}".format))

    def __getitem__(self, name: str) -> AugmentationResult:
        for result in self.results:
            if result.name == name:
                return result
        raise KeyError(f"the study has no augmentation {name!r}; it has {', '.join(r.name for r in self.results)}")

    def to_frame(self) -> pd.DataFrame:
        """One row for each augmentation: every number with its interval."""
        rows = []
        for result in self.results:
            row: dict[str, object] = {"augmentation": result.name}
            for key in _ESTIMATES:
                found: Estimate = getattr(result, key)
                row |= {key: found.value, f"{key} low": found.low, f"{key} high": found.high}
            rows.append(row | {"entropy": np.nan if result.entropy is None else result.entropy})
        return pd.DataFrame(rows)

    def write(self, path: str | Path) -> Path:
        """Write the results to a JSON file, which `read_augmentation_study` reads."""
        return write_study(path, {"format": FORMAT, **asdict(self)})


_ESTIMATES = (
    "affinity", "affinity_difference", "diversity", "training_loss", "early_diversity", "accuracy", "change",
)  # fmt: skip


def run_augmentation_study(
    start: CheckpointFile,
    suite_folder: str | Path,
    *,
    folder: str | Path,
    augmentations: Sequence[Augmentation],
    settings: Hyperparameters,
    seeds: int = 3,
    workers: int = 2,
    device: str = "cpu",
    progress: bool = True,
    tell: Callable[[str], None] = print,
) -> AugmentationStudy:
    """Train models from scratch with and without each augmentation, and measure its effect.

    Intervals are 95% limits over the seeds.

    Parameters
    ----------
    start
        A checkpoint that states the architecture.
    suite_folder
        The suite: its training images are trained on, validation gives affinity, the test is only reported.
    folder
        Receives one checkpoint per run, and a store of measurements; finished runs are not repeated.
    augmentations
        Augmentations with distinct names.
    settings
        Settings of every training; each seed, from this one on, is trained with every augmentation, so that differences
        are not due to the seeds. Flips, crops, RandAugment and mixup are switched off: they are augmentations here.
    seeds
        Number of trainings with each augmentation.
    workers, device, progress, tell
        As in `training.run_study`.

    Raises
    ------
    ValueError
        When there is no augmentation or no seed, two have the same name, or as in `training.run_study`.

    Notes
    -----
    arXiv 2002.08973, section 3: affinity and diversity; the difference and the unnormalised loss are those of its
    first version. The early loss and the entropy are its cheaper stand-ins for diversity.
    """
    if not augmentations or seeds < 1:
        raise ValueError("a study needs at least one augmentation and one seed")
    suite = Suite.open(suite_folder)
    kinds = {CLEAN: Kind()}
    for one in augmentations:
        if one.name in kinds:
            raise ValueError(f"two augmentations are named {one.name!r}")
        kinds[one.name] = Kind(one)
    trained = train_kinds(
        kinds, start, suite=suite, suite_folder=suite_folder, folder=folder, settings=settings, seeds=seeds,
        workers=workers, device=device, progress=progress, tell=tell,
    )  # fmt: skip
    early = max(0, round(_EARLY * settings.epochs) - 1)
    results = []
    for one in augmentations:
        seen = [
            affinity(trained.ev, Recipe({run.plan.name: 1}), one, seed=run.plan.settings.seed)
            for run in trained.runs[CLEAN]
        ]
        losses = [run.curve("loss")[-1] for run in trained.runs[one.name]]
        results.append(
            AugmentationResult(
                one.name,
                over_seeds([s.ratio.value for s in seen]),
                over_seeds([s.difference.value for s in seen]),
                over_seeds(trained.loss_ratio(one.name)),
                over_seeds(losses),
                over_seeds(trained.loss_ratio(one.name, early)),
                one.entropy,
                over_seeds(trained.accuracy[one.name]),
                over_seeds(trained.change(one.name)),
                trained.mean_curve(one.name, "loss"),
                trained.mean_curve(one.name, "validation accuracy"),
            )
        )
    return AugmentationStudy(
        tuple(results), over_seeds(trained.accuracy[CLEAN]), trained.mean_curve(CLEAN, "loss"),
        trained.mean_curve(CLEAN, "validation accuracy"), seeds, provenance(start, suite, settings=trained.settings),
    )  # fmt: skip


def read_augmentation_study(path: str | Path) -> AugmentationStudy:
    """Read a study's file.

    Raises
    ------
    ValueError
        When it is not the file of such a study.
    """
    return read_study(path, FORMAT, build=_study)


def _study(content: dict[str, Any]) -> AugmentationStudy:
    results = tuple(
        AugmentationResult(
            name=text(one["name"]),
            entropy=None if one["entropy"] is None else float(one["entropy"]),
            losses=curve(one["losses"]),
            accuracies=curve(one["accuracies"]),
            **{key: estimate(one[key]) for key in _ESTIMATES},
        )
        for one in content["results"]
    )
    losses, accuracies = curve(content["losses"]), curve(content["accuracies"])
    same_lengths(losses, accuracies, *(c for r in results for c in (r.losses, r.accuracies)))
    return AugmentationStudy(
        results, estimate(content["accuracy"]), losses, accuracies, whole(content["seeds"]), dict(content["provenance"])
    )
