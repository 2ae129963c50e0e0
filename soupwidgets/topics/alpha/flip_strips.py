"""The images that flip near an alpha, as a gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.panel.html import ImageCard, gallery
from soupwidgets.topics.alpha.flips import Flip, find_flips

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


def flip_gallery(
    title: str, flips: Sequence[Flip], images: Sequence[NDArray[np.uint8]], classes: Sequence[str], empty: str
) -> str:
    """Cards of images with what was predicted before and after.

    Parameters
    ----------
    title
        What the cards show.
    flips, images
        One image for each flip.
    classes
        Names of the classes.
    empty
        Said when there is no flip.
    """
    return gallery(title, [_flip(flip, image, classes) for flip, image in zip(flips, images, strict=True)], empty)


def _flip(flip: Flip, image: NDArray[np.uint8], classes: Sequence[str]) -> ImageCard:
    label, before, after = (classes[c] for c in (flip.label, flip.before, flip.after))
    if flip.fixed:
        verdict, colour, mark = "now right", "#0072B2", "\u2713"
    elif flip.broken:
        verdict, colour, mark = "now wrong", "#D55E00", "\u2717"
    else:
        verdict, colour, mark = "still wrong", "#767676", "\u2022"
    alt = f"image {flip.index}: {label}"
    return ImageCard(image, alt, label, f"{before} \u2192 {after}", mark, verdict, colour)
