"""What a panel is given, looked at before anything else."""

from __future__ import annotations

from typing import Any

from soupwidgets.evaluation import Evaluator
from soupwidgets.pool import Pool, PoolError


def evaluator_for(explorer: str, given: Any) -> Evaluator:
    """The evaluator that an explorer was given.

    Raises
    ------
    TypeError
        When it was given something else; it says what to write.
    """
    if isinstance(given, Evaluator):
        return given
    it = "a " + type(given).__name__
    write = f'{explorer}(Evaluator(pool, suite)), with pool = Pool.open("...") and suite = Suite.open("...")'
    raise TypeError(f"{explorer} explores what an Evaluator measures, and was given {it}: write {write}")


def fine_tuned_models(explorer: str, pool: Pool) -> list[str]:
    """Names of a pool's models between which and the zero-shot model alpha goes, at least one.

    Raises
    ------
    PoolError
        When there is none.
    """
    names = [*pool.fine_tuned, *pool.bad_ingredients]
    if not names:
        there = ", ".join(pool.names[:5]) or "nothing"
        raise PoolError(
            f"{explorer} goes from the zero-shot model to a fine-tuned one, and the pool has none (there is {there}): "
            "open a folder that has both, or a list of their files"
        )
    return names
