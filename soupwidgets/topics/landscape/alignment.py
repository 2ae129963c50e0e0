"""What alignment changes: the same line between two models, before and after one of them is permuted."""

from __future__ import annotations

from soupwidgets.evaluation import Evaluator, Recalibration
from soupwidgets.topics.landscape.line import LandscapeLine
from soupwidgets.topics.landscape.line import line as landscape_line

BEFORE, AFTER, RECOMPUTED = "as trained", "aligned", "aligned, statistics recomputed"


def alignment_lines(
    ev: Evaluator,
    first: str,
    second: str,
    *,
    aligned: str,
    steps: int = 21,
    split: str | None = None,
    recalibration: Recalibration | None = None,
    progress: bool = True,
) -> dict[str, LandscapeLine]:
    """Measure the line between two checkpoints, and the line to the second one after it was aligned.

    Parameters
    ----------
    ev
        Evaluator of a pool with all three; what is in its store is not computed again.
    first
        The checkpoint that was aligned to.
    second
        The checkpoint as it was trained.
    aligned
        The same with its units reordered, the output of `align`.
    steps
        Number of evenly spaced points from one to the other, including both; at least 2.
    split
        Where to measure; the validation split when None.
    recalibration
        Adds a third line, on which the statistics of batch normalisation are measured again at every point.
    progress
        Whether to show progress bars.

    Returns
    -------
    dict[str, LandscapeLine]
        By treatment: ``"as trained"``, ``"aligned"`` and, with ``recalibration``, ``"aligned, statistics recomputed"``.

    Raises
    ------
    ValueError, PoolError, KeyError
        As in `line`.

    Notes
    -----
    Ainsworth et al., arXiv 2209.04836, section 5; statistics: Jordan et al., arXiv 2211.08403.
    """
    ends: dict[str, tuple[str, Recalibration | None]] = {BEFORE: (second, None), AFTER: (aligned, None)}
    if recalibration is not None:
        ends[RECOMPUTED] = (aligned, recalibration)
    return {
        treatment: landscape_line(
            ev, first, end, steps=steps, split=split, beyond=0, recalibration=again, progress=progress
        )
        for treatment, (end, again) in ends.items()
    }
