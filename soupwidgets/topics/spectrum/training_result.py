"""How trainings that differ in one thing change accuracy and the frequency of predictions: results and their file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.spectrum.path_kinds import BETWEEN, WITHIN
from soupwidgets.topics.spectrum.treatment import Detrend, Window
from soupwidgets.training.study_files import over_seeds, read_study, text, write_study

FORMAT = "soupwidgets training frequency study 1"
BASE = "base"
# Cycles per path that no path has points for.
_FASTEST = 1e6


@dataclass(frozen=True)
class PathFrequency:
    """Mean frequencies of one model's predictions along paths.

    Parameters
    ----------
    window, detrend
        Treatment of the values of each path, as in `path_spectrum`.
    within, between
        Mean frequency along paths within a class and between classes, in cycles per path; NaN if nothing changes.
    """

    window: Window
    detrend: Detrend
    within: float
    between: float


@dataclass(frozen=True)
class TrainedModel:
    """One trained model, measured.

    Parameters
    ----------
    seed
        Seed of its training.
    accuracy
        Test accuracy (0..1).
    frequencies
        Mean frequencies, one for each treatment.
    """

    seed: int
    accuracy: float
    frequencies: tuple[PathFrequency, ...]

    def frequency(self, paths: str, window: Window = "hann", detrend: Detrend = "linear") -> float:
        """Mean frequency along ``"within a class"`` or ``"between classes"`` paths; `KeyError` if not measured."""
        for one in self.frequencies:
            if (one.window, one.detrend) == (window, detrend) and paths in (WITHIN, BETWEEN):
                return one.within if paths == WITHIN else one.between
        raise KeyError(f"no frequency {paths!r} with window {window!r} and trend {detrend!r} was measured")


@dataclass(frozen=True)
class TrainingResult:
    """Models that were trained in one way, one for each seed.

    Parameters
    ----------
    name
        What differs from the base training, such as ``"images 250"``.
    kind
        What kind of thing that is, such as ``"images"``.
    models
        One for each seed.
    """

    name: str
    kind: str
    models: tuple[TrainedModel, ...]

    def __repr__(self) -> str:
        return f"TrainingResult({self.name!r}, accuracy {self.accuracy}, {len(self.models)} seeds)"

    @property
    def accuracy(self) -> Estimate:
        """Test accuracy (0..1), with the 95% interval over the seeds."""
        return over_seeds([model.accuracy for model in self.models])

    def frequency(self, paths: str, window: Window = "hann", detrend: Detrend = "linear") -> Estimate:
        """Mean frequency in cycles per path, with the 95% interval over the seeds; as `TrainedModel.frequency`."""
        return over_seeds([model.frequency(paths, window, detrend) for model in self.models])

    def accuracy_change(self, base: TrainingResult) -> Estimate:
        """Accuracy minus that of the base training with the same seed, with the 95% interval over the seeds."""
        return over_seeds([a.accuracy - b.accuracy for a, b in zip(self.models, base.models, strict=True)])

    def frequency_change(
        self, base: TrainingResult, paths: str, window: Window = "hann", detrend: Detrend = "linear"
    ) -> Estimate:
        """Mean frequency minus that of the base training with the same seed, with the 95% interval over the seeds."""
        pairs = zip(self.models, base.models, strict=True)
        found = [[model.frequency(paths, window, detrend) for model in pair] for pair in pairs]
        return over_seeds([a - b for a, b in found])


@dataclass(frozen=True)
class TrainingStudy:
    """Results of one study.

    Parameters
    ----------
    base
        The training that the others are compared with.
    results
        One for each way to train that differs in one thing.
    provenance
        What the numbers come from.
    """

    base: TrainingResult
    results: tuple[TrainingResult, ...]
    provenance: Mapping[str, Any]

    def __repr__(self) -> str:
        names = ", ".join(result.name for result in self.results)
        return f"TrainingStudy({len(self.results)} against the base training: {names}; {self.seeds} seeds)"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False, float_format="{:.4g}".format))

    @property
    def seeds(self) -> int:
        """Number of trainings of each kind."""
        return len(self.base.models)

    def to_frame(self, window: Window = "hann", detrend: Detrend = "linear") -> pd.DataFrame:
        """One row for each way to train: every number and its change with their intervals, seen through a treatment."""
        rows = []
        for one in (self.base, *self.results):
            row: dict[str, object] = {"training": one.name}
            numbers = {"accuracy": one.accuracy, "accuracy, change": one.accuracy_change(self.base)}
            for paths in (WITHIN, BETWEEN):
                numbers[paths] = one.frequency(paths, window, detrend)
                numbers[f"{paths}, change"] = one.frequency_change(self.base, paths, window, detrend)
            for name, found in numbers.items():
                row |= {name: found.value, f"{name}, low": found.low, f"{name}, high": found.high}
            rows.append(row)
        return pd.DataFrame(rows)

    def write(self, path: str | Path) -> Path:
        """Write the results to a JSON file, which `read_training_study` reads."""
        return write_study(path, {"format": FORMAT, **asdict(self)})


def read_training_study(path: str | Path) -> TrainingStudy:
    """Read a study's file.

    Raises
    ------
    ValueError
        When it is not the file of such a study.
    """
    return read_study(path, FORMAT, build=_study)


def _study(content: dict[str, Any]) -> TrainingStudy:
    base, *results = (_result(one) for one in [content["base"], *content["results"]])
    seeds = [model.seed for model in base.models]
    treatments = [(one.window, one.detrend) for one in base.models[0].frequencies]
    for result in (base, *results):
        if [model.seed for model in result.models] != seeds:
            raise ValueError("a training has other seeds than the base training, so that they are no pairs")
        for model in result.models:
            if [(one.window, one.detrend) for one in model.frequencies] != treatments:
                raise ValueError("frequencies of the models were measured with different treatments")
    return TrainingStudy(base, tuple(results), dict(content["provenance"]))


def _result(found: dict[str, Any]) -> TrainingResult:
    models = tuple(
        TrainedModel(int(one["seed"]), _number(one["accuracy"], 1), tuple(_frequency(f) for f in one["frequencies"]))
        for one in found["models"]
    )
    return TrainingResult(text(found["name"]), text(found["kind"]), models)


def _frequency(found: dict[str, Any]) -> PathFrequency:
    window, detrend = found["window"], found["detrend"]
    if window not in get_args(Window) or detrend not in get_args(Detrend):
        raise ValueError(f"there is no window {window!r:.50} with trend {detrend!r:.50}")
    return PathFrequency(window, detrend, _number(found["within"], _FASTEST), _number(found["between"], _FASTEST))


def _number(found: Any, most: float) -> float:
    if found is not None and not 0 <= float(found) <= most:
        raise ValueError(f"expected a number from 0 to {most:g}, found {found!r:.50}")
    return float("nan") if found is None else float(found)
