"""How far reviewers agree, beyond chance."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation.intervals import LEVEL
from soupwidgets.review.views import Image, Judgement, View

_DRAWS = 500
_SEED = 0


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha on one question.

    Parameters
    ----------
    question
        What reviewers said yes or no to.
    alpha, low, high
        1 is full agreement, 0 is chance; with a 95% bootstrap interval over images. NaN where it is not defined:
        too few answers, or everybody always said the same.
    images, answers
        How many images have at least two answers, and how many answers these are.
    said_yes
        How many of the answers.
    """

    question: str
    alpha: float
    low: float
    high: float
    images: int
    answers: int
    said_yes: int


def agreement(known: View, split: str) -> list[Agreement]:
    """How far reviewers agree on each category, each severity, on 'problematic', and on whether the label is right.

    Parameters
    ----------
    known
        The session.
    split
        Whose images.

    Returns
    -------
    list[Agreement]
        A question is answered by whoever named any category (any severity): no for those that they did not name.
        The prediction's question is answered by whoever said whether it is a right label.

    Notes
    -----
    Krippendorff (2019), 'Content Analysis', chapter 12 (nominal), by the library ``krippendorff``.
    """
    of = {image: said for image, said in known.by_image().items() if image.split == split}
    questions: dict[str, Callable[[Judgement], bool | None]] = {}
    for id, term in known.categories.items():
        questions[term.name] = partial(_names, "category", id)
    for id, term in known.severities.items():
        questions[f"severity: {term.name}"] = partial(_names, "severity", id)
    questions["problematic"] = lambda j: j.problematic
    questions["the prediction is a right label"] = _accepts_prediction
    return [_agreement(name, of, answer) for name, answer in questions.items()]


def krippendorff_alpha(table: NDArray[np.float64]) -> float:
    """Krippendorff's alpha of nominal answers ``[reviewers, images]``, NaN for none given; NaN if not defined."""
    answers = (~np.isnan(table)).sum(axis=0)
    pairable = table[:, answers >= 2]
    if not pairable.size or len(np.unique(pairable[~np.isnan(pairable)])) < 2:
        return float("nan")
    library = importlib.import_module("krippendorff")
    return float(library.alpha(reliability_data=pairable, level_of_measurement="nominal"))


def _agreement(
    question: str, of: Mapping[Image, Mapping[str, Judgement]], answer: Callable[[Judgement], bool | None]
) -> Agreement:
    reviewers = sorted({author for said in of.values() for author in said})
    table = np.full((len(reviewers), len(of)), np.nan)
    for i, said in enumerate(of.values()):
        for author, judgement in said.items():
            given = answer(judgement)
            if given is not None:
                table[reviewers.index(author), i] = given
    table = table[:, (~np.isnan(table)).sum(axis=0) >= 2]
    alpha = krippendorff_alpha(table)
    low = high = float("nan")
    if alpha == alpha:
        rng = np.random.default_rng(_SEED)
        drawn = [krippendorff_alpha(table[:, rng.integers(0, table.shape[1], table.shape[1])]) for _ in range(_DRAWS)]
        known = [a for a in drawn if a == a]
        low, high = (float(q) for q in np.quantile(known, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]))
    answers = int((~np.isnan(table)).sum())
    return Agreement(question, alpha, low, high, table.shape[1], answers, int(np.nansum(table)))


def _names(what: str, id: str, judgement: Judgement) -> bool | None:
    named = getattr(judgement, what)
    return None if named is None else named == id


def _accepts_prediction(judgement: Judgement) -> bool | None:
    if judgement.prediction is None:
        return None
    if judgement.prediction in judgement.correct | judgement.unclear:
        return True
    return False if judgement.prediction in judgement.wrong else None
