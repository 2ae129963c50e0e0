"""Weak models that help a strong one: an ensemble grown greedily on validation images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluation, score_logits
from soupwidgets.recipe import Recipe
from soupwidgets.stats.metrics import METRIC_WORDS, METRICS, shown
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.combining import combined
from soupwidgets.topics.diversity.members import Member


@dataclass(frozen=True)
class HelperStep:
    """One more model in the ensemble.

    Parameters
    ----------
    name
        Name of the added model.
    alone
        Its own score on validation, a share in 0..1.
    evaluation
        The evaluation of the ensemble with it, on every split for which all models have logits.
    metric
        What the validation split reports and models are selected by: the metric of `alone` and of the ensemble's score.
    """

    name: str
    alone: float
    evaluation: Evaluation
    metric: str = "accuracy"

    def __repr__(self) -> str:
        score = shown(self.metric, self.alone)
        return f"HelperStep({self.name!r}: validation {METRIC_WORDS[self.metric]} {score} alone)"


def greedy_ensemble(
    base: Member, helpers: Sequence[Member], suite: Suite, *, most: int | None = None
) -> list[HelperStep]:
    """Add models to a strong one, each time the one that improves the ensemble's validation score most.

    The score is what the validation split reports: accuracy, macro-F1, the root mean squared error, or another metric.
    Logits are averaged with equal weights, each model's at its own temperature.
    The steps start with the base alone, and end when no candidate improves the score any more.

    Parameters
    ----------
    base
        The strong model.
    helpers
        The candidates, each used at most once.
    suite
        The suite: its validation split is used for selection, the others are only reported.
    most
        Maximum number of helpers; no limit when None.

    Raises
    ------
    ValueError
        When a model has no logits on validation.

    Notes
    -----
    After arXiv 2110.12899, section 4.5 (low-accuracy models in ensembles), which does not say what images choose;
    greedy selection by Caruana et al. (2004).
    """
    for one in (base, *helpers):
        if suite.validation.name not in one.splits:
            raise ValueError(f"{one.name!r} has no logits on {suite.validation.name!r}, by which helpers are chosen")
    held_out = suite.validation
    splits = [s for s in base.splits if all(s in one.splits for one in helpers)]

    def score(logits: NDArray[np.floating]) -> float:
        # In the same precision as in `ensemble_of`.
        return score_logits(held_out, logits.astype(np.float32)).accuracy

    def step(one: Member, chosen: Sequence[Member]) -> HelperStep:
        alone = score(one.load(held_out.name))
        return HelperStep(one.name, alone, ensemble_of(chosen, suite, splits), held_out.scoring.metric)

    merit = METRICS[held_out.scoring.metric].merit
    chosen, rest = [base], list(helpers)
    total = base.scaled(held_out.name, suite)
    steps = [step(base, chosen)]
    best = merit(score(total))
    while rest and (most is None or len(chosen) <= most):
        sums = [total + one.scaled(held_out.name, suite) for one in rest]
        values = [merit(score(s / (len(chosen) + 1))) for s in sums]
        first = int(np.argmax(values))
        if values[first] <= best:
            break
        best, total = values[first], sums[first]
        chosen.append(rest.pop(first))
        steps.append(step(chosen[-1], chosen))
    return steps


def ensemble_of(chosen: Sequence[Member], suite: Suite, splits: Sequence[str]) -> Evaluation:
    """The mean of some models' logits, each at the temperature fitted on validation images.

    Its recipe lists the members, whose logits (not weights) are averaged.

    Parameters
    ----------
    chosen
        At least one model.
    """
    scores = {}
    for split in splits:
        mean = combined(chosen, suite, split)
        scores[split] = score_logits(suite.splits[split], mean.astype(np.float32))
    return Evaluation(Recipe({one.name: 1 / len(chosen) for one in chosen}), scores)
