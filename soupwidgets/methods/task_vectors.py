"""Task vectors: what fine-tuning added to the zero-shot model, as something to calculate with."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.methods.uniform import chosen_ingredients
from soupwidgets.models import Architecture
from soupwidgets.models.depth import layer_depth, network_order
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe


def task_arithmetic(pool: Pool, ingredients: Sequence[str] | None = None, scale: float = 1.0) -> Recipe:
    """theta_0 + scale * sum of (theta_i - theta_0).

    Parameters
    ----------
    pool
        Has the zero-shot model theta_0 and the ingredients.
    ingredients
        Names; the pool's fine-tuned models when None.
    scale
        The paper's lambda; 1 / N gives the uniform soup, a negative one
        unlearns.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`; also when the pool has not exactly one zero-shot model.

    Notes
    -----
    Ilharco et al., arXiv 2212.04089, section 2.

    Examples
    --------
    >>> task_arithmetic(Pool.open("data/zoo/fashion"), ["ft-00", "ft-01"], scale=0.4)
    Recipe({'ft-00': 0.4, 'ft-01': 0.4, 'zero-shot': 0.2})
    """
    names = chosen_ingredients(pool, ingredients)
    origin = Recipe({pool.zero_shot: 1})
    total = Recipe({})
    for name in names:
        total = total + (Recipe({name: 1}) - origin)
    return origin + scale * total


def lines(pool: Pool, soup: Recipe | str, alpha: float = 0.0, beta: float = 1.0) -> Recipe:
    """Scale a task vector by depth: little in the first layers, which are general, more in the last.

    Parameters
    ----------
    pool
        Has the zero-shot model.
    soup
        What is scaled, seen from the zero-shot model: a recipe, or one fine-tuned model's name.
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
    tuned = Recipe({soup: 1}) if isinstance(soup, str) else soup
    pool.require(tuned)
    card = pool.architecture_card
    depth = layer_depth(network_order(list(pool.tensors), Architecture.from_json(dict(card)) if card else None))
    last = max(depth.values())
    if last < 1:
        raise ValueError("the network has no two blocks of layers, so there is no depth to scale by")
    origin = Recipe({pool.zero_shot: 1})
    own = {}
    for tensor, layer in depth.items():
        scale = alpha + beta * layer / last
        own[tensor] = origin + scale * (Recipe(tuned.at(tensor)) - origin)
    # Whatever is no layer's has the scale of the whole.
    return Recipe(origin + (alpha + beta / 2) * (Recipe(dict(tuned)) - origin), own)
