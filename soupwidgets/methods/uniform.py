"""The uniform soup: the plain average."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.methods.advice import warn
from soupwidgets.methods.method import soup_method
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe


@soup_method("uniform", "Uniform", paper="Wortsman et al., arXiv 2203.05482")
def uniform_soup(pool: Pool, ingredients: Sequence[str] | None = None) -> Recipe:
    """The plain average of the ingredients.

    Parameters
    ----------
    pool
        The checkpoints.
    ingredients
        Names to average; the pool's fine-tuned models when None.

    Raises
    ------
    PoolError
        When a name is not in the pool.
    ValueError
        When there is no ingredient, or one is named twice.

    Warns
    -----
    SoupWarning
        When the zero-shot model is among several ingredients.

    Notes
    -----
    Wortsman et al., arXiv 2203.05482, section 2, 'uniform soup'.

    Examples
    --------
    >>> uniform_soup(Pool.open("data/zoo/fashion"), ["ft-00", "ft-01"])
    Recipe({'ft-00': 0.5, 'ft-01': 0.5})
    """
    names = chosen_ingredients(pool, ingredients)
    initial = [name for name in names if pool.checkpoints[name].card.role == "zero_shot"]
    if initial and len(names) > 1:
        warn(
            f"{initial[0]!r} is the zero-shot model, the initialisation of the others: in a uniform soup it pulls "
            f"the average back by 1/{len(names)} of the way. Leave it out, or use wise_ft to choose how far to go back."
        )
    return average(names)


def average(names: Sequence[str]) -> Recipe:
    """Equal coefficients that sum to 1."""
    return Recipe({name: 1 / len(names) for name in names})


def as_recipe(pool: Pool, soup: str | Recipe | Sequence[str] | None) -> Recipe:
    """One model by its name, a recipe as it is, and the `uniform_soup` of several names or, when None, of all."""
    if isinstance(soup, Recipe):
        pool.require(soup)
        return soup
    return uniform_soup(pool, [soup] if isinstance(soup, str) else soup)


def chosen_ingredients(pool: Pool, names: Sequence[str] | None) -> list[str]:
    """The names, or the pool's fine-tuned models when None; `uniform_soup` says what is refused."""
    chosen = pool.fine_tuned if names is None else list(names)
    pool.require(chosen)
    if not chosen and names is None:
        raise ValueError(
            "no checkpoint of the pool is said to be fine-tuned: name the ingredients that you mean; "
            f"it has {', '.join(pool.names)}"
        )
    if not chosen:
        raise ValueError("a soup needs at least one ingredient, and none was named")
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"an ingredient is named twice in {chosen}")
    return chosen
