"""Loss and error on a plane in weight space: coarse first, then exact, starting where it bends most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator, coarse_to_fine
from soupwidgets.recipe import Recipe
from soupwidgets.suites.named import split_named
from soupwidgets.suites.task import Task
from soupwidgets.topics.landscape.anytime import Scores, measure_points
from soupwidgets.topics.landscape.height import QUANTITIES, Quantity, cost, is_error, sampling_errors
from soupwidgets.topics.landscape.prediction import Prediction, predict_grid
from soupwidgets.topics.landscape.span import Plane, plane_through

if TYPE_CHECKING:
    import pandas as pd

Limits = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Landscape:
    """A grid of models on a plane, as far as they have been measured.

    Parameters
    ----------
    plane
        The plane of the grid.
    split
        The split on which the models were measured.
    x, y
        Coordinates ``[columns]`` and ``[rows]``, both increasing.
    loss, error
        ``[rows, columns]``: mean cross-entropy (nats) and share of wrong predictions (0..1) of the model at
        ``(x[column], y[row])``; NaN where nothing has been measured yet. Of another metric the error is its ``cost``,
        and the loss of a regression is half the squared error.
    seen
        ``[rows, columns]``: number of images on which each model was measured.
    total
        Number of images of the split.
    batch_norm
        How batch normalisation was treated at every point, as a sentence; empty for models without it.
    metric, task
        What the split is scored by, and what its labels are.
    loss_sampling, error_sampling
        ``[rows, columns]``: standard errors of what was measured on some of the images; None where they are not known.
    """

    plane: Plane
    split: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    loss: NDArray[np.float64] = field(repr=False)
    error: NDArray[np.float64] = field(repr=False)
    seen: NDArray[np.int64] = field(repr=False)
    total: int
    batch_norm: str = ""
    metric: str = "accuracy"
    task: Task = "single-label"
    loss_sampling: NDArray[np.float64] | None = field(default=None, repr=False)
    error_sampling: NDArray[np.float64] | None = field(default=None, repr=False)

    @property
    def exact(self) -> bool:
        """Whether every model was measured on all images."""
        return bool((self.seen == self.total).all())

    def recipe(self, row: int, column: int) -> Recipe:
        """The model at a point of the grid."""
        return self.plane.at(self.x[column], self.y[row])

    @property
    def known(self) -> NDArray[np.bool_]:
        """``[rows, columns]``: where something has been measured."""
        return self.seen > 0

    @cached_property
    def predicted_loss(self) -> Prediction:
        """The loss where nothing has been measured yet, told from where it was.

        Raises
        ------
        ValueError
            When nothing has been measured.
        """
        return self._predict(self.loss, self._sampling(self.loss_sampling), (0.0, np.inf))

    @cached_property
    def predicted_error(self) -> Prediction:
        """The same for the error."""
        limits = (0.0, 1.0) if is_error(self.metric) else (-np.inf, np.inf)
        return self._predict(self.error, self._sampling(self.error_sampling), limits)

    def heights(self, quantity: Quantity) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The loss or error of every model, measured where it is `known` and else predicted, and its standard error."""
        if quantity == "loss":
            measured, sampling, predicted = self.loss, self.loss_sampling, self.predicted_loss
        else:
            measured, sampling, predicted = self.error, self.error_sampling, self.predicted_error
        errors = np.where(self.known, self._sampling(sampling), predicted.standard_error)
        return np.where(self.known, measured, predicted.height), errors

    def to_frame(self) -> pd.DataFrame:
        """One row per model of the grid; ``how`` says whether its loss and error are measured or predicted."""
        import pandas as pd

        rows, columns = (index.ravel() for index in np.indices(self.seen.shape))
        loss, error = (np.reshape(self.heights(quantity), (2, -1)) for quantity in QUANTITIES)
        return pd.DataFrame(
            {
                "x": self.x[columns], "y": self.y[rows], "split": self.split, "loss": loss[0], "error": error[0],
                "images": self.seen.ravel(), "how": np.where(self.known, "measured", "predicted").ravel(),
                "loss standard error": loss[1], "error standard error": error[1],
                "recipe": [self.recipe(i, j).to_json() for i, j in np.ndindex(self.seen.shape)],
            }
        )  # fmt: skip

    def _sampling(self, errors: NDArray[np.float64] | None) -> NDArray[np.float64]:
        return np.where(self.seen == self.total, 0.0, np.nan) if errors is None else errors

    def _predict(
        self, heights: NDArray[np.float64], sampling: NDArray[np.float64], limits: tuple[float, float]
    ) -> Prediction:
        return predict_grid(self.x, self.y, heights=heights, sampling=sampling, known=self.known, limits=limits)


