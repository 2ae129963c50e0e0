"""Two models' reviewed mistakes, image by image: which they share, and how they are judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.stats.paired import PairedTest, mcnemar
from soupwidgets.topics.mistakes.taxonomy import Mistake

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SharedCount:
    """How many of some mistakes have a property.

    Parameters
    ----------
    what
        The property, of which mistakes.
    count, total
        How many have it, and how many there are.
    interval
        95% Clopper-Pearson interval of the share; NaN where there are none.
    """

    what: str
    count: int
    total: int
    interval: tuple[float, float]

    @property
    def share(self) -> float:
        """The share, 0..1; NaN where there are none."""
        return self.count / self.total if self.total else float("nan")


@dataclass(frozen=True)
class ReviewComparison:
    """The mistakes of two models on the same images.

    Parameters
    ----------
    names
        Of the two models.
    only_first, only_second
        Mistakes on images that the other model gets right.
    both
        Pairs of mistakes on the same image, the first model's first; sorted by the image's name.
    images
        How many images were scored; of published reviews, which name mistakes alone, those that have one.
    """

    names: tuple[str, str]
    only_first: tuple[Mistake, ...]
    only_second: tuple[Mistake, ...]
    both: tuple[tuple[Mistake, Mistake], ...]
    images: int

    @cached_property
    def same_prediction(self) -> tuple[tuple[Mistake, Mistake], ...]:
        """Those of `both` in which the models predict the same class."""
        return tuple(pair for pair in self.both if pair[0].prediction == pair[1].prediction)

    @cached_property
    def major_in_both(self) -> tuple[tuple[Mistake, Mistake], ...]:
        """Those of `both` that are rated major for each model."""
        return tuple(pair for pair in self.both if all(one.severity == "major" for one in pair))

    @property
    def counts(self) -> list[SharedCount]:
        """Shares of the mistakes, with their intervals.

        The rows on reviewers say how often the same prediction on the same image was judged alike.
        """
        first, second = len(self.only_first) + len(self.both), len(self.only_second) + len(self.both)
        rated = [p for p in self.same_prediction if all(one.severity for one in p)]
        named = [p for p in self.same_prediction if all(one.category for one in p)]
        as_severe = sum(a.severity == b.severity for a, b in rated)
        of_one_kind = sum(a.category == b.category for a, b in named)
        either = first + second - len(self.both)
        return [
            _count("mistakes of either that both make", len(self.both), either),
            _count(f"mistakes of {self.names[0]} that {self.names[1]} makes too", len(self.both), first),
            _count(f"mistakes of {self.names[1]} that {self.names[0]} makes too", len(self.both), second),
            _count("shared mistakes with the same prediction", len(self.same_prediction), len(self.both)),
            _count("shared mistakes that are major in both", len(self.major_in_both), len(self.both)),
            _count(
                "shared mistakes with the same prediction that are major in both",
                sum(pair in self.same_prediction for pair in self.major_in_both),
                len(self.both),
            ),
            _count("same predictions judged equally severe", as_severe, len(rated)),
            _count("same predictions put into one category", of_one_kind, len(named)),
        ]  # fmt: skip

    @property
    def mistakes(self) -> PairedTest:
        """McNemar's test of the number of mistakes; ``difference`` is the second model's accuracy minus the first's."""
        return _paired(len(self.only_second), len(self.only_first), self.images)

    @property
    def major(self) -> PairedTest:
        """The same of major mistakes alone: an image counts as right where a model makes none."""
        first = sum(m.severity == "major" for m in (*self.only_first, *(a for a, _ in self.both)))
        second = sum(m.severity == "major" for m in (*self.only_second, *(b for _, b in self.both)))
        return _paired(second - len(self.major_in_both), first - len(self.major_in_both), self.images)

    def to_frame(self) -> pd.DataFrame:
        """`counts` as a table: columns ``mistakes``, ``count``, ``of``, ``share``, ``low``, ``high`` (0..1)."""
        import pandas as pd

        rows = [[one.what, one.count, one.total, one.share, *one.interval] for one in self.counts]
        return pd.DataFrame(rows, columns=["mistakes", "count", "of", "share", "low", "high"])


def compare_reviews(
    first: Iterable[Mistake],
    second: Iterable[Mistake],
    *,
    names: tuple[str, str] = ("the first", "the second"),
    images: int | None = None,
) -> ReviewComparison:
    """Compare the reviewed mistakes of two models on the same images.

    Parameters
    ----------
    first, second
        All mistakes of each model, one for each image that it gets wrong (`read_mistakes`).
    names
        What the models are called.
    images
        How many images both were scored on, the right ones too; when None, those that either gets wrong, of which
        differences are then shares.

    Raises
    ------
    ValueError
        When an image occurs twice in a review, or there are more mistakes than images.

    Notes
    -----
    The paper compares its ViT-3B with the greedy soup in this way: Vasudevan et al., arXiv 2205.04596.

    Examples
    --------
    >>> a = [Mistake("1.png", 3, severity="major"), Mistake("2.png", 5, severity="minor")]
    >>> b = [Mistake("1.png", 3, severity="major"), Mistake("3.png", 5, severity="minor")]
    >>> found = compare_reviews(a, b, images=10)
    >>> len(found.both), len(found.same_prediction), len(found.major_in_both), found.mistakes.difference
    (1, 1, 1, 0.0)
    """
    sides = [_by_image(review, name) for review, name in zip((first, second), names, strict=True)]
    shared = sorted(sides[0].keys() & sides[1].keys())
    alone = [
        tuple(one[image] for image in sorted(one.keys() - other.keys())) for one, other in (sides, reversed(sides))
    ]
    wrong = len(shared) + len(alone[0]) + len(alone[1])
    if not wrong or (images is not None and wrong > images):
        raise ValueError("no mistake to compare" if not wrong else f"{wrong:,} images have a mistake, of {images:,}")
    both = tuple((sides[0][image], sides[1][image]) for image in shared)
    return ReviewComparison(names, alone[0], alone[1], both, wrong if images is None else images)


def _by_image(review: Iterable[Mistake], name: str) -> dict[str, Mistake]:
    given = list(review)
    twice = [image for image, times in Counter(one.image for one in given).items() if times > 1]
    if twice:
        raise ValueError(f"{name}: {twice[0]!r:.200} has two mistakes; a review with one for each image is expected")
    return {one.image: one for one in given}


def _count(what: str, count: int, total: int) -> SharedCount:
    limits = clopper_pearson(count, total).tolist() if total else [float("nan")] * 2
    return SharedCount(what, count, total, (limits[0], limits[1]))


def _paired(only_first_right: int, only_second_right: int, images: int) -> PairedTest:
    first, second = np.ones((2, images), dtype=bool)
    second[:only_first_right] = False
    first[only_first_right : only_first_right + only_second_right] = False
    return mcnemar(first, second)
