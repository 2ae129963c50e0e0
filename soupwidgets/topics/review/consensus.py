"""Where reviewers agree and where they do not: by kind of image and question, and never by person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from soupwidgets.suites import Split
from soupwidgets.topics.review.content import Image, Judgement
from soupwidgets.topics.review.views import View

QUESTIONS: Mapping[str, Callable[[Judgement], object]] = {
    "labels": lambda j: (j.correct, j.unclear, j.wrong) if j.correct or j.unclear or j.wrong else None,
    "problematic": lambda j: j.problematic,
    "kind of mistake": lambda j: j.category,
    "severity": lambda j: j.severity,
}


@dataclass(frozen=True)
class Consensus:
    """How far those who judged the same images of one class say the same.

    Parameters
    ----------
    of
        Name of the images' original class.
    question
        What they were asked, one of `QUESTIONS`.
    images
        Number of images with at least two answers.
    agreement
        Share (0..1) of pairs of answers to an image that are the same, averaged over the images; NaN without one.
    all_agree
        Number of images on which everybody who answered says the same.
    """

    of: str
    question: str
    images: int
    agreement: float
    all_agree: int


def consensus(known: View, split: Split, classes: Sequence[str]) -> list[Consensus]:
    """Map where reviewers agree: for each original class and question.

    Who says what is not in it, and nobody is compared with anybody: with whom the others agree is not a measure of who
    is right.

    Parameters
    ----------
    classes
        Names of the classes.

    Returns
    -------
    list[Consensus]
        Classes in their order, and within each the questions in theirs; without those that nobody answered twice.

    Notes
    -----
    The observed agreement of Fleiss (1971), Psychological Bulletin 76, without a correction for chance, which needs
    answers to many images: for that, see `agreement`.
    """
    found = []
    said = {image: list(by.values()) for image, by in known.by_image().items() if image.split == split.name}
    for c, name in enumerate(classes):
        here = {image: given for image, given in said.items() if int(split.labels[image.row]) == c}
        found += [_consensus(name, question, here) for question in QUESTIONS]
    return [one for one in found if one.images]


def _consensus(name: str, question: str, here: Mapping[Image, Sequence[Judgement]]) -> Consensus:
    answers = [[a for j in given if (a := QUESTIONS[question](j)) is not None] for given in here.values()]
    shares = [np.mean([a == b for a, b in combinations(some, 2)]) for some in answers if len(some) > 1]
    mean = float(np.mean(shares)) if shares else float("nan")
    return Consensus(name, question, len(shares), mean, sum(share == 1 for share in shares))
