"""Spherical interpolation: along the arc between two models instead of the straight line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from soupwidgets.methods.method import soup_method
from soupwidgets.methods.uniform import chosen_ingredients
from soupwidgets.mixing import grams
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe

# Below this angle (in radians) sines lose their digits, and arc and line are the same.
_PARALLEL = 1e-4


def slerp(pool: Pool, start: str, end: str, t: float) -> Recipe:
    """Per tensor sin((1 - t) w) / sin(w) * start + sin(t w) / sin(w) * end, w the angle between the two.

    Parameters
    ----------
    pool
        The checkpoints.
    start, end
        Names of two of them.
    t
        0 is ``start``, 1 is ``end``.

    Returns
    -------
    Recipe
        With coefficients by tensor; where the two tensors are parallel, opposite, or one is zero, the straight line.

    Raises
    ------
    PoolError
        When a name is not in the pool.

    Notes
    -----
    Shoemake (1985), 'Animating rotation with quaternion curves', applied to each
    tensor as one long vector, seen from the origin.
    """
    line = Recipe({start: 1 - t}) + Recipe({end: t})
    own = {}
    for tensor, gram in grams(pool, [start, end]):
        lengths = math.sqrt(gram[0, 0] * gram[1, 1])
        angle = math.acos(max(-1.0, min(1.0, gram[0, 1] / lengths))) if lengths else 0.0
        if _PARALLEL < angle < math.pi - _PARALLEL:
            own[tensor] = {
                start: math.sin((1 - t) * angle) / math.sin(angle),
                end: math.sin(t * angle) / math.sin(angle),
            }
    return Recipe(line, own)


@soup_method("slerp", "SLERP", paper="Shoemake (1985)", ordered=True)
def _between_two(pool: Pool, ingredients: Sequence[str] | None = None, alpha: float = 0.5) -> Recipe:
    """Along the arc from the first of two models to the second, tensor by tensor.

    Parameters
    ----------
    pool
        The checkpoints.
    ingredients
        Two names; the pool's fine-tuned models when None.
    alpha
        How far: 0 is the first model, 1 the second.
    """
    names = chosen_ingredients(pool, ingredients)
    if len(names) != 2:
        raise ValueError(f"slerp goes from one model to another: name two with --ingredient, not {len(names)}")
    return slerp(pool, names[0], names[1], t=alpha)
