"""Linear probes on features of one model or of several side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.stats.linear_probe import linear_probe
from soupwidgets.suites import Split, Suite
from soupwidgets.topics.diversity.members import Member

Choosing = Literal["components", "random"]
_SEED = 0


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read of the images with one set of features, or without any: by an ensemble, or a model's own head.

    Parameters
    ----------
    name
        What read them.
    features
        Number of features.
    right
        By split: whether each image was classified correctly, ``[images]``.
    penalty
        Of the linear probe, chosen on the images that it was fitted to; None where there is no probe.
    """

    name: str
    features: int
    right: Mapping[str, NDArray[np.bool_]]
    penalty: float | None = None

    def accuracy(self, split: str) -> Estimate:
        """Share of the images of a split that were classified correctly (0..1), with its 95% interval."""
        right = self.right[split]
        low, high = clopper_pearson(int(right.sum()), len(right))
        return Estimate(float(right.mean()), float(low), float(high))


def checked_probe(suite: Suite, fit: str | None, splits: Sequence[str]) -> tuple[Split, list[Split]]:
    """The split to fit a probe to, validation when None, and those to report on; an error says what is wrong."""
    if suite.task != "single-label":
        raise ValueError("linear probes are fitted where every example has one label")
    training = suite.training
    held_out = suite.validation
    choices = {held_out.name: held_out} | ({training.name: training} if training is not None else {})
    if fit is not None and fit not in choices:
        raise ValueError(f"probes are fitted to {' or '.join(choices)}, not to {fit!r}: other splits are only reported")
    for name in splits:
        if name not in suite.splits:
            raise KeyError(f"the suite has no split {name!r}; it has {', '.join(suite.splits)}")
        if suite.splits[name].role == "validation":
            raise ValueError(f"{name!r} chooses, and is not reported on: name the test or a shift")
        if suite.class_names(name) != suite.classes:
            raise ValueError(f"{name!r} has classes of its own, which a probe fitted to the suite's cannot tell")
    return choices[held_out.name if fit is None else fit], [suite.splits[name] for name in splits]


class Prepared:
    """One model's features on the images of fitting and of reporting, standardised, and their principal components."""

    def __init__(self, model: Member, fitted: Split, where: Sequence[Split]) -> None:
        known = [model.features(split).astype(np.float64) for split in (fitted, *where)]
        mean, spread = known[0].mean(axis=0), known[0].std(axis=0)
        # A feature that never changes tells nothing, and stays 0.
        scaled = [(one - mean) / np.where(spread > 0, spread, 1) for one in known]
        _, axes = np.linalg.eigh(scaled[0].T @ scaled[0])
        self.width = len(mean)
        self._kinds = {"random": scaled, "components": [one @ axes[:, ::-1] for one in scaled]}
        self._order = np.random.default_rng(_SEED).permutation(self.width)

    def chosen(self, count: int, choose: Choosing) -> list[NDArray[np.float64]]:
        """So many features of the images of fitting and of each split."""
        columns = np.arange(count) if choose == "components" else np.sort(self._order[:count])
        return [one[:, columns] for one in self._kinds[choose]]


def probe_on(
    name: str, parts: Sequence[Sequence[NDArray[np.float64]]], fitted: Split, where: Sequence[Split]
) -> tuple[Reading, list[NDArray[np.float64]]]:
    """Fit a probe to the features side by side; also its logits on each split that is reported on."""
    inside, *outside = (np.concatenate(of, axis=1) for of in zip(*parts, strict=True))
    probe = linear_probe(inside, fitted.labels)
    said = [probe.logits(features) for features in outside]
    return Reading(name, inside.shape[1], right_by_split(said, fitted, where), probe.penalty), said


def right_by_split(
    said: Sequence[NDArray[np.float64]], fitted: Split, where: Sequence[Split]
) -> dict[str, NDArray[np.bool_]]:
    """Which images a probe has right, from its logits on each split."""
    return {
        split.name: logits.argmax(axis=1) == _places(fitted, split) for split, logits in zip(where, said, strict=True)
    }


def _places(fitted: Split, split: Split) -> NDArray[np.int64]:
    """The column of each image's class in a probe's logits; -1 for a class that the probe was never shown."""
    known = np.unique(fitted.labels)
    place = np.minimum(np.searchsorted(known, split.labels), len(known) - 1)
    return np.where(known[place] == split.labels, place, -1)
