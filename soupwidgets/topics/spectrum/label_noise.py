"""Which frequencies of label noise a network learns, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.suites import Suite
from soupwidgets.training import Hyperparameters, LabelNoise, Plan, Run, run_study
from soupwidgets.training.study_files import curve, provenance, read_study, same_lengths, text, whole, write_study

FORMAT = "soupwidgets label noise study 1"


@dataclass(frozen=True)
class NoiseResult:
    """Results for one noise: means over the seeds, by epoch.

    Parameters
    ----------
    name, direction, frequency, amplitude
        The noise; frequency in cycles per unit of L2 distance.
    clean_losses, noisy_losses
        Cross-entropy (nats) on validation images with their own labels, and with noisy ones.
    followed
        How much of the noise predictions follow: 0 none, 1 all of it.
    accuracies
        Validation accuracy (0..1).
    """

    name: str
    direction: str
    frequency: float
    amplitude: float
    clean_losses: tuple[float, ...]
    noisy_losses: tuple[float, ...]
    followed: tuple[float, ...]
    accuracies: tuple[float, ...]

    def __repr__(self) -> str:
        followed = f"{self.followed[-1]:.4g} of it followed" if self.followed else "no epoch"
        return f"NoiseResult({self.name!r}, frequency {self.frequency:g}, {len(self.followed)} epochs, {followed})"

    @property
    def fitting(self) -> tuple[float, ...]:
        """Noise fitting by epoch: loss on clean minus loss on noisy labels, in nats. It rises as noise is fitted."""
        return tuple(c - n for c, n in zip(self.clean_losses, self.noisy_losses, strict=True))


@dataclass(frozen=True)
class LabelNoiseStudy:
    """Results of one study.

    Parameters
    ----------
    results
        One for each noise.
    seeds
        Number of trainings with each noise.
    provenance
        What the numbers come from.
    """

    results: tuple[NoiseResult, ...]
    seeds: int
    provenance: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"LabelNoiseStudy({', '.join(result.name for result in self.results)}; {self.seeds} seeds)"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False, float_format="{:.4g}".format))

    @property
    def directions(self) -> list[str]:
        """Directions of the noises, each once."""
        return list(dict.fromkeys(result.direction for result in self.results))

    def along(self, direction: str) -> list[NoiseResult]:
        """Results for one direction, by increasing frequency.

        Raises
        ------
        KeyError
            When there is none.
        """
        found = sorted((r for r in self.results if r.direction == direction), key=lambda r: r.frequency)
        if not found:
            raise KeyError(f"the study has no noise along {direction!r}; it has {', '.join(self.directions)}")
        return found

    def to_frame(self) -> pd.DataFrame:
        """One row for each noise and epoch."""
        rows = []
        for result in self.results:
            for epoch, values in enumerate(zip(result.fitting, result.followed, result.accuracies, strict=True), 1):
                names = ("noise fitting", "followed", "validation accuracy")
                rows.append(
                    {"noise": result.name, "direction": result.direction, "frequency": result.frequency,
                     "epoch": epoch, **dict(zip(names, values, strict=True))}
                )  # fmt: skip
        return pd.DataFrame(rows)

    def write(self, path: str | Path) -> Path:
        """Write the results to a JSON file, which `read_label_noise_study` reads."""
        return write_study(path, {"format": FORMAT, **asdict(self)})


def run_label_noise_study(
    start: CheckpointFile,
    suite_folder: str | Path,
    *,
    folder: str | Path,
    noises: Sequence[LabelNoise],
    settings: Hyperparameters,
    seeds: int = 1,
    workers: int = 2,
    device: str = "cpu",
    progress: bool = True,
    tell: Callable[[str], None] = print,
) -> LabelNoiseStudy:
    """Train models from scratch on labels with noise of several frequencies, and measure what they follow.

    Results are means over the seeds.

    Parameters
    ----------
    start
        A checkpoint that states the architecture.
    suite_folder
        The suite: its training images are trained on, and validation is measured after each epoch.
    folder
        Receives one checkpoint per run; finished runs are not repeated.
    noises
        Distinct noises.
    settings
        Settings of every training, without mixup.
    seeds
        Number of trainings with each noise, starting with the settings' seed.
    workers, device, progress, tell
        As in `training.run_study`.

    Raises
    ------
    ValueError
        When there is no noise or no seed, two are the same, or as in `training.run_study`.

    Notes
    -----
    arXiv 2110.02424, section 3.
    """
    if not noises or seeds < 1:
        raise ValueError("a study needs at least one noise and one seed")
    suite = Suite.open(suite_folder)
    plain = replace(settings, mixup=0.0)
    plans = [
        Plan(f"{noise.name}-seed{plain.seed + i}", replace(plain, seed=plain.seed + i), noise=noise)
        for i in range(seeds)
        for noise in noises
    ]
    runs = run_study(
        plans,
        start,
        suite=suite,
        suite_folder=suite_folder,
        folder=folder,
        fresh=True,
        watch=2000,
        workers=workers,
        device=device,
        progress=progress,
        tell=tell,
    )
    results = []
    for noise in noises:
        own = [run for run in runs if run.plan.noise == noise]
        results.append(
            NoiseResult(
                noise.name, noise.name.rsplit(" ", 1)[0], noise.frequency, noise.amplitude,
                _mean(own, "validation loss"), _mean(own, "noisy validation loss"), _mean(own, "followed"),
                _mean(own, "validation accuracy"),
            )
        )  # fmt: skip
    return LabelNoiseStudy(tuple(results), seeds, provenance(start, suite, settings=plain))


def read_label_noise_study(path: str | Path) -> LabelNoiseStudy:
    """Read a study's file.

    Raises
    ------
    ValueError
        When it is not the file of such a study.
    """
    return read_study(path, FORMAT, build=_study)


def _study(content: dict[str, Any]) -> LabelNoiseStudy:
    results = tuple(
        NoiseResult(
            text(one["name"]), text(one["direction"]), float(one["frequency"]), float(one["amplitude"]),
            *(curve(one[key]) for key in ("clean_losses", "noisy_losses", "followed", "accuracies")),
        )
        for one in content["results"]
    )  # fmt: skip
    for one in results:
        same_lengths(one.clean_losses, one.noisy_losses, one.followed, one.accuracies)
    return LabelNoiseStudy(results, whole(content["seeds"]), dict(content["provenance"]))


def _mean(runs: Sequence[Run], number: str) -> tuple[float, ...]:
    return tuple(float(x) for x in np.mean([run.curve(number) for run in runs], axis=0))
