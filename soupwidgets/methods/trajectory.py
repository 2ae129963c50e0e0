"""Averages along one training run: its checkpoints in the order in which they were saved."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.methods.method import soup_method
from soupwidgets.methods.uniform import average, chosen_ingredients
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe


@soup_method("ema", "EMA", paper="Tarvainen and Valpola, arXiv 1703.01780", ordered=True)
def ema(pool: Pool, trajectory: Sequence[str] | None = None, decay: float = 0.9) -> Recipe:
    """Exponential moving average of one run: the later a checkpoint, the more it counts.

    m_1 = theta_1, m_t = decay * m_(t-1) + (1 - decay) * theta_t.

    Parameters
    ----------
    pool
        The checkpoints.
    trajectory
        Names, the oldest first; the pool's fine-tuned models in its order when None.
    decay
        0..1; what is kept of the average at every step.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`; also when ``decay`` is outside of 0..1.

    Notes
    -----
    Polyak and Juditsky (1992), with exponential weights as in Tarvainen and Valpola, arXiv 1703.01780, section 2.

    Examples
    --------
    >>> ema(Pool.open("data/zoo/fashion"), ["ft-00", "ft-01", "ft-02"], decay=0.5)
    Recipe({'ft-00': 0.25, 'ft-01': 0.25, 'ft-02': 0.5})
    """
    names = chosen_ingredients(pool, trajectory)
    if not 0 <= decay <= 1:
        raise ValueError(f"decay is {decay}; it must lie between 0 and 1")
    mean = Recipe({names[0]: 1})
    for name in names[1:]:
        mean = decay * mean + (1 - decay) * Recipe({name: 1})
    return mean


@soup_method("swa", "SWA", paper="Izmailov et al., arXiv 1803.05407", ordered=True)
def swa(pool: Pool, trajectory: Sequence[str] | None = None, start: int = 0) -> Recipe:
    """Stochastic weight averaging: the plain average from one checkpoint of the run to its end.

    Parameters
    ----------
    pool
        The checkpoints.
    trajectory
        Names, the oldest first; the pool's fine-tuned models in its order when None.
    start
        Place of the first that counts, from 0.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`; also when nothing is left.

    Notes
    -----
    Izmailov et al., arXiv 1803.05407, section 3. Networks with batch
    normalisation are measured again by `Evaluator`.
    """
    names = chosen_ingredients(pool, trajectory)
    if not 0 <= start < len(names):
        raise ValueError(f"start is {start}; the trajectory has the places 0 to {len(names) - 1}")
    return average(names[start:])


@soup_method("lawa", "LAWA", paper="Kaddour, arXiv 2209.14981", ordered=True)
def lawa(pool: Pool, trajectory: Sequence[str] | None = None, last: int = 5) -> Recipe:
    """Latest weight averaging: the plain average of the ``last`` checkpoints of the run.

    Parameters
    ----------
    pool
        The checkpoints.
    trajectory
        Names, the oldest first; the pool's fine-tuned models in its order when None.
    last
        How many of the latest count, at least 1; all when there are fewer.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`; also when ``last`` is below 1.

    Notes
    -----
    Kaddour, arXiv 2209.14981, section 2.
    """
    names = chosen_ingredients(pool, trajectory)
    if last < 1:
        raise ValueError(f"last is {last}; at least one checkpoint is needed")
    return average(names[-last:])
