"""Model Stock: how far to go from the zero-shot model to the average, told by the angle between the ingredients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soupwidgets.methods.method import soup_method
from soupwidgets.methods.uniform import average, chosen_ingredients
from soupwidgets.mixing import grams
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe


@soup_method("stock", "Model Stock", paper="Jang et al., arXiv 2403.19522")
def model_stock(pool: Pool, ingredients: Sequence[str] | None = None) -> Recipe:
    """Between the zero-shot model and the average, tensor by tensor as far as the ingredients' angles tell.

    t * average + (1 - t) * zero-shot, with t = N cos / (1 + (N - 1) cos).

    Parameters
    ----------
    pool
        Has the zero-shot model and the ingredients.
    ingredients
        At least two names; the pool's fine-tuned models when None.

    Returns
    -------
    Recipe
        With coefficients by tensor. No accuracy is looked at.

    Raises
    ------
    PoolError
        When a name is not in the pool, or it has not exactly one zero-shot model.
    ValueError
        When there are fewer than two ingredients.

    Notes
    -----
    Jang et al., arXiv 2403.19522, section 4 (equation 4 for N models): fine-tuned
    weights lie on a thin shell around a centre, and this is the point nearest to
    it in the plane of the ingredients and the zero-shot model. cos is the mean
    cosine between the task vectors of all pairs; below 0, where the theory says
    nothing, t is 0. A tensor that fine-tuning did not move stays as it is.
    """
    names = chosen_ingredients(pool, ingredients)
    origin = pool.zero_shot
    names = [name for name in names if name != origin]
    count = len(names)
    if count < 2:
        raise ValueError("Model Stock needs at least two ingredients: one has no angle to another")
    mean = average(names)
    pairs = np.triu_indices(count, 1)
    own = {}
    for tensor, gram in grams(pool, names, origin):
        length = np.sqrt(np.diag(gram))
        moved = np.outer(length, length)[pairs]
        if not moved.any():
            own[tensor] = Recipe({origin: 1})
            continue
        cosine = float(np.mean(np.divide(gram[pairs], moved, out=np.zeros_like(moved), where=moved > 0)))
        t = max(0.0, count * cosine / (1 + (count - 1) * max(cosine, 0.0)))
        own[tensor] = t * mean + Recipe({origin: 1 - t})
    return Recipe(mean, own)
