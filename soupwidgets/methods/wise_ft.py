"""WiSE-FT: the line between a zero-shot model and its fine-tuned version."""

from __future__ import annotations

from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe


def wise_ft(pool: Pool, fine_tuned: str | Recipe, alpha: float = 0.5) -> Recipe:
    """theta_alpha = (1 - alpha) theta_zero-shot + alpha theta_fine-tuned, encoder and head alike.

    Parameters
    ----------
    pool
        Has the zero-shot model and the fine-tuned one.
    fine_tuned
        Name of the fine-tuned checkpoint, or the recipe of a soup of several.
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
    tuned = Recipe({fine_tuned: 1}) if isinstance(fine_tuned, str) else fine_tuned
    pool.require(tuned)
    return Recipe({pool.zero_shot: 1 - alpha}) + alpha * tuned
