"""WiSE-FT: the line between a zero-shot model and its fine-tuned version."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.methods.method import soup_method
from soupwidgets.methods.uniform import as_recipe
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe


@soup_method("wise-ft", "WiSE-FT", paper="Wortsman et al., arXiv 2109.01903")
def wise_ft(pool: Pool, fine_tuned: str | Recipe | Sequence[str] | None = None, alpha: float = 0.5) -> Recipe:
    """Between the zero-shot model and a fine-tuned one, or the average of several.

    theta_alpha = (1 - alpha) theta_zero-shot + alpha theta_fine-tuned, encoder and head alike.

    Parameters
    ----------
    pool
        Has the zero-shot model and the fine-tuned one.
    fine_tuned
        Name of the fine-tuned checkpoint, or the recipe of a soup of several. Several names are averaged; the pool's
        fine-tuned models when None.
    alpha
        0 is the zero-shot model, 1 the fine-tuned one. Values beyond extrapolate. One half is what the paper
        recommends where nothing is known of the shift.

    Returns
    -------
    Recipe
        The mixture.

    Raises
    ------
    PoolError
        When the pool has no such checkpoint, or not exactly one zero-shot model.

    Notes
    -----
    Wortsman et al., arXiv 2109.01903, section 3, which recommends alpha = 0.5 without
    knowledge of the shift.

    Examples
    --------
    >>> wise_ft(Pool.open("data/zoo/fashion"), "ft-07", 0.4)
    Recipe({'ft-07': 0.4, 'zero-shot': 0.6})
    >>> wise_ft(Pool.open("data/zoo/fashion"), "ft-07")
    Recipe({'ft-07': 0.5, 'zero-shot': 0.5})
    """
    tuned = as_recipe(pool, fine_tuned)
    return Recipe({pool.zero_shot: 1 - alpha}) + alpha * tuned
