"""The line between two models as it is, after alignment, and with statistics of batch normalisation of its own."""

from __future__ import annotations

from soupwidgets.evaluation import Evaluator
from soupwidgets.topics.landscape.line import LandscapeLine
from soupwidgets.topics.landscape.line import line as landscape_line

BEFORE, AFTER = "as trained", "aligned"
RECOMPUTED, BOTH = "as trained, statistics recomputed", "aligned, statistics recomputed"


def alignment_lines(
    ev: Evaluator,
    first: str,
    second: str,
    *,
    aligned: str | None = None,
    steps: int = 21,
    split: str | None = None,
    progress: bool = True,
) -> dict[str, LandscapeLine]:
    """Measure the line between two checkpoints under every treatment that may lower its barrier.

    Parameters
    ----------
    ev
        Evaluator of a pool with all of them; what is in its store is not computed again.
    first
        The checkpoint that was aligned to.
    second
        The checkpoint as it was trained.
    aligned
        The same with its units reordered, the output of `align`; no such line when None.
    steps
        Number of evenly spaced points from one to the other, including both; at least 2.
    split
        Where to measure; the validation split when None.
    progress
        Whether to show progress bars.

    Returns
    -------
    dict[str, LandscapeLine]
        By treatment: ``"as trained"``, ``"aligned"``, and for models with batch normalisation each again with
        ``"statistics recomputed"``; the plain ones then average the statistics like weights.

    Raises
    ------
    ValueError, PoolError, KeyError
        As in `line`.

    Notes
    -----
    Ainsworth et al., arXiv 2209.04836, section 5; statistics: Jordan et al., arXiv 2211.08403.
    """
    plain = ev.with_batch_norm("average")
    ends = {BEFORE: (plain, second)} | ({AFTER: (plain, aligned)} if aligned else {})
    if ev.note:
        again = ev if ev.recalibration else ev.with_batch_norm("recompute")
        ends |= {RECOMPUTED: (again, second)} | ({BOTH: (again, aligned)} if aligned else {})
    return {
        treatment: landscape_line(one, first, end, steps=steps, split=split, beyond=0, progress=progress)
        for treatment, (one, end) in ends.items()
    }
