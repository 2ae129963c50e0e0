"""Features of models, alone and in pairs, on another task: whether pairs that err differently transfer better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from soupwidgets.stats.mantel import mantel, model_orders
from soupwidgets.stats.paired import PairedTest, mcnemar
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.diversity.probing import Prepared, Reading, checked_probe, probe_on

Pair = tuple[str, str]
# All features of both, or half of each, which are as many as one model has.
Taken = Literal["all", "half"]


@dataclass(frozen=True, eq=False)
class Transfer:
    """Linear probes for another task on features of models and of pairs.

    Parameters
    ----------
    suite, task
        Names of the suite whose test tells how differently models err, and of the other task.
    fit, split
        The splits of the task that probes were fitted to, and are reported on.
    accuracies
        By model: accuracy on the test of ``suite`` (0..1).
    inconsistency
        By pair: share of the images of that test that exactly one of the two has right.
    alone
        By model: the probe on all of its features.
    pairs
        By pair: the probe on all features of both (``"all"``), and the one on half of each (``"half"``).
    """

    suite: str
    task: str
    fit: str
    split: str
    accuracies: Mapping[str, float]
    inconsistency: Mapping[Pair, float]
    alone: Mapping[str, Reading]
    pairs: Mapping[Taken, Mapping[Pair, Reading]]

    def better(self, pair: Pair) -> str:
        """The model of a pair whose own probe is better on the task."""
        return max(pair, key=lambda name: self.alone[name].right[self.split].mean())

    def gain(self, pair: Pair, taken: Taken = "half") -> PairedTest:
        """A pair's probe against that of the better of the two alone."""
        return mcnemar(self.alone[self.better(pair)].right[self.split], self.pairs[taken][pair].right[self.split])

    def trend(self, taken: Taken = "half", draws: int = 2000) -> tuple[float, float]:
        """Rank correlation over pairs of error inconsistency with the gain, and its one-sided p-value.

        Returns
        -------
        correlation, p_value
            By permuting the models, as in `divergence_trend`; NaN where all gains are the same.

        Raises
        ------
        ValueError
            When there are fewer than three models: one pair shows no trend.
        """
        names = list(self.alone)
        if len(names) < 3:
            raise ValueError("a trend over pairs needs three models at least")
        at = np.array([[names.index(one) for one in pair] for pair in self.inconsistency]).T
        table = np.zeros((len(names), len(names)))
        table[at[0], at[1]] = table[at[1], at[0]] = list(self.inconsistency.values())
        gains = [self.gain(pair, taken).difference for pair in self.inconsistency]
        return mantel(table, at, gains, model_orders(len(names), draws))

    def to_frame(self) -> pd.DataFrame:
        """One row for each model and each pair: accuracy on the task with its interval, and what a pair gains."""
        rows = []
        for name, reading in self.alone.items():
            rows.append({"models": name} | self._row(reading) | {f"accuracy on {self.suite}": self.accuracies[name]})
        for taken, readings in self.pairs.items():
            for pair, reading in readings.items():
                test = self.gain(pair, taken)
                rows.append(
                    {"models": " + ".join(pair), "taken": taken} | self._row(reading) | {
                        "error inconsistency": self.inconsistency[pair], "gain over better": test.difference,
                        "gain low": test.interval[0], "gain high": test.interval[1], "p": test.p_value,
                    }
                )  # fmt: skip
        return pd.DataFrame(rows)

    def _row(self, reading: Reading) -> dict[str, float]:
        found = reading.accuracy(self.split)
        return {"features": reading.features, "accuracy": found.value, "low": found.low, "high": found.high}


def transfer(
    models: Sequence[Member], suite: Suite, task: Suite, *, fit: str | None = None, progress: bool = True
) -> Transfer:
    """Fit linear probes for another task to the features of models alone, and of every two of them side by side.

    Parameters
    ----------
    models
        At least two that can be run (`members`, `open_members`), with logits on the test of ``suite``.
    suite
        Tells how good they are and how differently they err.
    task
        Other images with labels of their own, in a form that the models take.
    fit
        Which split of the task to fit probes to: the training split, where there is one, else validation.
    progress
        Whether to show a bar.

    Raises
    ------
    ValueError
        When there are fewer than two models, or two of one name; when a model is known only by its logits; when an
        image may have several labels.
    KeyError
        When a model has no logits on the test of ``suite``.

    Notes
    -----
    arXiv 2110.12899, section 4.7 and figure 7, which concatenates all features of three models in pairs for Pascal VOC.
    Two models have more features than one: half of each (their first principal components, as in
    `combined_features`) shows what is not due to that. The paper's task has several labels an image and is measured by
    11-point average precision; here an image has one label, and accuracy is reported.
    """
    names = [one.name for one in models]
    if len(names) < 2 or len({*names}) < len(names):
        raise ValueError(f"two or more models with different names are compared, not {', '.join(names) or 'none'}")
    if fit is None and task.training is not None:
        fit = task.training.name
    test, known = suite.id_test, {one.name: one for one in models}
    for one in models:
        if test.name not in one.splits:
            raise KeyError(f"{one.name!r} has no logits on {test.name!r} of {suite.name!r}")
    right = {name: one.right(test) for name, one in known.items()}
    fitted, where = checked_probe(task, fit, [task.id_test.name])
    sides = {name: Prepared(one, fitted, where) for name, one in known.items()}
    pairs = list(combinations(names, 2))
    bar = tqdm(total=len(names) + 2 * len(pairs), desc="probes", unit="probe", disable=not progress)

    def probed(counts: Mapping[str, int]) -> Reading:
        parts = [sides[name].chosen(count, "components") for name, count in counts.items()]
        reading, _ = probe_on(
            " and ".join(f"{count} of {name}" for name, count in counts.items()), parts, fitted, where
        )
        bar.update()
        return reading

    with bar:
        alone = {name: probed({name: side.width}) for name, side in sides.items()}
        every = {pair: probed({name: sides[name].width for name in pair}) for pair in pairs}
        half = {pair: probed({name: sides[name].width // 2 for name in pair}) for pair in pairs}
    return Transfer(
        suite.name,
        task.name,
        fitted.name,
        where[0].name,
        {name: float(one.mean()) for name, one in right.items()},
        {(a, b): float((right[a] != right[b]).mean()) for a, b in pairs},
        alone,
        {"all": every, "half": half},
    )
