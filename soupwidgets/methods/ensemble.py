"""The ensemble: mix what the models say instead of their weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soupwidgets.evaluation import Evaluation, Evaluator, Logits, score_logits
from soupwidgets.recipe import Recipe


def logit_ensemble(ev: Evaluator, recipe: Recipe, splits: Sequence[str] | None = None) -> Evaluation:
    """Sum of coefficient times logits, over the recipe's checkpoints.

    Costs one forward pass for every member, and what the store knows costs nothing.

    Parameters
    ----------
    ev
        Measures the members that the store does not know.
    recipe
        Coefficients; equal ones for the mean of logits, ``wise_ft`` for the
        output-space ensemble of a zero-shot and a fine-tuned model.
    splits
        Names of splits; all when None.

    Returns
    -------
    Evaluation
        Exact. Its recipe mixes logits here.

    Raises
    ------
    ValueError
        When the recipe is empty, or mixes tensor by tensor: logits have no layers.
    PoolError, KeyError
        As in `Evaluator.evaluate`.

    Notes
    -----
    arXiv 2203.05482, section 2 ('ensemble'); arXiv 2109.01903, section 3 ('output-space ensemble').
    """
    if not recipe:
        raise ValueError("the recipe is empty: it has no coefficient other than zero")
    if recipe.by_tensor:
        raise ValueError("the recipe has coefficients by tensor; an ensemble mixes logits, which have no layers")
    # What a member is sure of says nothing about the sum: its logits are needed without the rounding of bfloat16.
    exact, sums = ev.in_float32(), dict[str, Logits]()
    for name, coefficient in recipe.items():
        for split, score in exact.evaluate(Recipe({name: 1}), splits).scores.items():
            assert score.load_logits is not None
            part = np.float32(coefficient) * score.load_logits()
            sums[split] = sums[split] + part if split in sums else part
    known = ev.suite.splits
    return Evaluation(recipe, {name: score_logits(known[name], logits) for name, logits in sums.items()})
