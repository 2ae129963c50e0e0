"""From a reviewed random sample to the whole split: mistakes that are none, and mistakes nobody had noticed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.finite_population import Part, stratified_share
from soupwidgets.suites import Split
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.review.content import Image, Judgement
from soupwidgets.topics.review.label_set import Rule, distribution, settle
from soupwidgets.topics.review.samples import MISTAKES, RIGHT, Sample
from soupwidgets.topics.review.views import View

# What reviewers say of a prediction; 'perhaps' is neither of its neighbours, and is added to none of them.
Outcome = Literal["right", "perhaps", "not right", "problematic"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
ALL = "all images"
# How much of the sample's beginning may have been passed over: beyond that, what was looked at was chosen.
_MOST_SKIPPED = 0.1


@dataclass(frozen=True)
class Shares:
    """What reviewers say of a model's predictions, counted up from a sample.

    Parameters
    ----------
    of
        Which predictions: mistakes by the original label, right ones by it, or all.
    images
        How many of these the split has.
    seen, unsaid
        How many of them were looked at, and of how many of these nobody said what the prediction is.
    counts
        Of those looked at, how many each outcome has.
    shares
        The share (0..1) that each outcome has among all of the split's, with its 95% interval; NaN where nothing is
        known of a part of them.
    """

    of: str
    images: int
    seen: int
    unsaid: int
    counts: Mapping[Outcome, int]
    shares: Mapping[Outcome, Estimate]


@dataclass(frozen=True)
class Extrapolation:
    """What a reviewed sample says of a model on the whole split.

    Parameters
    ----------
    sample, model
        The sample, and the name of the model.
    looked_at
        How much of the sample counts: its beginning, as far as at most a tenth was passed over.
    blind
        How many of these were judged blind by everybody who judged them.
    shares
        Of mistakes, of right predictions, and of all images.
    """

    sample: Sample
    model: str
    looked_at: int
    blind: int
    shares: tuple[Shares, ...]

    def __repr__(self) -> str:
        return (
            f"Extrapolation({self.model!r}, {self.looked_at} of {len(self.sample.rows)} images of {self.sample.name!r})"
        )


def outcome(said: Iterable[Judgement], predicted: int, rule: Rule = "all views") -> Outcome | None:
    """What reviewers together say of a prediction for an image; None if nobody says anything of it.

    Parameters
    ----------
    said
        Judgements of the image. Whoever judged blind chose from all classes, so a class that they did not mark is not
        right; others may have marked the prediction, or not.
    predicted
        The predicted class; -1 is no class, and never right.
    rule
        As in `settle`.

    Examples
    --------
    >>> from soupwidgets.topics.review import Image
    >>> blind = Judgement(Image("test", 0), correct=frozenset({1}), unclear=frozenset({2}), blind=True)
    >>> [outcome([blind], c) for c in (1, 2, 3)]
    ['right', 'perhaps', 'not right']
    >>> outcome([replace(blind, blind=False)], 3) is None
    True
    """
    given = [_complete(one, predicted) for one in said if one.filed]
    given = [one for one in given if one.problematic or predicted in one.correct | one.unclear | one.wrong]
    if not given:
        return None
    labels = settle(distribution(given), rule)
    if labels.problematic:
        return "problematic"
    if predicted in labels.correct:
        return "right"
    return "perhaps" if predicted in labels.unclear else "not right"


def extrapolate(known: View, sample: Sample, model: Member, split: Split, rule: Rule = "all views") -> Extrapolation:
    """Count up from a reviewed sample to all images of its split.

    Of interest are the mistakes that reviewers call right (accepted), and the right predictions that they call not
    right (missed): a review of mistakes alone finds the first and none of the second.

    Parameters
    ----------
    sample
        A sample of the session, ``known.samples``.
    model
        Any model: it need not be the one whose mistakes were drawn separately.
    rule
        How several judgements of an image become one, as in `settle`.

    Returns
    -------
    Extrapolation
        Only the beginning of the sample counts, as far as at most one image in ten was passed over; those are in the
        limits of each share, once as having the outcome and once as not.

    Raises
    ------
    ValueError
        When the sample was drawn from another split.

    Notes
    -----
    In each stratum, the images looked at are a random sample without replacement, of the model's mistakes there as well
    as of its right predictions, and how many of these there are is known for the whole split: so each is a part of its
    own (`stratified_share`). arXiv 2205.04596 reviews all mistakes of a model and none of its right predictions.
    """
    if sample.split != split.name or len(sample.of) != len(split):
        raise ValueError(f"the sample was drawn from {sample.split!r}, not from this {split.name!r}")
    predictions, said = model.predictions(split.name), known.by_image()
    judged = [said.get(Image(split.name, row), {}) for row in sample.rows]
    counted = _beginning([bool(one) for one in judged])
    rows = np.array(sample.rows[:counted], dtype=np.int64)
    found = [outcome(one.values(), int(predictions[row]), rule) for row, one in zip(rows, judged, strict=False)]
    blind = sum(bool(one) and all(j.blind for j in one.values()) for one in judged[:counted])
    right = predictions == split.labels
    shares = tuple(
        _shares(name, where, sample.stratum, rows, found)
        for name, where in ((MISTAKES, [~right]), (RIGHT, [right]), (ALL, [~right, right]))
    )
    return Extrapolation(sample, model.name, counted, blind, shares)


def _shares(
    name: str,
    where: list[NDArray[np.bool_]],
    stratum: NDArray[np.int64],
    rows: NDArray[np.int64],
    found: list[Outcome | None],
) -> Shares:
    parts = [inside & (stratum == number) for inside in where for number in range(int(stratum.max()) + 1)]
    seen = [[one for row, one in zip(rows, found, strict=True) if part[row]] for part in parts]
    shares = {
        kind: stratified_share([
            Part(int(part.sum()), len(some), some.count(kind), some.count(None))
            for part, some in zip(parts, seen, strict=True)
        ])
        for kind in OUTCOMES
    }  # fmt: skip
    together = [one for some in seen for one in some]
    counts = {kind: together.count(kind) for kind in OUTCOMES}
    return Shares(name, sum(int(part.sum()) for part in parts), len(together), together.count(None), counts, shares)


def _complete(judgement: Judgement, predicted: int) -> Judgement:
    said = judgement.correct | judgement.unclear | judgement.wrong
    sure = judgement.blind or predicted < 0
    return replace(judgement, wrong=judgement.wrong | {predicted}) if sure and predicted not in said else judgement


def _beginning(judged: list[bool]) -> int:
    """The longest beginning that ends with a judged image, and of which at most a tenth was passed over."""
    passed = np.cumsum(~np.array(judged, dtype=bool)) if judged else np.zeros(0)
    ends = [i + 1 for i, one in enumerate(judged) if one and passed[i] <= _MOST_SKIPPED * (i + 1)]
    return max(ends, default=0)
