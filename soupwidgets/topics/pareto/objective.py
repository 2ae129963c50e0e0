"""What is to be large: a metric on images by which recipes are chosen, and on others by which they are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.tasks import answers
from soupwidgets.methods.held_out import divide
from soupwidgets.stats.figure import Figure
from soupwidgets.stats.intervals import clopper_pearson, mean_interval
from soupwidgets.stats.metrics import Metric, metric_named
from soupwidgets.suites import Split, Suite
from soupwidgets.suites.split import Role

SHIFTS = "shifts"
_SEED = 0

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Objective:
    """A metric on a split, or its mean over all distribution shifts.

    What is chosen by images looks better on them than it is. So nothing is judged by what it was chosen by: the
    validation split chooses, and the ID test judges; of a shift one half of the images chooses, and the other judges.

    Parameters
    ----------
    name
        As `parse` reads it: without the metric where that is the split's own.
    split
        ``"shifts"``, the name of a shift, or that of the validation split.
    metric
        Name of the metric.
    role
        That of the split: ``"validation"`` or ``"shift"``.

    Examples
    --------
    >>> Objective.parse("val:accuracy", getfixture("small_suite"))
    Objective(name='val', split='val', metric='accuracy', role='validation')
    """

    name: str
    split: str
    metric: str
    role: Role

    @classmethod
    def parse(cls, text: str, suite: Suite) -> Objective:
        """Read ``"SPLIT"`` or ``"SPLIT:METRIC"``; without a metric it is that of the split.

        Raises
        ------
        ValueError
            When the suite has no such split, nothing may be chosen by it, there is no such metric, or it needs
            outputs that are not kept.
        """
        split, _, metric = text.partition(":")
        if split == suite.id_test.name:
            raise ValueError(
                f"nothing is chosen by the ID test {split!r}: choose by {suite.validation.name!r}, and it judges"
            )
        allowed = choices(suite)
        if split not in allowed:
            raise ValueError(f"{split!r} is nothing to choose by; there are {', '.join(allowed)}")
        first = _splits(split, suite)[0]
        own = first.scoring.metric
        chosen = metric_named(metric or own).name
        found = cls(split if chosen == own else f"{split}:{chosen}", split, chosen, first.role)
        if any(one.scoring.task == "segmentation" for one in found.splits(suite)):
            raise ValueError(f"{text!r}: outputs of pixels are not kept, so no half of the images can be looked at")
        return found

    @property
    def half(self) -> bool:
        """Whether half of the images choose, and the other half judges."""
        return self.role == "shift"

    @property
    def rule(self) -> Metric:
        """The metric."""
        return metric_named(self.metric)

    def splits(self, suite: Suite) -> list[Split]:
        """The splits that it is chosen by."""
        return _splits(self.split, suite)

    def judges(self, suite: Suite) -> list[Split]:
        """The splits that it is judged by."""
        return self.splits(suite) if self.half else [suite.id_test]

    def chosen_by(self, evaluation: Evaluation, suite: Suite) -> float:
        """The value on the images that choose.

        Parameters
        ----------
        evaluation
            Of `splits`, complete.
        """
        values = [
            self.rule.value(*kept, groups=_part(split.groups, rows), accepted=_part(split.accepted, rows))
            for split in self.splits(suite)
            for rows in [halves(split)[0]]
            for kept in [self._kept(evaluation, split, rows)]
        ]
        return float(np.mean(values))

    def judged_by(self, evaluation: Evaluation, suite: Suite) -> Figure:
        """The value on the images that judge, with its 95% interval.

        Parameters
        ----------
        evaluation
            Of `judges`, complete.

        Returns
        -------
        Figure
            Of several shifts the mean; its interval takes them for different images, as `Evaluation.shift_interval`.
        """
        found = []
        for split in self.judges(suite):
            rows = halves(split)[1]
            outputs, targets = self._kept(evaluation, split, rows)
            one = self.rule.measure(
                outputs, targets, groups=_part(split.groups, rows), accepted=_part(split.accepted, rows)
            )
            if self.metric == "accuracy":
                low, high = clopper_pearson(round(one.value * len(rows)), len(rows)).tolist()
                one = replace(one, low=low, high=high)
            found.append(one)
        if len(found) == 1:
            return found[0]
        values = [one.value for one in found]
        low, high = mean_interval(values, [(one.low, one.high) for one in found])
        return Figure(self.metric, float(np.mean(values)), low, high)

    def _kept(self, evaluation: Evaluation, split: Split, rows: Rows) -> tuple[NDArray[Any], NDArray[Any]]:
        logits, labels = evaluation.split_logits(split.name)[rows], split.labels[rows]
        predictions = answers(torch.from_numpy(logits), torch.from_numpy(labels), split.scoring.task)[2].numpy()
        return self.rule.keep(logits, predictions), labels


def parsed(given: Sequence[str | Objective] | None, suite: Suite) -> tuple[Objective, ...]:
    """Two objectives or more, by their names.

    Parameters
    ----------
    given
        When None, validation and the mean of all shifts; without shifts, validation and, of classes, the
        worst one there.

    Raises
    ------
    ValueError
        When there are fewer than two, one is named twice, or `Objective.parse` finds a fault.
    """
    if given is None:
        worst = [f"{suite.validation.name}:worst_class"] if suite.task == "single-label" else []
        given = [suite.validation.name, *([SHIFTS] if suite.shifts else worst)]
    found = tuple(one if isinstance(one, Objective) else Objective.parse(one, suite) for one in given)
    if len(found) < 2:
        raise ValueError(f"a front has two objectives at least, got {len(found)}")
    if len(set(found)) < len(found):
        raise ValueError(f"an objective is named twice: {', '.join(one.name for one in found)}")
    return found


def halves(split: Split) -> tuple[Rows, Rows]:
    """Images that choose, and images that judge.

    Parameters
    ----------
    split
        Of the validation split all choose, of the ID test all judge; of any other it is half of each class. Splits with
        the same labels, such as one data set under several corruptions, are halved alike, so that no image chooses in
        one and judges in the other.

    Returns
    -------
    tuple
        Rows in the split's own order, rising.

    Examples
    --------
    >>> suite = getfixture("small_suite")
    >>> chooses, judges = halves(suite.shifts[0])
    >>> len(chooses), len(judges), set(chooses) & set(judges)
    (100, 100, set())
    """
    everything = np.arange(len(split), dtype=np.int64)
    if split.role == "validation":
        return everything, everything[:0]
    if split.role == "id_test":
        return everything[:0], everything
    return divide(split, 0.5, _SEED)


def values_of(evaluation: Evaluation, asked: Sequence[Objective], suite: Suite) -> NDArray[np.float64]:
    """The objectives' values ``[objectives]`` on the images that choose."""
    return np.array([one.chosen_by(evaluation, suite) for one in asked])


def needed(asked: Sequence[Objective], suite: Suite, *, judging: bool = False) -> list[str]:
    """Names of the splits that have to be measured."""
    splits = [split for one in asked for split in (one.judges(suite) if judging else one.splits(suite))]
    return list(dict.fromkeys(split.name for split in splits))


def choices(suite: Suite) -> list[str]:
    """What may be chosen by: the validation split, all shifts together, each shift.

    Slices of the ID test are not among them: that judges.
    """
    shifts = [split.name for split in suite.shifts]
    return [suite.validation.name, *([SHIFTS, *shifts] if shifts else [])]


def _splits(name: str, suite: Suite) -> list[Split]:
    return list(suite.shifts) if name == SHIFTS else [suite.splits[name]]


def _part(whole: NDArray[np.int64] | None, rows: Rows) -> NDArray[np.int64] | None:
    return None if whole is None else whole[rows]
