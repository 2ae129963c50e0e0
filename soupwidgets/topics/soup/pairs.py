"""Pairs of fine-tuned models: the angle between them, and the gain from averaging."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.mixing import grams
from soupwidgets.recipe import Recipe


@dataclass(frozen=True)
class PairGain:
    """The gains from combining two ingredients.

    Parameters
    ----------
    first, second
        Their names.
    angle
        Angle in degrees between their task vectors, relative to the zero-shot model.
    gain
        Accuracy of their average, minus the mean of their accuracies (0..1).
    ensemble_gain
        The same for the mean of their logits.
    standard_error
        Standard error of ``gain`` over images, which are the same for all three models.
    distance
        Euclidean distance between the two.
    error_inconsistency
        Share of images that exactly one of the two classifies correctly (arXiv 2110.12899, section 3).
    accuracy_gap
        How much more accurate the better one is (0..1).
    """

    first: str
    second: str
    angle: float
    gain: float
    ensemble_gain: float
    standard_error: float
    distance: float = math.nan
    error_inconsistency: float = math.nan
    accuracy_gap: float = math.nan


def pair_gains(
    ev: Evaluator, names: Sequence[str] | None = None, *, split: str | None = None, progress: bool = True
) -> list[PairGain]:
    """Measure every pair.

    Parameters
    ----------
    ev
        Evaluator of a pool with one zero-shot model.
    names
        At least two ingredients; the pool's fine-tuned models when None.
    split
        Where to measure; the validation split when None.
    progress
        Whether to show a progress bar.

    Returns
    -------
    list[PairGain]
        One for each pair.

    Raises
    ------
    ValueError
        When there are fewer than two.
    PoolError
        When a name is not in the pool, or the pool does not have exactly one zero-shot model.

    Notes
    -----
    arXiv 2203.05482, section 3.3 (the advantage of averaging against the angle between the solutions).
    """
    chosen = ev.pool.fine_tuned if names is None else list(names)
    if len(chosen) < 2:
        raise ValueError("at least two ingredients are needed for a pair")
    where = split or ev.suite.validation.name
    labels = ev.suite.splits[where].labels
    total: NDArray[np.float64] = np.sum([gram for _, gram in grams(ev.pool, chosen, ev.pool.zero_shot)], axis=0)
    length = np.sqrt(np.diag(total))

    def logits(recipe: Recipe, ev: Evaluator = ev) -> NDArray[np.float32]:
        return ev.evaluate(recipe, [where]).split_logits(where)

    # Of these logits sums are taken, whose largest the rounding of bfloat16 might change.
    alone = {name: logits(Recipe({name: 1}), ev.in_float32()) for name in chosen}
    found = []
    pairs = list(combinations(range(len(chosen)), 2))
    for i, j in tqdm(pairs, desc="pairs", unit="pair", disable=not progress):
        a, b = chosen[i], chosen[j]
        right = [
            (said.argmax(axis=1) == labels).astype(np.float64)
            for said in (alone[a], alone[b], logits(Recipe({a: 0.5, b: 0.5})), alone[a] + alone[b])
        ]
        mean = (right[0] + right[1]) / 2
        gain = right[2] - mean
        cosine = np.clip(total[i, j] / (length[i] * length[j]), -1, 1)
        found.append(
            PairGain(
                a,
                b,
                float(np.degrees(np.arccos(cosine))),
                float(gain.mean()),
                float((right[3] - mean).mean()),
                float(gain.std(ddof=1) / np.sqrt(len(labels))),
                float(np.sqrt(max(total[i, i] + total[j, j] - 2 * total[i, j], 0.0))),
                float((right[0] != right[1]).mean()),
                float(abs(right[0].mean() - right[1].mean())),
            )
        )
    return found
