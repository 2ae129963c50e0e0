"""WiSE-FT by groups of layers: an alpha for the first blocks, one for the next, and so on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soupwidgets.evaluation import Evaluator
from soupwidgets.methods.method import soup_method
from soupwidgets.methods.selection import selection_metric, selection_score
from soupwidgets.methods.uniform import as_recipe
from soupwidgets.models import model_of
from soupwidgets.models.depth import layer_depth, network_order
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.stats.metrics import METRIC_WORDS, shown

_GROUPS = 3


@dataclass(frozen=True)
class AlphasByGroup:
    """WiSE-FT with an alpha for each group of layers.

    Parameters
    ----------
    recipe
        With coefficients by tensor.
    alphas
        Of each group, the first layers first.
    tried
        Alphas of all groups to their score on the validation split, in the order in which they were tried.
    metric
        What the scores are.
    """

    recipe: Recipe
    alphas: tuple[float, ...]
    tried: Mapping[tuple[float, ...], float]
    metric: str

    def __repr__(self) -> str:
        words = ", ".join(f"{alpha:.3g}" for alpha in self.alphas)
        score = shown(self.metric, self.tried[self.alphas])
        return (
            f"AlphasByGroup(alphas {words}, of {len(self.tried)} tried; validation {METRIC_WORDS[self.metric]} {score})"
        )

    def to_json(self) -> dict[str, Any]:
        """The trace as plain values."""
        tried = [{"alphas": list(alphas), "score": score} for alphas, score in self.tried.items()]
        return {"metric": self.metric, "alphas": list(self.alphas), "tried": tried}


@soup_method("wise-ft-by-group", "WiSE-FT by group", paper="after Wortsman et al., arXiv 2109.01903")
def grouped_wise_ft(
    ev: Evaluator,
    fine_tuned: str | Recipe | Sequence[str] | None = None,
    *,
    groups: int | None = None,
    steps: int = 5,
    rounds: int = 1,
) -> AlphasByGroup:
    """Between the zero-shot model and a fine-tuned one, each group of blocks as far as validation images ask for.

    Parameters
    ----------
    ev
        Evaluator of a pool with both. Only the validation split is looked at.
    fine_tuned
        As in `wise_ft`: a name, the recipe of a soup, or several names, which are averaged.
    groups
        How many, at most one for each block; blocks that follow each other are together. When None three, or as many
        as there are blocks.
    steps
        Alphas that are tried on a line: 0, 1, and those between at equal distances; at least 2.
    rounds
        How often each group's line is searched.

    Returns
    -------
    AlphasByGroup
        The recipe, with what was tried.

    Raises
    ------
    PoolError
        As in `wise_ft`.
    ValueError
        When the network has fewer blocks than groups, or a number is out of its range.

    Notes
    -----
    The line of Wortsman et al., arXiv 2109.01903, section 3, searched coordinate by coordinate: first one alpha for
    all, then each group's with the others held, the last layers first. An alpha is changed only for a score that is
    truly better; of equal ones along the first line the smallest is taken, which is nearest to the zero-shot model.
    Layers are counted as in `lines`. Validation images are in-distribution: they ask for what serves there, and what
    shifts would ask for nothing here knows.
    """
    if steps < 2 or rounds < 0:
        raise ValueError(f"steps is {steps} and rounds {rounds}; at least 2 steps, and no fewer than 0 rounds")
    tuned = as_recipe(ev.pool, fine_tuned)
    group_of = layer_groups(ev.pool, groups)
    groups = max(group_of.values()) + 1
    line = [step / (steps - 1) for step in range(steps)]
    merit = selection_metric(ev).merit
    tried: dict[tuple[float, ...], float] = {}

    def score(alphas: tuple[float, ...]) -> float:
        if alphas not in tried:
            tried[alphas] = selection_score(ev, _recipe(ev.pool, tuned, group_of, alphas))
        return merit(tried[alphas])

    # The first of equals, as `max` takes it, is the smallest.
    best = max(((alpha,) * groups for alpha in line), key=score)
    for _ in range(rounds if groups > 1 else 0):
        for group in reversed(range(groups)):
            others = [(*best[:group], alpha, *best[group + 1 :]) for alpha in line]
            best = max([best, *others], key=score)
    made = _recipe(ev.pool, tuned, group_of, best)
    return AlphasByGroup(made, best, tried, ev.suite.validation.scoring.metric)


def layer_groups(pool: Pool, groups: int | None = None) -> dict[str, int]:
    """The group of every tensor that belongs to a layer: blocks in the order of the network, in equal parts.

    Parameters
    ----------
    groups
        How many; when None three, or as many as there are blocks.

    Raises
    ------
    ValueError
        When the network has fewer blocks than groups, or, where no card states its architecture, the names of the
        tensors are not those of a known one.
    """
    card = pool.architecture_card
    depth = layer_depth(network_order(list(pool.tensors), model_of(card) if card else None))
    blocks = max(depth.values()) + 1
    groups = min(_GROUPS, blocks) if groups is None else groups
    if not 1 <= groups <= blocks:
        raise ValueError(f"groups is {groups}; the network has {blocks} blocks of layers, so it may be 1 to {blocks}")
    return {tensor: layer * groups // blocks for tensor, layer in depth.items()}


def _recipe(pool: Pool, tuned: Recipe, group_of: Mapping[str, int], alphas: Sequence[float]) -> Recipe:
    origin = Recipe({pool.zero_shot: 1})
    mean = sum(alphas) / len(alphas)
    own = {tensor: origin + alphas[group] * (Recipe(tuned.at(tensor)) - origin) for tensor, group in group_of.items()}
    return Recipe(origin + mean * (Recipe(dict(tuned)) - origin), own)