def plane(
    ev: Evaluator,
    models: Sequence[str | Recipe] | Plane,
    *,
    grid: int = 25,
    split: str | None = None,
    limits: Limits | None = None,
    progress: bool = True,
) -> Landscape:
    """Measure a grid of models on a plane.

    Parameters
    ----------
    ev
        The evaluator; what is in its store is not computed again, so an interrupted landscape resumes.
    models
        Three checkpoints or recipes that span the plane, or a plane.
    grid
        Number of points along the longer side, at least 2; the shorter side has the same spacing.
    split
        Where to measure; the validation split when None.
    limits
        Limits of both axes; the corners with a margin around them when None.

    Raises
    ------
    ValueError
        When the grid is too small, the limits are empty, or the models span no plane.
    PoolError, KeyError
        When the pool lacks a checkpoint, or the suite the split.
    """
    plane = models if isinstance(models, Plane) else plane_through(ev.pool, models)
    with tqdm(desc="landscape", unit="point", disable=not progress) as bar:
        for state in stream_plane(ev, plane, grid, split, limits=limits):
            bar.total = state.seen.size
            bar.update(int((state.seen == state.total).sum()) - bar.n)
    return state


def stream_plane(
    ev: Evaluator,
    plane: Plane,
    grid: int = 25,
    split: str | None = None,
    *,
    limits: Limits | None = None,
) -> Iterator[Landscape]:
    """`plane` step by step; every state from the second on can be drawn.

    First all points are measured on a sample of images, from a coarse lattice to the whole grid. Then
    each is measured in full: level by level, and within a level first where the rough values bend most.

    Parameters
    ----------
    ev, plane, grid, split, limits
        As in `plane`.

    Yields
    ------
    Landscape
        The last one is exact. Stop iterating to cancel: scores that are exact by then are in the store.
    """
    where = split_named(ev.suite, split)
    x, y = grid_axes(limits or plane.extent(), grid)
    recipes = [plane.at(a, b) for b in y for a in x]
    levels = lattice_levels(len(y), len(x)).reshape(-1)
    coarse = [int(i) for i in np.argsort(levels, kind="stable")]

    def bends_first(_scores: Scores) -> Iterator[int]:
        return iter(int(i) for i in np.lexsort((-_bend(heights[0]).reshape(-1), levels)))

    note = ev.note
    heights = np.full((4, len(y), len(x)), np.nan)
    seen = np.zeros((len(y), len(x)), dtype=np.int64)
    for scores, changed in measure_points(ev, recipes, split=where, order=coarse, exact_order=bends_first):
        for i in changed:
            score = scores[i]
            assert score is not None
            heights.reshape(4, -1)[:, i] = score.loss, cost(score), *sampling_errors(score)
            seen.flat[i] = score.seen
        loss, error, *sampling = heights.copy()
        now = loss, error, seen.copy()
        scoring = where.scoring
        yield Landscape(plane, where.name, x, y, *now, len(where), note, scoring.metric, scoring.task, *sampling)


def grid_axes(limits: Limits, grid: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Evenly spaced coordinates with the same spacing on both axes: ``grid`` of them along the longer one.

    Raises
    ------
    ValueError
        When ``grid`` is less than 2, or the limits are empty or not finite.

    Examples
    --------
    >>> x, y = grid_axes(((0.0, 4.0), (0.0, 2.0)), 5)
    >>> x.tolist(), y.tolist()
    ([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0])
    """
    if grid < 2:
        raise ValueError(f"a grid of {grid} shows no landscape: use at least 2 points along a side")
    spans = [high - low for low, high in limits]
    if not all(np.isfinite(span) and span > 0 for span in spans):
        raise ValueError(f"the limits {limits} enclose nothing")
    spacing = max(spans) / (grid - 1)
    counts = [max(2, round(span / spacing) + 1) for span in spans]
    x, y = (np.linspace(low, high, count) for (low, high), count in zip(limits, counts, strict=True))
    return x, y


def lattice_levels(rows: int, columns: int) -> NDArray[np.int64]:
    """The lattice level at which each point first appears: 0 for the corners, one more for every halving."""

    def along(count: int) -> NDArray[np.int64]:
        level = np.zeros(count, dtype=np.int64)
        for place, i in enumerate(coarse_to_fine(count)):
            # The two ends, then 1, 2, 4, ... points for each halving.
            level[i] = 0 if place < 2 else int(np.log2(place - 1)) + 1
        return level

    return np.maximum(along(rows)[:, None], along(columns)[None])


def _bend(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each value from the mean of its neighbours; infinite if one of them is not finite."""
    finite = np.isfinite(values)
    padded = np.pad(np.where(finite, values, 0.0), 1, mode="edge")
    around = (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]) / 4
    return np.where(finite, np.abs(values - around), np.inf)
