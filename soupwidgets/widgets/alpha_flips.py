"""The images that flip near an alpha, as a gallery."""

from __future__ import annotations

from collections.abc import Mapping

from soupwidgets.analysis import find_flips
from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.widgets.html import flip_gallery

SHOWN = 12


def flips_near(ev: Evaluator, measured: Mapping[float, Evaluation], alpha: float, shift: str | None) -> str:
    """HTML of the images whose prediction changes between the measured alphas around ``alpha``.

    Parameters
    ----------
    ev
        Has the suite with the images.
    measured
        Exact evaluations by alpha.
    alpha
        Where to look: between the nearest measured alpha below and the nearest above.
    shift
        The split to look at; the ID test when None.

    Returns
    -------
    str
        Twelve images at most, those nearest to ``alpha`` first, and how many there are in all.
    """
    below = [a for a in measured if a < alpha]
    above = [a for a in measured if a > alpha]
    around = [max(below)] if below else []
    around += [alpha] if alpha in measured else []
    around += [min(above)] if above else []
    if len(around) < 2:
        return ""
    low, high = around[0], around[-1]
    split = ev.suite.splits[shift] if shift else ev.suite.id_test
    before, after = (measured[end].split_logits(split.name) for end in (low, high))
    flips = find_flips(before, after, split.labels)
    fixed, broken = sum(f.fixed for f in flips), sum(f.broken for f in flips)
    place = (alpha - low) / (high - low)
    nearest = sorted(flips, key=lambda flip: (abs(flip.crossing - place), flip.index))[:SHOWN]
    title = (
        f"Images of '{split.name}' that flip between alpha {low:g} and {high:g}: {len(flips)} of {len(split):,} "
        f"({fixed} become right, {broken} become wrong)"
    )
    images = [split.images[flip.index] for flip in nearest]
    return flip_gallery(title, nearest, images, ev.suite.class_names(split.name), "No prediction changes here.")
