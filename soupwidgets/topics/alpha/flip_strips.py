"""The images or texts that flip near an alpha, as pictures."""

from __future__ import annotations

from collections.abc import Mapping

from soupwidgets.evaluation import Evaluation
from soupwidgets.panel.examples import examples_word, picture_of
from soupwidgets.panel.view import Strip
from soupwidgets.suites import Split, Suite
from soupwidgets.topics.alpha.flips import find_flips
from soupwidgets.translation import N_, grouped
from soupwidgets.translation import gettext as _

SHOWN = 12
# What a panel adds to the title: a click shows the image along alpha.
FOLLOWED = N_(". Click one to follow it")
_FLIPPING = {
    "images": N_(
        "Images of '{split}' that flip between alpha {low} and {high}: {flips} of {total} "
        "({fixed} become right, {broken} become wrong)"
    ),
    "texts": N_(
        "Texts of '{split}' that flip between alpha {low} and {high}: {flips} of {total} "
        "({fixed} become right, {broken} become wrong)"
    ),
    "examples": N_(
        "Examples of '{split}' that flip between alpha {low} and {high}: {flips} of {total} "
        "({fixed} become right, {broken} become wrong)"
    ),
}


def flips_near(suite: Suite, measured: Mapping[float, Evaluation], alpha: float, split: Split) -> Strip | None:
    """Show the images whose prediction changes between the measured alphas around ``alpha``.

    Parameters
    ----------
    alpha
        Where to look: between the nearest measured alpha below and the nearest above.

    Returns
    -------
    Strip or None
        Twelve images at most, those nearest to ``alpha`` first, and how many there are in all; None where too
        little is measured. A click sets the control ``image``.
    """
    below = [a for a in measured if a < alpha]
    above = [a for a in measured if a > alpha]
    around = [max(below)] if below else []
    around += [alpha] if alpha in measured else []
    around += [min(above)] if above else []
    if len(around) < 2:
        return None
    low, high = around[0], around[-1]
    before, after = (measured[end].split_logits(split.name) for end in (low, high))
    flips = find_flips(before, after, split.labels)
    fixed, broken = sum(f.fixed for f in flips), sum(f.broken for f in flips)
    place = (alpha - low) / (high - low)
    nearest = sorted(flips, key=lambda flip: (abs(flip.crossing - place), flip.index))[:SHOWN]
    names = suite.class_names(split.name)
    pictures = []
    for flip in nearest:
        verdict, mark, tone = (_("still wrong"), "\u2022", "neutral")
        if flip.fixed:
            verdict, mark, tone = _("now right"), "\u2713", "good"
        elif flip.broken:
            verdict, mark, tone = _("now wrong"), "\u2717", "bad"
        label, said = names[flip.label], f"{names[flip.before]} \u2192 {names[flip.after]}"
        known = {"said": said, "verdict": verdict, "mark": mark, "tone": tone, "key": flip.index}
        pictures.append(picture_of(split, flip.index, label=label, **known))
    title = _(_FLIPPING[examples_word(suite)]).format(
        split=split.name,
        low=f"{low:g}",
        high=f"{high:g}",
        flips=len(flips),
        total=grouped(len(split)),
        fixed=fixed,
        broken=broken,
    ) + _(FOLLOWED)
    return Strip(title, pictures, _("No prediction changes here."), sets="image")
