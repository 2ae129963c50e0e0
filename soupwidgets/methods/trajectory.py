"""Averages along one training run: its checkpoints in the order in which they were saved."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.evaluation import Evaluator
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


@soup_method("swad", "SWAD", paper="Cha et al., arXiv 2102.08604", ordered=True)
def swad(
    ev: Evaluator,
    trajectory: Sequence[str] | None = None,
    *,
    converged: int = 3,
    patience: int = 6,
    tolerance: float = 1.3,
) -> Recipe:
    """Average densely along a run, from where the validation loss stops falling to where it begins to rise again.

    Parameters
    ----------
    ev
        Evaluator of the pool. Only the validation split is looked at.
    trajectory
        Names, the oldest first; the pool's fine-tuned models in its order when None.
    converged
        The paper's N_s: the average begins at the first checkpoint whose loss none of the next ``converged`` - 1 is
        below.
    patience
        The paper's N_e: it ends before the first ``patience`` checkpoints in a row whose losses are all too high.
    tolerance
        The paper's r: too high is more than this times the mean loss of the first ``converged`` checkpoints in it.

    Returns
    -------
    Recipe
        Equal coefficients of a part of the run.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`; also when a number is out of its range.

    Notes
    -----
    Cha et al., arXiv 2102.08604, section 3.2 and algorithm 1, whose iterations are the checkpoints of the run here.
    If the loss never stops falling, the whole run is averaged.
    """
    names = chosen_ingredients(ev.pool, trajectory)
    split = ev.suite.validation.name
    with ev.ahead([Recipe({name: 1}) for name in names], split):
        losses = [ev.evaluate(Recipe({name: 1}), split).loss[split] for name in names]
    start, end = flat_part(losses, converged, patience, tolerance)
    return average(names[start:end])


def flat_part(losses: Sequence[float], converged: int, patience: int, tolerance: float) -> tuple[int, int]:
    """Where the average of `swad` begins and ends, as for a slice.

    Parameters
    ----------
    losses
        Validation losses along the run.
    converged, patience, tolerance
        As in `swad`.

    Raises
    ------
    ValueError
        When one of them is out of its range.

    Examples
    --------
    >>> flat_part([9, 4, 2, 3, 2.5, 2, 2.4, 4, 5, 6], converged=3, patience=2, tolerance=1.2)
    (2, 7)
    """
    if converged < 1 or patience < 1 or not tolerance > 0:
        raise ValueError(
            f"converged is {converged}, patience {patience} and tolerance {tolerance}; the first two must be at least "
            "1, and the tolerance above 0"
        )
    begins = (i for i in range(len(losses) - converged + 1) if losses[i] == min(losses[i : i + converged]))
    start = next(begins, None)
    if start is None:
        return 0, len(losses)
    limit = tolerance / converged * sum(losses[start : start + converged])
    for last in range(start + converged, len(losses)):
        if min(losses[max(0, last - patience + 1) : last + 1]) > limit:
            return start, max(last - patience + 1, start + 1)
    return start, len(losses)
