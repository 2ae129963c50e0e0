"""Kinds of mistakes along alpha: how many of those that people judged are left, and how many nobody has judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluation
from soupwidgets.stats.label_metrics import NOT_COUNTED
from soupwidgets.stats.simultaneous import simultaneous_intervals
from soupwidgets.suites import Split, Suite

Kinds = Literal["category", "severity"]

NOT_JUDGED, NOT_SAID, DISPUTED = "not judged", "not said", "disputed"
# What is no kind that anybody named, in this order below those that are.
OTHER = (DISPUTED, NOT_SAID, NOT_JUDGED)
# Places in a split have fewer.
_DIGITS = 12


class Judged(Protocol):
    """A mistake that somebody judged, as a `soupwidgets.mistakes.Mistake` is one."""

    @property
    def image(self) -> str:
        """Name of the image in the data set, or its place in the split."""

    @property
    def prediction(self) -> int:
        """The class that was predicted."""

    @property
    def category(self) -> str | None:
        """What kind of mistake it is, if that was said."""

    @property
    def severity(self) -> str | None:
        """How bad it is, if that was said."""


@dataclass(frozen=True, eq=False)
class KindCurve:
    """How many mistakes of one kind there are along alpha.

    Parameters
    ----------
    name
        The category or severity; ``"disputed"`` where judgements differ, ``"not said"`` where none names one, and
        ``"not judged"`` for mistakes that nobody has judged.
    images
        How many images the split has.
    alphas
        Rising, ``[alphas]``.
    counts
        Images that are mistaken in this way, ``[alphas]``.
    interval
        95% limits of the counts among as many images, for all kinds and alphas at once, ``[alphas, 2]``.
    """

    name: str
    images: int
    alphas: tuple[float, ...]
    counts: NDArray[np.int64]
    interval: NDArray[np.float64]


def mistake_kinds(
    measured: Mapping[float, Evaluation],
    suite: Suite,
    judged: Iterable[Judged],
    split: Split | None = None,
    *,
    by: Kinds = "category",
) -> list[KindCurve]:
    """Count the mistakes of each kind along alpha.

    Parameters
    ----------
    measured
        Alpha to an exact evaluation; without any there are no curves.
    judged
        Mistakes on this split, such as `soupwidgets.review.reviewed_mistakes` or the ``mistakes`` of
        `soupwidgets.mistakes.read_mistakes` gives them. A judgement is of an image and a prediction: who takes the same
        image for another class makes a mistake that was not judged.
    split
        Where; the ID test when None. With sets of labels (`soupwidgets.Suite.with_label_sets`) a prediction that these
        accept is no mistake, and images that do not count make none.
    by
        What kinds are.

    Returns
    -------
    list[KindCurve]
        Those that occur most among the judgements first, then ``"disputed"``, ``"not said"`` and ``"not judged"``. At
        every alpha the counts of all kinds add up to the number of mistakes.

    Raises
    ------
    ValueError
        When examples have not one label, or no judgement is of an image of the split.

    Notes
    -----
    Vasudevan et al., arXiv 2205.04596, on what the remaining mistakes are. Intervals are `simultaneous_intervals`; they
    are of the images, and know nothing of what those that were not judged would have been called.
    """
    where = split or suite.id_test
    if where.scoring.task != "single-label":
        raise ValueError(f"{where.name!r} has {where.scoring.task} labels, and no example is taken for another class")
    said = _by_mistake(judged, where, by)
    if not measured:
        return []
    alphas = sorted(measured)
    kinds = [_kinds_of(measured[alpha], where, said) for alpha in alphas]
    names = _names(said)
    is_kind = np.array([own == name for name in names for own in kinds])
    limits = simultaneous_intervals(is_kind, [np.ones(len(where), bool)])[0].reshape(len(names), len(alphas), 2)
    counts = is_kind.sum(axis=1).reshape(len(names), len(alphas))
    return [
        KindCurve(name, len(where), tuple(alphas), counts[i], len(where) * limits[i]) for i, name in enumerate(names)
    ]


def mistaken(evaluation: Evaluation, split: Split) -> NDArray[np.bool_]:
    """Whether each example is a mistake, ``[n]``: by sets of labels where the split has them."""
    predictions = _predictions(evaluation, split)
    accepted = split.accepted
    if accepted is None:
        return np.asarray(predictions != split.labels)
    return np.asarray(~(accepted == predictions[:, None]).any(axis=1) & (accepted[:, 0] != NOT_COUNTED))


def _predictions(evaluation: Evaluation, split: Split) -> NDArray[np.int64]:
    logits = evaluation.split_logits(split.name)
    # As everywhere, a logit that is not finite is no answer.
    return np.where(np.isfinite(logits).all(axis=1), logits.argmax(axis=1), -1)


def _by_mistake(judged: Iterable[Judged], split: Split, by: Kinds) -> dict[tuple[int, int], str]:
    """Place and prediction to the kind that was named, one for all judgements of it."""
    place = {name: row for row, name in enumerate(split.file_names or ())}
    views: dict[tuple[int, int], set[str]] = {}
    given = 0
    for one in judged:
        given += 1
        # A data set's own names may be numbers: they come first.
        row = place.get(one.image, int(one.image) if one.image.isdecimal() and len(one.image) < _DIGITS else -1)
        if not 0 <= row < len(split):
            continue
        kind = one.category if by == "category" else one.severity
        named = views.setdefault((row, int(one.prediction)), set())
        # Kinds that have the names of ours are still theirs.
        named |= set() if kind is None else {repr(kind) if kind in OTHER else kind}
    if not views:
        raise ValueError(
            f"none of {given:,} judged mistakes is on an image of {split.name!r}: judge some, or name their split"
        )
    return {
        mistake: NOT_SAID if not named else DISPUTED if len(named) > 1 else next(iter(named))
        for mistake, named in views.items()
    }


def _names(said: Mapping[tuple[int, int], str]) -> list[str]:
    found = list(said.values())
    own = sorted({*found} - {*OTHER}, key=lambda name: (-found.count(name), name))
    return [*own, *(name for name in OTHER if name in found or name == NOT_JUDGED)]


def _kinds_of(evaluation: Evaluation, split: Split, said: Mapping[tuple[int, int], str]) -> NDArray[np.str_]:
    """The kind of each example's mistake, ``[n]``; empty where there is none."""
    predictions = _predictions(evaluation, split).tolist()
    return np.array(
        [
            said.get((row, predictions[row]), NOT_JUDGED) if wrong else ""
            for row, wrong in enumerate(mistaken(evaluation, split))
        ],
        dtype=np.str_,
    )
