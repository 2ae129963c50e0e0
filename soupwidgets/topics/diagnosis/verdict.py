"""What a diagnosis knows: findings, scores, barriers, and the verdict in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from soupwidgets.stats.metrics import metric_named
from soupwidgets.text import one_line
from soupwidgets.topics.diagnosis.finding import Finding, accused, and_so_on
from soupwidgets.topics.diagnosis.pairs import Pairs
from soupwidgets.topics.diagnosis.weights import WeightFacts

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Diagnosis:
    """Whether checkpoints can be averaged, and what speaks against it.

    Parameters
    ----------
    names
        The checkpoints that were looked at.
    metric
        What scores are.
    split
        On which they were measured.
    facts
        Where the checkpoints lie.
    findings
        What spoils a soup, the gravest kinds first; empty where nothing does.
    start
        The zero-shot model, which is no ingredient; None where there is none.
    best
        The best sound member, which barriers are measured to; empty before it is known.
    alone, intervals
        Member to its validation score, and to the 95% interval of that.
    barriers, margins
        Member to the height of the barrier between it and the best one, in the metric's unit: how much worse the
        middle is than the mean of the two (negative: better). The margin is half of its 95% interval; NaN where
        answers are not right or wrong.
    soup
        Validation score of the uniform soup of the sound fine-tuned models; None before it is known.
    spared
        How many soups without one member nobody had to measure, as logits tell enough of them.
    pairs
        Which models can be mixed with which; None where answers are not right or wrong, and before it is known.
    steps, total
        How much of the work is done.
    """

    names: tuple[str, ...]
    metric: str
    split: str
    facts: WeightFacts
    findings: tuple[Finding, ...] = ()
    start: str | None = None
    best: str = ""
    alone: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    barriers: Mapping[str, float] = field(default_factory=dict)
    margins: Mapping[str, float] = field(default_factory=dict)
    soup: float | None = None
    spared: int = 0
    pairs: Pairs | None = None
    steps: int = 0
    total: int = 1

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def sound(self) -> list[str]:
        """The checkpoints that nothing was found against."""
        return [name for name in self.names if name not in accused(self.findings)]

    @property
    def done(self) -> bool:
        """Whether everything was looked at."""
        return self.steps >= self.total

    @property
    def sentence(self) -> str:
        """The verdict."""
        if not self.done:
            return f"Looking: {self.steps} of {self.total} measurements are done."
        return one_line(f"{self._verdict} {self._pair_words()}").strip()

    @property
    def _verdict(self) -> str:
        if self.healthy:
            return f"These {len(self.names)} models can be souped{self._soup_words()}."
        if len(self.findings) == 1:
            return f"{self.findings[0].sentence} {self._rest_words()}".strip()
        what = "; ".join(f"{and_so_on(finding.members)} {finding.what}" for finding in self.findings)
        bad = len(accused(self.findings))
        return one_line(f"{bad} of {len(self.names)} models spoil this soup: {what}. {self._rest_words()}").strip()

    def _pair_words(self) -> str:
        """What pairs tell beside the verdict: other groups that can be mixed, and members that only others connect."""
        if self.pairs is None:
            return ""
        said = [
            f"{and_so_on(group)} can be mixed among themselves."
            for group in self.pairs.groups
            if len(group) > 1 and self.best not in group
        ]
        sound = self.sound
        apart = [pair for pair in self.pairs.barred if pair[0] in sound and pair[1] in sound]
        if apart:
            more = f", nor can {len(apart) - 1} more pairs" if len(apart) > 1 else ""
            said.append(f"{apart[0][0]} and {apart[0][1]} alone cannot be mixed with each other{more}.")
        return " ".join(said)

    def _soup_words(self) -> str:
        members = self._members
        if self.soup is None or not members:
            return ""
        metric = metric_named(self.metric)
        best = max(members, key=lambda name: metric.merit(self.alone[name]))
        return (
            f": the uniform soup of the fine-tuned ones has validation {metric.words} {metric.show(self.soup, 1)}, the "
            f"best of them alone ({best}) {metric.show(self.alone[best], 1)}"
        )

    @property
    def _members(self) -> list[str]:
        """The sound checkpoints that are ingredients."""
        return [name for name in self.sound if name != self.start]

    def _rest_words(self) -> str:
        rest = len(self._members)
        what = "" if self.start is None else " fine-tuned models"
        return "" if self.soup is None or rest < 2 else f"The other {rest}{what} can be souped{self._soup_words()}."

    def to_frame(self) -> pd.DataFrame:
        """One row for each checkpoint: where it lies, how good it is alone, its barrier, and what was found."""
        import pandas as pd

        found = {name: [f for f in self.findings if name in f.members] for name in self.names}
        return pd.DataFrame(
            {
                "checkpoint": list(self.names),
                "finding": ["; ".join(f.kind for f in found[name]) for name in self.names],
                "distance": [self.facts.distance[name] for name in self.names],
                self.metric: [self.alone.get(name, float("nan")) for name in self.names],
                "barrier": [self.barriers.get(name, float("nan")) for name in self.names],
            }
        )

    def to_json(self) -> dict[str, Any]:
        """As plain values; numbers that are not known are None."""
        distance = {name: one if np.isfinite(one) else None for name, one in self.facts.distance.items()}
        return {
            "healthy": self.healthy, "sentence": self.sentence, "sound": self.sound,
            "findings": [finding.to_json() for finding in self.findings],
            "origin": self.facts.origin, "distance": distance, "metric": self.metric, "split": self.split,
            "alone": dict(self.alone), "best": self.best, "barriers": dict(self.barriers), "soup": self.soup,
            "spared": self.spared, "pairs": None if self.pairs is None else self.pairs.to_json(),
        }  # fmt: skip

    def __repr__(self) -> str:
        lines = [self.sentence, *(f"- {finding.sentence} {finding.evidence}" for finding in self.findings)]
        return "\n".join(lines)
