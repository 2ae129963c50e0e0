"""How trainings that differ in one thing change accuracy and the frequency of predictions: results and their file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.spectrum.path_kinds import BETWEEN, WITHIN
from soupwidgets.topics.spectrum.treatment import (
    OURS,
    STATISTIC_NAMES,
    Detrend,
    Statistic,
    Treatment,
    Values,
    Window,
)
from soupwidgets.training.study_files import over_seeds, read_study, text, write_study

FORMAT = "soupwidgets training frequency study 2"
BASE = "base"
# More cycles than a path has points for, and more power than probabilities or logits have.
_LARGEST = 1e9


# What was measured of a model: along which paths, treated how, and which number of the spectrum.
Measure = tuple[str, Treatment, Statistic]


@dataclass(frozen=True)
class TrainedModel:
    """One trained model, measured.

    Parameters
    ----------
    seed
        Seed of its training.
    accuracy
        Test accuracy (0..1).
    numbers
        How fast its predictions change along paths within a class and between classes, seen through every treatment
        and by every statistic: mean frequency in cycles per path, power, or share of fast power (0..1); NaN if nothing
        changes.
    """

    seed: int
    accuracy: float
    numbers: Mapping[Measure, float]

    def frequency(self, paths: str, treatment: Treatment = OURS, statistic: Statistic = "centroid") -> float:
        """One number along ``"within a class"`` or ``"between classes"`` paths; `KeyError` if it was not measured."""
        if (paths, treatment, statistic) not in self.numbers:
            raise KeyError(f"no {STATISTIC_NAMES.get(statistic, statistic)} {paths!r} was measured with {treatment}")
        return self.numbers[paths, treatment, statistic]


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

    def frequency(self, paths: str, treatment: Treatment = OURS, statistic: Statistic = "centroid") -> Estimate:
        """How fast predictions change, with the 95% interval over the seeds; as `TrainedModel.frequency`."""
        return over_seeds([model.frequency(paths, treatment, statistic) for model in self.models])

    def accuracy_change(self, base: TrainingResult) -> Estimate:
        """Accuracy minus that of the base training with the same seed, with the 95% interval over the seeds."""
        return over_seeds([a.accuracy - b.accuracy for a, b in zip(self.models, base.models, strict=True)])

    def frequency_change(
        self, base: TrainingResult, paths: str, treatment: Treatment = OURS, statistic: Statistic = "centroid"
    ) -> Estimate:
        """The number minus that of the base training with the same seed, with the 95% interval over the seeds."""
        pairs = zip(self.models, base.models, strict=True)
        found = [[model.frequency(paths, treatment, statistic) for model in pair] for pair in pairs]
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

    def to_frame(self, treatment: Treatment = OURS, statistic: Statistic = "centroid") -> pd.DataFrame:
        """One row for each way to train: every number and its change with their intervals, seen through a treatment."""
        rows = []
        for one in (self.base, *self.results):
            row: dict[str, object] = {"training": one.name}
            numbers = {"accuracy": one.accuracy, "accuracy, change": one.accuracy_change(self.base)}
            for paths in (WITHIN, BETWEEN):
                numbers[paths] = one.frequency(paths, treatment, statistic)
                numbers[f"{paths}, change"] = one.frequency_change(self.base, paths, treatment, statistic)
            for name, found in numbers.items():
                row |= {name: found.value, f"{name}, low": found.low, f"{name}, high": found.high}
            rows.append(row)
        return pd.DataFrame(rows)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What was measured of every model."""
        return tuple(self.base.models[0].numbers)

    def sensitivity(self, paths: str) -> pd.DataFrame:
        """What flips with treatment and statistic: one row for each way to train.

        In how many ways to measure it predictions change faster along these paths than the base training's, slower,
        and in how many this cannot be told, by 95% intervals over the seeds. Columns ``training``, ``faster``,
        ``slower``, ``cannot tell``.

        Examples
        --------
        >>> study = read_training_study("data/studies/trainings.json")
        >>> sorted(study.sensitivity("within a class").drop(columns="training").sum(axis=1).unique().tolist())
        [45]
        """
        asked = [(treatment, statistic) for where, treatment, statistic in self.measures if where == paths]
        rows: list[dict[str, object]] = []
        for one in self.results:
            found = [one.frequency_change(self.base, paths, *how) for how in asked]
            faster, slower = sum(e.low > 0 for e in found), sum(e.high < 0 for e in found)
            rows.append({
                "training": one.name, "faster": faster, "slower": slower, "cannot tell": len(found) - faster - slower
            })  # fmt: skip
        return pd.DataFrame(rows)

    def write(self, path: str | Path) -> Path:
        """Write the results to a JSON file, which `read_training_study` reads."""
        measures = self.measures
        listed = [{"paths": paths, **asdict(how), "statistic": number} for paths, how, number in measures]
        base, *results = (
            {
                "name": one.name,
                "kind": one.kind,
                "models": [
                    {"seed": m.seed, "accuracy": m.accuracy, "numbers": [m.numbers[each] for each in measures]}
                    for m in one.models
                ],
            }
            for one in (self.base, *self.results)
        )
        content = {"format": FORMAT, "measures": listed, "base": base, "results": results}
        return write_study(path, content | {"provenance": dict(self.provenance)})


def read_training_study(path: str | Path) -> TrainingStudy:
    """Read a study's file.

    Raises
    ------
    ValueError
        When it is not the file of such a study.
    """
    return read_study(path, FORMAT, build=_study)


def _study(content: dict[str, Any]) -> TrainingStudy:
    measures = tuple(_measure(one) for one in content["measures"])
    if len(set(measures)) < len(measures) or not measures:
        raise ValueError("a measure stands twice, or there is none")
    base, *results = (_result(one, measures) for one in [content["base"], *content["results"]])
    seeds = [model.seed for model in base.models]
    for result in (base, *results):
        if [model.seed for model in result.models] != seeds or not seeds:
            raise ValueError("a training has other seeds than the base training, so that they are no pairs")
    return TrainingStudy(base, tuple(results), dict(content["provenance"]))


def _measure(found: dict[str, Any]) -> Measure:
    known = {"paths": (WITHIN, BETWEEN), "values": get_args(Values), "window": get_args(Window)}
    known |= {"detrend": get_args(Detrend), "statistic": get_args(Statistic)}
    for name, names in known.items():
        if found[name] not in names:
            raise ValueError(f"there is no {name} {found[name]!r:.50}")
    return found["paths"], Treatment(found["values"], found["window"], found["detrend"]), found["statistic"]


def _result(found: dict[str, Any], measures: tuple[Measure, ...]) -> TrainingResult:
    models = tuple(
        TrainedModel(
            int(one["seed"]),
            _number(one["accuracy"], 1),
            dict(zip(measures, (_number(n, _LARGEST) for n in one["numbers"]), strict=True)),
        )
        for one in found["models"]
    )
    return TrainingResult(text(found["name"]), text(found["kind"]), models)


def _number(found: Any, most: float) -> float:
    if found is not None and not 0 <= float(found) <= most:
        raise ValueError(f"expected a number from 0 to {most:g}, found {found!r:.50}")
    return float("nan") if found is None else float(found)
