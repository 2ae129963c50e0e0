"""Task vectors: what fine-tuning added to the zero-shot model, as something to calculate with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from soupwidgets.evaluation import Evaluator
from soupwidgets.methods.advice import warn
from soupwidgets.methods.check import worse_than_best
from soupwidgets.methods.merged_file import moved_ingredients
from soupwidgets.methods.method import soup_method
from soupwidgets.methods.selection import selection_metric, selection_score
from soupwidgets.methods.uniform import as_recipe, chosen_ingredients
from soupwidgets.models import model_of
from soupwidgets.models.depth import layer_depth, network_order
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.stats.metrics import METRIC_WORDS, shown


@dataclass(frozen=True)
class ScaledArithmetic:
    """Task arithmetic with the scale that validation images ask for.

    Parameters
    ----------
    recipe
        theta_0 + scale * sum of task vectors.
    scale
        The best of `scores`; among equals the smallest, which stays nearest to the zero-shot model.
    scores
        Every scale that was tried, rising, and its score on the validation split; none where it was given.
    metric
        What the scores are.
    """

    recipe: Recipe
    scale: float
    scores: Mapping[float, float]
    metric: str

    def __repr__(self) -> str:
        if not self.scores:
            return f"ScaledArithmetic(scale {self.scale:.4g}, as it was given)"
        return (
            f"ScaledArithmetic(scale {self.scale:.4g} of {len(self.scores)} tried, "
            f"validation {METRIC_WORDS[self.metric]} {shown(self.metric, self.scores[self.scale])})"
        )

    def to_json(self) -> dict[str, Any]:
        """The trace as plain values."""
        tried = [{"scale": scale, "score": score} for scale, score in self.scores.items()]
        return {"metric": self.metric, "scale": self.scale, **({"scales": tried} if tried else {})}


def task_arithmetic(pool: Pool, ingredients: Sequence[str] | None = None, scale: float | None = None) -> Recipe:
    """theta_0 + scale * sum of (theta_i - theta_0).

    Parameters
    ----------
    pool
        Has the zero-shot model theta_0 and the ingredients.
    ingredients
        Names; the pool's fine-tuned models when None.
    scale
        The paper's lambda, which is to be chosen on validation images (`scaled_arithmetic` does). 1 / N when None,
        which is the uniform soup: the sum of many task vectors at scale 1 goes far beyond all of them. A
        negative one unlearns.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`; also when the pool has not exactly one zero-shot model, or no ingredient besides it.

    Notes
    -----
    Ilharco et al., arXiv 2212.04089, section 2.

    Examples
    --------
    >>> task_arithmetic(Pool.open("data/zoo/fashion"), ["ft-00", "ft-01"], scale=0.4)
    Recipe({'ft-00': 0.4, 'ft-01': 0.4, 'zero-shot': 0.2})
    >>> task_arithmetic(Pool.open("data/zoo/fashion"), ["ft-00", "ft-01"])
    Recipe({'ft-00': 0.5, 'ft-01': 0.5})
    """
    names = moved_ingredients(pool, ingredients)
    origin = Recipe({pool.zero_shot: 1})
    total = Recipe({})
    for name in names:
        total = total + (Recipe({name: 1}) - origin)
    return origin + (1 / len(names) if scale is None else scale) * total


def scaled_arithmetic(
    ev: Evaluator, ingredients: Sequence[str] | None = None, scales: Sequence[float] | None = None
) -> ScaledArithmetic:
    """Task arithmetic with the scale that is best on the validation split, and on nothing else.

    Parameters
    ----------
    ev
        Evaluator of the pool.
    ingredients
        Names; the pool's fine-tuned models when None.
    scales
        What to try; from half of the uniform soup's 1 / N up to 1 in steps of a factor of the square root of 2 when
        None.

    Returns
    -------
    ScaledArithmetic
        The recipe, with what was tried.

    Raises
    ------
    PoolError, ValueError
        As in `task_arithmetic`; also when there is no scale to try.

    Warns
    -----
    SoupWarning
        When the result is worse on validation than the best ingredient alone.

    Notes
    -----
    Ilharco et al., arXiv 2212.04089, section 2: 'the scaling term is determined using held-out validation sets'.
    """
    names = moved_ingredients(ev.pool, ingredients)
    tried = sorted(_scales(len(names)) if scales is None else set(scales))
    if not tried:
        raise ValueError("no scale to try: name at least one")
    scores = {scale: selection_score(ev, task_arithmetic(ev.pool, names, scale)) for scale in tried}
    merit = selection_metric(ev).merit
    best = max(tried, key=lambda scale: (merit(scores[scale]), -abs(scale)))
    made = ScaledArithmetic(task_arithmetic(ev.pool, names, best), best, scores, ev.suite.validation.scoring.metric)
    advice = worse_than_best(ev, made.recipe, names)
    if advice:
        warn(advice)
    return made


@soup_method("arithmetic", "Task arithmetic", paper="Ilharco et al., arXiv 2212.04089")
def _arithmetic(
    pool: Pool, ingredients: Sequence[str] | None = None, scale: float | None = None, *, ev: Evaluator | None = None
) -> Recipe | ScaledArithmetic:
    """What fine-tuning added to the zero-shot model, summed and scaled as validation images ask for.

    Parameters
    ----------
    pool, ingredients
        As in `task_arithmetic`.
    scale
        Of the sum of the task vectors; the best on the validation split when None, or 1 / N without images.
    ev
        Chooses the scale, or judges the one that was given.
    """
    if ev is None:
        if scale is None:
            warn(
                "without a suite no scale can be chosen: 1 / N was taken, which is the uniform soup. Name a suite "
                "with --suite to choose one by its validation images, or a scale with --scale"
            )
        return task_arithmetic(pool, ingredients, scale)
    if scale is None:
        return scaled_arithmetic(ev, ingredients)
    recipe = task_arithmetic(pool, ingredients, scale)
    advice = worse_than_best(ev, recipe, chosen_ingredients(pool, ingredients))
    if advice:
        warn(advice)
    return ScaledArithmetic(recipe, scale, {}, ev.suite.validation.scoring.metric)


def _scales(count: int) -> list[float]:
    """From 1 / (2 N) to 1; 1 / N is among them.

    >>> [round(scale, 4) for scale in _scales(2)]
    [0.25, 0.3536, 0.5, 0.7071, 1.0]
    """
    rising = (2 ** (step / 2) / (2 * count) for step in range(64))
    return [*takewhile(lambda scale: scale < 1, rising), 1.0]


@soup_method("lines", "LiNeS", paper="Wang et al., arXiv 2410.17146")
def lines(
    pool: Pool, soup: Recipe | str | Sequence[str] | None = None, alpha: float = 0.0, beta: float = 1.0
) -> Recipe:
    """Scale a task vector by depth: little in the first layers, which are general, more in the last.

    Parameters
    ----------
    pool
        Has the zero-shot model.
    soup
        What is scaled, seen from the zero-shot model: a recipe, or one fine-tuned model's name. Several names are
        averaged; the pool's fine-tuned models when None.
    alpha
        The scale of the first layer.
    beta
        What the last layer's scale has more than the first's.

    Returns
    -------
    Recipe
        Layer l of L is scaled by alpha + beta (l - 1) / (L - 1). Layers are blocks, in the order in which the
        network runs them; what lies before a block (stem, embeddings, downsampling) is scaled as that block, what
        lies behind the last (final norm, pooling, projection, head) as the last.

    Raises
    ------
    PoolError
        When the recipe does not fit the pool, or there is not exactly one zero-shot model.
    ValueError
        When the network has fewer than two blocks, or, where no card states its architecture, the names of the
        tensors are not those of a known one.

    Notes
    -----
    Wang et al., arXiv 2410.17146 (LiNeS), section 4.
    """
    tuned = as_recipe(pool, soup)
    card = pool.architecture_card
    depth = layer_depth(network_order(list(pool.tensors), model_of(card) if card else None))
    last = max(depth.values())
    if last < 1:
        raise ValueError("the network has no two layers (blocks), so there is no depth to scale by")
    origin = Recipe({pool.zero_shot: 1})
    own = {}
    for tensor, layer in depth.items():
        scale = alpha + beta * layer / last
        own[tensor] = origin + scale * (Recipe(tuned.at(tensor)) - origin)
    # Whatever is no layer's has the scale of the whole.
    return Recipe(origin + (alpha + beta / 2) * (Recipe(dict(tuned)) - origin), own)
