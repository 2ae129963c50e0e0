"""Whether checkpoints can be souped, and if it went wrong, why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.methods.selection import selection_metric
from soupwidgets.pool import Pool, PoolError
from soupwidgets.recipe import Recipe
from soupwidgets.stats.metrics import metric_named
from soupwidgets.text import one_line
from soupwidgets.topics.diagnosis.finding import Finding, accused, and_so_on
from soupwidgets.topics.diagnosis.measured import (
    Answers,
    answers,
    averaged_statistics,
    barrier_finding,
    barrier_margin,
    confidence,
    harmful,
    worse_than_start,
)
from soupwidgets.topics.diagnosis.relations import relations
from soupwidgets.topics.diagnosis.weights import WeightFacts, weight_facts

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
        if self.healthy:
            return f"These {len(self.names)} models can be souped{self._soup_words()}."
        if len(self.findings) == 1:
            return f"{self.findings[0].sentence} {self._rest_words()}".strip()
        what = "; ".join(f"{and_so_on(finding.members)} {finding.what}" for finding in self.findings)
        bad = len(accused(self.findings))
        return one_line(f"{bad} of {len(self.names)} models spoil this soup: {what}. {self._rest_words()}").strip()

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
        }  # fmt: skip

    def __repr__(self) -> str:
        lines = [self.sentence, *(f"- {finding.sentence} {finding.evidence}" for finding in self.findings)]
        return "\n".join(lines)


def diagnose(ev: Evaluator, names: Sequence[str] | None = None, *, progress: bool = True) -> Diagnosis:
    """Find out whether checkpoints can be averaged, and if not, which of them spoil it and why.

    Parameters
    ----------
    names
        At least two; all of the pool but landmarks when None.

    Returns
    -------
    Diagnosis
        A sentence first, what was found below it; ``sound`` are those that can be averaged.

    Raises
    ------
    ValueError
        When there are fewer than two.
    PoolError
        When the pool lacks a checkpoint.

    Notes
    -----
    Files first: values that are not finite, the same model twice, other starts (weights of independent starts are
    nearly orthogonal), units or classes in another order, heads of another origin, steps that went too far,
    statistics of batch normalisation that are those of a new layer, precision that is too low for the step. Then, on
    the validation split alone: the barrier between each member and the best one (arXiv 1912.05671, section 2),
    members that are worse than the zero-shot model, confidence (arXiv 2309.17230), and the soup without each member.
    Whoever is accused is left out of what follows.

    Examples
    --------
    >>> ev = getfixture("small_evaluator")
    >>> found = diagnose(ev, ["zero-shot", "ft-00", "ft-03", "other-seed"], progress=False)
    >>> print(found.findings[0].sentence)
    other-seed is from another start: leave it out, as such networks cannot be aligned.
    >>> found.sound
    ['zero-shot', 'ft-00', 'ft-03']
    """
    with tqdm(desc="diagnosis", unit="model", disable=not progress) as bar:
        for found in stream_diagnosis(ev, names):
            bar.total = found.total
            bar.update(found.steps - bar.n)
    return found


def stream_diagnosis(ev: Evaluator, names: Sequence[str] | None = None) -> Iterator[Diagnosis]:
    """`diagnose` step by step: what the files tell first, then a measurement at a time."""
    pool = ev.pool
    chosen = tuple(_every(pool) if names is None else dict.fromkeys(names))
    if len(chosen) < 2:
        raise ValueError(f"a soup has at least two ingredients, got {len(chosen)} to look at")
    pool.require(chosen)
    start = _zero_shot(pool, chosen)
    facts = weight_facts(pool, chosen, start)
    metric = selection_metric(ev)
    split = ev.suite.validation.name
    found = Diagnosis(chosen, metric.name, split, facts, start=start, total=3 * len(chosen) + 1)
    yield found

    def accuse(*findings: Finding) -> None:
        nonlocal found
        found = replace(found, findings=(*found.findings, *findings))

    for finding in relations(pool, facts):
        accuse(finding)
        yield found

    alone: dict[str, Answers] = {}
    readable = [name for name in chosen if name not in facts.not_finite]
    with ev.ahead([Recipe({name: 1}) for name in readable], found.split):
        for name in readable:
            alone[name] = answers(ev, Recipe({name: 1}))
            scores = {n: one.score for n, one in alone.items()}
            intervals = {n: one.interval for n, one in alone.items()}
            found = replace(found, alone=scores, intervals=intervals, steps=len(alone))
            yield found
    if start in found.sound:
        accuse(*worse_than_start(ev, str(start), {n: alone[n] for n in found.sound}))
    accuse(*confidence([name for name in found.sound if name != start], alone))

    # What barriers are measured to: a fine-tuned model where there is one, as the zero-shot model is no ingredient.
    candidates = [name for name in found.sound if name != start] or found.sound
    if candidates:
        best = max(candidates, key=lambda name: metric.merit(alone[name].score))
        found = replace(found, best=best)
        for name, height, margin, barred in _barriers(ev, best, alone):
            heights, margins = {**found.barriers, name: height}, {**found.margins, name: margin}
            found = replace(found, barriers=heights, margins=margins, steps=len(chosen) + len(heights))
            # Whoever was accused before is measured as evidence.
            if barred is not None and name in found.sound:
                accuse(barred)
            yield found
        members = [name for name in found.sound if name != start]
        without: dict[str, Answers] = {}
        if members:
            soup = answers(ev, _uniform(members))
            found = replace(found, soup=soup.score)
            if len(members) > 2:
                with ev.ahead([_uniform([m for m in members if m != name]) for name in members], found.split):
                    for name in members:
                        without[name] = answers(ev, _uniform([m for m in members if m != name]))
                        found = replace(found, steps=2 * len(chosen) + len(without))
                        yield found
                accuse(*harmful(ev, soup, without))
            kept = [name for name in members if name in found.sound]
            if kept and kept != members:
                found = replace(found, soup=answers(ev, _uniform(kept)).score)
    yield replace(found, steps=found.total)


def _barriers(
    ev: Evaluator, best: str, alone: Mapping[str, Answers]
) -> Iterator[tuple[str, float, float, Finding | None]]:
    """Measure the middle between each member and the best one: its height, half its interval, what was found."""
    metric = selection_metric(ev)
    halves = {name: Recipe({best: 0.5, name: 0.5}) for name in alone if name != best}
    with ev.ahead(halves.values(), ev.suite.validation.name):
        for name, recipe in halves.items():
            middle = answers(ev, recipe)
            height = (metric.merit(alone[name].score) + metric.merit(alone[best].score)) / 2
            finding = barrier_finding(ev, name, best, alone, middle)
            if finding is not None:
                finding = averaged_statistics(ev, name, best, recipe, middle.score) or finding
            margin = barrier_margin(alone[name], alone[best], middle)
            yield name, height - metric.merit(middle.score), margin, finding


def _uniform(names: Sequence[str]) -> Recipe:
    return Recipe({name: 1 / len(names) for name in names})


def _every(pool: Pool) -> list[str]:
    return [name for name in pool if pool.checkpoints[name].card.role != "landmark"]


def _zero_shot(pool: Pool, names: Sequence[str]) -> str | None:
    try:
        start = pool.zero_shot
    except PoolError:
        return None
    return start if start in names else None
