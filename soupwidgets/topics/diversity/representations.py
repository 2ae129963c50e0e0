"""Features of two models read by one linear probe: whether they overlap, or one has all that the other has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soupwidgets.evaluation.answers import right_of
from soupwidgets.stats.paired import PairedTest, mcnemar
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.combining import combined
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.diversity.probing import (
    Choosing,
    Prepared,
    Reading,
    checked_probe,
    probe_on,
    right_by_split,
)

HALF = 0.5
# More shares of the second model, between each alone and half of each.
SHARES = (0.25, 0.75)


@dataclass(frozen=True, eq=False)
class CombinedFeatures:
    """Linear probes on the features of two models, alone and together, as far as they are fitted.

    Parameters
    ----------
    first, second
        Names of the models.
    fit
        The split whose images the probes were fitted to.
    choose
        How features were chosen.
    budget
        Number of features of each probe in `probes`.
    probes
        By the share that comes from the second model: probes with the same number of features. At 0 it is the first
        model alone, at 1 the second.
    beside
        By name: the probe on all features of both, and what else they are compared with.
    total
        How many probes and others there are to be.
    """

    first: str
    second: str
    fit: str
    choose: Choosing
    budget: int
    probes: Mapping[float, Reading] = field(default_factory=dict)
    beside: Mapping[str, Reading] = field(default_factory=dict)
    total: int = 0

    @property
    def exact(self) -> bool:
        """Whether all are fitted."""
        return len(self.probes) + len(self.beside) == self.total

    @property
    def readings(self) -> list[Reading]:
        """All that is known, the first model's probe first."""
        return [*(self.probes[share] for share in sorted(self.probes)), *self.beside.values()]

    def gains(self, split: str, reading: Reading | None = None) -> tuple[PairedTest, PairedTest]:
        """A reading against the probes on the first and on the second model alone, with the same number of features.

        Parameters
        ----------
        reading
            The probe on half of each when None.
        """
        one = (reading or self.probes[HALF]).right[split]
        return mcnemar(self.probes[0.0].right[split], one), mcnemar(self.probes[1.0].right[split], one)

    def answer(self, split: str) -> str:
        """Tell in a sentence what the probe on half of each says, at equal numbers of features.

        A model whose features are a superset of the other's gives a probe that half of the other's cannot improve.
        """
        lows = [test.interval[0] > 0 for test in self.gains(split)]
        if all(lows):
            return f"neither is a superset: half of each is better than {self.first} alone and {self.second} alone"
        if any(lows):
            weak, strong = (self.first, self.second) if lows[0] else (self.second, self.first)
            return (
                f"half of each is better than {weak} alone and not clearly better than {strong} alone, which may have "
                "all that tells the classes apart"
            )
        return "half of each is not clearly better than either alone: their features may be the same"

    def to_frame(self) -> pd.DataFrame:
        """One row for each reading and split: accuracy with its interval, and what it gains over each alone."""
        ends = {0.0, 1.0} <= set(self.probes)
        rows = []
        for reading in self.readings:
            for split in reading.right:
                found = reading.accuracy(split)
                row = {
                    "first": self.first, "second": self.second, "read by": reading.name, "features": reading.features,
                    "penalty": reading.penalty, "split": split, "accuracy": found.value, "low": found.low,
                    "high": found.high,
                }  # fmt: skip
                for name, test in zip(("first", "second"), self.gains(split, reading) if ends else (), strict=False):
                    row |= {
                        f"gain over {name}": test.difference, f"gain over {name} low": test.interval[0],
                        f"gain over {name} high": test.interval[1], f"gain over {name} p": test.p_value,
                    }  # fmt: skip
                rows.append(row)
        return pd.DataFrame(rows)


