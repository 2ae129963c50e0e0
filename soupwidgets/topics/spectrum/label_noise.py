"""Which frequencies of label noise a network learns, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.suites import Suite
from soupwidgets.topics.spectrum.noise_result import NoiseResult, NoiseRun
from soupwidgets.training import Hyperparameters, LabelNoise, Plan, Run, run_study
from soupwidgets.training.study_files import (
    curve,
    provenance,
    read_study,
    same_lengths,
    text,
    write_study,
)

FORMAT = "soupwidgets label noise study 2"
_CURVES = ("clean_losses", "noisy_losses", "followed", "accuracies")


@dataclass(frozen=True)
class LabelNoiseStudy:
    """Results of one study.

    Parameters
    ----------
    results
        One for each noise.
    provenance
        What the numbers come from.
    """

    results: tuple[NoiseResult, ...]
    provenance: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"LabelNoiseStudy({', '.join(result.name for result in self.results)}; {self.seeds} seeds)"

    def _repr_html_(self) -> str:
        return str(self.minima().to_html(index=False, float_format="{:.4g}".format))

    @property
    def seeds(self) -> int:
        """Number of trainings with each noise."""
        return len(self.results[0].runs)

    @property
    def directions(self) -> list[str]:
        """Directions of the noises, each once; a control is one as well."""
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
        """One row for each noise and epoch: means over the seeds."""
        rows = []
        for result in self.results:
            for epoch, values in enumerate(zip(result.fitting, result.followed, result.accuracies, strict=True), 1):
                names = ("noise fitting", "followed", "validation accuracy")
                rows.append(
                    {"noise": result.name, "direction": result.direction, "frequency": result.frequency,
                     "epoch": epoch, **dict(zip(names, values, strict=True))}
                )  # fmt: skip
        return pd.DataFrame(rows)

    def minima(self) -> pd.DataFrame:
        """One row for each noise: the minimum of noise fitting over training, with its interval and epoch."""
        rows = [
            {"noise": result.name, "direction": result.direction, "frequency": result.frequency,
             "minimum": result.minimum.value, "low": result.minimum.low, "high": result.minimum.high,
             "epoch": result.minimum_epoch.value, "followed at the end": result.followed[-1],
             "validation accuracy at the end": result.accuracies[-1]}
            for result in self.results
        ]  # fmt: skip
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

    Parameters
    ----------
    start
        A checkpoint that states the architecture.
    suite_folder
        The suite: its training images are trained on, and validation is measured after each epoch.
    folder
        Receives one checkpoint per run; finished runs are not repeated.
    noises
        Distinct noises; one of the controls shows what noise fitting is where there is nothing to learn from an image.
    settings
        Settings of every training, without mixup.
    seeds
        Number of trainings with each noise, starting with the settings' seed.
    workers, device, progress, tell
        As in `training.run_study`.

    Raises
    ------
    ValueError
        When there is no noise or no seed, two are the same, the suite has no such class, or as in
        `training.run_study`.

    Notes
    -----
    arXiv 2110.02424, section 3.
    """
    if not noises or seeds < 1:
        raise ValueError("a study needs at least one noise and one seed")
    suite = Suite.open(suite_folder)
    for noise in noises:
        if noise.of_class is not None and noise.of_class >= len(suite.classes):
            raise ValueError(f"{noise.name}: the suite has {len(suite.classes)} classes, numbered from 0")
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
    results = tuple(
        NoiseResult(
            noise.name, _direction(noise, suite), noise.frequency, noise.amplitude,
            tuple(_noise_run(run) for run in runs if run.plan.noise == noise),
        )
        for noise in noises
    )  # fmt: skip
    return LabelNoiseStudy(results, provenance(start, suite, settings=plain))


def read_label_noise_study(path: str | Path) -> LabelNoiseStudy:
    """Read a study's file.

    Raises
    ------
    ValueError
        When it is not the file of such a study. Files of the first format had means over the seeds alone, which have
        no minimum for each seed: such a study is to be run again.
    """
    return read_study(path, FORMAT, build=_study)


def _noise_run(run: Run) -> NoiseRun:
    noise = run.plan.noise
    assert noise is not None
    clean = "validation loss" if noise.of_class is None else "clean validation loss"
    return NoiseRun(
        run.plan.settings.seed,
        tuple(run.curve(clean)),
        tuple(run.curve("noisy validation loss")),
        tuple(epoch.get("followed", float("nan")) for epoch in run.history),
        tuple(run.curve("validation accuracy")),
    )


def _direction(noise: LabelNoise, suite: Suite) -> str:
    """What is along the sine, or which control, in words."""
    kind = noise.direction if isinstance(noise.direction, str) else "wave " + ",".join(map(str, noise.direction))
    return kind if noise.of_class is None else f"{kind} ({suite.classes[noise.of_class]} alone)"


def _study(content: dict[str, Any]) -> LabelNoiseStudy:
    results = tuple(
        NoiseResult(
            text(one["name"]), text(one["direction"]), float(one["frequency"]), float(one["amplitude"]),
            tuple(NoiseRun(int(run["seed"]), *(curve(run[key]) for key in _CURVES)) for run in one["runs"]),
        )
        for one in content["results"]
    )  # fmt: skip
    for one in results:
        same_lengths(*(getattr(run, key) for run in one.runs for key in _CURVES))
    if not results or not all(result.runs and result.runs[0].accuracies for result in results):
        raise ValueError("a study has at least one noise, and each noise one training of one epoch")
    if len({len(result.runs) for result in results}) > 1:
        raise ValueError("noises were trained with different numbers of seeds")
    return LabelNoiseStudy(results, dict(content["provenance"]))
