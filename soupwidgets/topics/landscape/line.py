"""Loss and error along the straight line between two models, and past both ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator, SplitScore, coarse_to_fine
from soupwidgets.recipe import Recipe
from soupwidgets.suites.named import split_named
from soupwidgets.suites.task import Task
from soupwidgets.text import one_line
from soupwidgets.topics.landscape.anytime import Scores, measure_points
from soupwidgets.topics.landscape.height import cost, cost_interval

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LandscapeLine:
    """Points of a line or a curve, as far as they have been measured.

    Parameters
    ----------
    first, second
        Names of the models at t = 0 and t = 1.
    split
        The split they were measured on.
    scores
        Scores by t, in increasing order; points without a score are left out.
    recipes
        Recipes by t, for every point of the line.
    batch_norm
        How batch normalisation was treated at every point, as a sentence; empty for models without it.
    task
        What labels are: it says what the loss is.
    """

    first: str
    second: str
    split: str
    scores: Mapping[float, SplitScore]
    recipes: Mapping[float, Recipe]
    batch_norm: str = ""
    task: Task = "single-label"

    @property
    def metric(self) -> str:
        """What the split is scored by."""
        return next((score.metric for score in self.scores.values()), "accuracy")

    @property
    def exact(self) -> bool:
        """Whether every point was measured on all images."""
        return len(self.scores) == len(self.recipes) and all(score.exact for score in self.scores.values())

    @property
    def errors(self) -> dict[float, float]:
        """Share of wrong predictions (0..1) by t; of another metric its ``cost``, of which less is better."""
        return {t: cost(score) for t, score in self.scores.items()}

    @property
    def losses(self) -> dict[float, float]:
        """Mean loss by t: cross-entropy (nats), or half the squared error of a regression."""
        return {t: score.loss for t, score in self.scores.items()}

    @property
    def barrier(self) -> float:
        """Frankle's error barrier: the largest error between the ends, minus the mean error of the ends.

        In 0..1 for an error; in the metric's own unit for any other ``cost``.

        Raises
        ------
        KeyError
            When an end has not been measured yet.
        """
        inside = [error for t, error in self.errors.items() if 0 <= t <= 1]
        return max(inside) - (self.errors[0.0] + self.errors[1.0]) / 2

    @property
    def barrier_interval(self) -> tuple[float, float]:
        """95% interval of `barrier`, computed as if its models had seen different images, so it is conservative."""
        errors = {t: error for t, error in self.errors.items() if 0 <= t <= 1}
        top = max(errors, key=lambda t: errors[t])
        variance = sum(share**2 * self._variance(t) for t, share in ((top, 1.0), (0.0, 0.5), (1.0, 0.5)))
        # If the highest error is at an end, half of it is subtracted again.
        if top in (0.0, 1.0):
            variance = sum(0.25 * self._variance(t) for t in (0.0, 1.0))
        margin = 1.959964 * float(np.sqrt(variance))
        return self.barrier - margin, self.barrier + margin

    def _variance(self, t: float) -> float:
        """Of the error at t: binomial, or from the interval of an estimate or of another metric."""
        score = self.scores[t]
        if score.figure is None and score.estimate is None:
            return score.accuracy * (1 - score.accuracy) / score.seen
        low, high = score.interval
        return ((high - low) / (2 * 1.959964)) ** 2

    @property
    def rise(self) -> float:
        """The barrier above the straight line from one end's error to the other's: the largest difference (0..1).

        It is 0 if the error changes linearly from a bad model to a good one, which `barrier` counts as a barrier of
        half their difference.

        Notes
        -----
        Entezari et al., arXiv 2110.06296, section 2.
        """
        low, high = self.errors[0.0], self.errors[1.0]
        return max(error - ((1 - t) * low + t * high) for t, error in self.errors.items() if 0 <= t <= 1)

    def to_frame(self) -> pd.DataFrame:
        """One row per point: t, error and loss with intervals, and the number of images."""
        import pandas as pd

        rows = []
        for t, score in self.scores.items():
            low, high = cost_interval(score)
            loss_low, loss_high = score.loss_interval or (float("nan"), float("nan"))
            rows.append(
                {
                    "t": t, "error": cost(score), "error low": low, "error high": high,
                    "loss": score.loss, "loss low": loss_low, "loss high": loss_high, "images": score.seen,
                }
            )  # fmt: skip
        return pd.DataFrame(rows)


def line(
    ev: Evaluator,
    a: str | Recipe,
    b: str | Recipe,
    *,
    steps: int = 21,
    split: str | None = None,
    beyond: float = 0.2,
    progress: bool = True,
) -> LandscapeLine:
    """Measure the line through two models.

    Parameters
    ----------
    a, b
        Checkpoints or recipes at t = 0 and t = 1.
    steps
        Number of evenly spaced points from one to the other, including both; at least 2.
    split
        Where to measure; the validation split when None.
    beyond
        How far the line extends past each end, in multiples of their distance, with the same spacing.

    Raises
    ------
    ValueError
        When there are fewer than two points, ``beyond`` is negative, or both models are the same.
    PoolError, KeyError
        When the pool lacks a checkpoint, or the suite the split.

    Notes
    -----
    Goodfellow et al., arXiv 1412.6544; barriers by Frankle et al., arXiv 1912.05671, section 2.
    """
    states = stream_line(ev, a, b, steps=steps, split=split, beyond=beyond)
    with tqdm(desc=one_line(f"line from {_name(a)} to {_name(b)}"), unit="point", disable=not progress) as bar:
        for state in states:
            bar.total = len(state.recipes)
            bar.update(sum(score.exact for score in state.scores.values()) - bar.n)
    return state


def stream_line(
    ev: Evaluator,
    a: str | Recipe,
    b: str | Recipe,
    *,
    steps: int = 21,
    split: str | None = None,
    beyond: float = 0.2,
) -> Iterator[LandscapeLine]:
    """`line` step by step: rough scores of all points first, then exact ones from the ends inwards."""
    first, second = (Recipe({m: 1}) if isinstance(m, str) else m for m in (a, b))
    if first == second:
        raise ValueError(f"both ends of the line are {_name(a)}: a line needs two different models")
    if steps < 2 or beyond < 0:
        raise ValueError(
            f"a line needs at least its two ends, and beyond must not be negative; got steps {steps}, beyond {beyond}"
        )
    outside = round(beyond * (steps - 1) + 1e-9)
    ts = [i / (steps - 1) for i in range(-outside, steps + outside)]
    recipes = {t: (1 - t) * first + t * second for t in ts}
    yield from stream_path(ev, recipes, (_name(a), _name(b)), split)


def stream_path(
    ev: Evaluator,
    recipes: Mapping[float, Recipe],
    ends: tuple[str, str],
    split: str | None = None,
) -> Iterator[LandscapeLine]:
    """Measure models in order along a line or a curve.

    Parameters
    ----------
    recipes
        Models by t, in increasing order.
    ends
        Names of the models at t = 0 and t = 1.
    split
        Where to measure; the validation split when None.

    Yields
    ------
    LandscapeLine
        With the points that have a score so far; the last one is exact.
    """
    where = split_named(ev.suite, split)
    note = ev.note
    ts = list(recipes)
    order = list(coarse_to_fine(len(ts)))

    def in_order(_scores: Scores) -> Iterator[int]:
        return iter(order)

    for scores, _ in measure_points(ev, list(recipes.values()), split=where, order=order, exact_order=in_order):
        known = {t: score for t, score in zip(ts, scores, strict=True) if score is not None}
        yield LandscapeLine(*ends, where.name, known, recipes, note, where.scoring.task)


def _name(model: str | Recipe) -> str:
    return model if isinstance(model, str) else f"mixture {model.hash[:6]}"