def combined_features(
    first: Member,
    second: Member,
    suite: Suite,
    *,
    splits: Sequence[str] | None = None,
    fit: str | None = None,
    choose: Choosing = "components",
    budget: int | None = None,
    shares: Sequence[float] = SHARES,
    soup: Member | None = None,
) -> CombinedFeatures:
    """Fit linear probes to the features of two models, each alone and together with an equal number of features.

    More features alone make a better probe, so what is compared has the same number: the first part of them from one
    model and the rest from the other. Beside them stand the probe on all features of both, the ensemble of the two
    probes, the ensemble of the models as they are, and what their soup says.

    Parameters
    ----------
    first, second
        Models that can be run (`members`, `open_members`, `mixture`), with logits on the splits and on validation.
    suite
        With a label for each image.
    splits
        Where to report: any but the one that the probes are fitted to. The in-distribution test when None.
    fit
        The split to fit probes to, and by cross-validation the strength of their penalty: validation when None, or
        the training split. Models know the images that they were trained on too well for these to tell much.
    choose
        Which features: the first principal components of each model's (``"components"``), or some of them at random
        (``"random"``), which is what the paper does. Components keep as much of each model as fits into the budget, so
        that what a second model adds is not what was left out of the first by chance.
    budget
        Number of features; those of the model that has fewer when None.
    shares
        Shares of the second model (0..1) to try besides 0, 0.5 and 1.
    soup
        Their average weights as a member, if they can be averaged.

    Raises
    ------
    KeyError
        When the suite has no such split.
    ValueError
        When a split is fitted and reported on, or chooses and is reported; when a model is known only by its logits;
        when an image may have several labels; when the budget is larger than a model's features.

    Notes
    -----
    arXiv 2110.12899, section 4.6 and figure 6. Features are standardised on the images of ``fit`` (section 4.6 does
    not say whether it does so), and so are principal components found there.
    """
    *_, found = stream_combined_features(
        first, second, suite, splits=splits, fit=fit, choose=choose, budget=budget, shares=shares, soup=soup
    )
    return found


def stream_combined_features(
    first: Member,
    second: Member,
    suite: Suite,
    *,
    splits: Sequence[str] | None = None,
    fit: str | None = None,
    choose: Choosing = "components",
    budget: int | None = None,
    shares: Sequence[float] = SHARES,
    soup: Member | None = None,
) -> Iterator[CombinedFeatures]:
    """Yield the state of `combined_features` after every probe."""
    fitted, where = checked_probe(suite, fit, [suite.id_test.name] if splits is None else list(splits))
    sides = [Prepared(one, fitted, where) for one in (first, second)]
    most = min(side.width for side in sides)
    taken = most if budget is None else budget
    if not 2 <= taken <= most:
        raise ValueError(f"a probe can have 2 to {most} features of each of these models, not {taken}")
    probes: dict[float, Reading] = {}
    beside: dict[str, Reading] = {}
    # What the answer needs comes first.
    wanted = [0.0, 1.0, HALF, *sorted({*shares} - {0.0, 1.0, HALF})]
    total = len(wanted) + 3 + 2 * (soup is not None)

    def state() -> CombinedFeatures:
        return CombinedFeatures(first.name, second.name, fitted.name, choose, taken, dict(probes), dict(beside), total)

    said: dict[float, list[NDArray[np.float64]]] = {}
    for share in wanted:
        counts = taken - round(share * taken), round(share * taken)
        name = (
            f"{first.name} alone" if share == 0 else f"{second.name} alone" if share == 1
            else f"{counts[0]} of {first.name}, {counts[1]} of {second.name}"
        )  # fmt: skip
        parts = [side.chosen(count, choose) for side, count in zip(sides, counts, strict=True) if count]
        probes[share], said[share] = probe_on(name, parts, fitted, where)
        yield state()
    every = [side.chosen(side.width, "components") for side in sides]
    beside["all"], _ = probe_on("all features of both", every, fitted, where)
    yield state()
    mean = [(a + b) / 2 for a, b in zip(said[0.0], said[1.0], strict=True)]
    beside["probes"] = Reading("ensemble of the two probes", 2 * taken, right_by_split(mean, fitted, where))
    both = {split.name: right_of(combined([first, second], suite, split.name), split) for split in where}
    beside["ensemble"] = Reading("ensemble of the two models", 0, both)
    if soup is not None:
        beside["soup"] = Reading("their soup", 0, {split.name: soup.right(split) for split in where})
        mixed = Prepared(soup, fitted, where)
        beside["soup's features"], _ = probe_on(
            "features of their soup", [mixed.chosen(min(taken, mixed.width), choose)], fitted, where
        )
    yield state()
