"""From judgements to labels: distributions, and the label set by which models are scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from soupwidgets.topics.mistakes.multi_labels import ImageLabels, MultiLabels
from soupwidgets.topics.mistakes.taxonomy import SEVERITIES, Mistake
from soupwidgets.topics.review.views import Judgement, View

# How several judgements of an image are combined into one set of labels.
Rule = Literal["all views", "majority"]


@dataclass(frozen=True)
class Distribution:
    """The judgements of several reviewers on one image, as counts.

    Parameters
    ----------
    reviewers
        Number of reviewers who judged it.
    correct, unclear, wrong
        Number of reviewers by class.
    problematic
        Number of reviewers who called it problematic.
    categories, severities
        Number of reviewers by id of the term.
    """

    reviewers: int
    correct: Mapping[int, int]
    unclear: Mapping[int, int]
    wrong: Mapping[int, int]
    problematic: int
    categories: Mapping[str, int]
    severities: Mapping[str, int]

    @property
    def disputed(self) -> bool:
        """Whether reviewers disagree about the labels."""
        classes = {*self.correct, *self.unclear, *self.wrong}
        sided = any(max(s.get(c, 0) for s in (self.correct, self.unclear, self.wrong)) < self.reviewers
                    for c in classes)  # fmt: skip
        return sided or 0 < self.problematic < self.reviewers


def distribution(judgements: Iterable[Judgement]) -> Distribution:
    """Count the judgements of some reviewers on one image."""
    given = list(judgements)
    return Distribution(
        len(given),
        Counter(c for j in given for c in j.correct),
        Counter(c for j in given for c in j.unclear),
        Counter(c for j in given for c in j.wrong),
        sum(j.problematic for j in given),
        Counter(j.category for j in given if j.category is not None),
        Counter(j.severity for j in given if j.severity is not None),
    )


def settle(counted: Distribution, rule: Rule) -> ImageLabels:
    """Settle on one set of labels for one image.

    Parameters
    ----------
    counted
        The counted judgements.
    rule
        ``"all views"``: a class is correct if everybody says so, wrong if nobody says correct or unclear, and
        unclear otherwise; an image is problematic if everybody says so. Every vote for a label has an effect.
        ``"majority"``: what more than half of the reviewers say; a class without a majority is unclear if anybody
        named it correct or unclear, and wrong otherwise.
    """
    n = counted.reviewers
    classes = {*counted.correct, *counted.unclear, *counted.wrong}
    found: dict[str, set[int]] = {"correct": set(), "unclear": set(), "wrong": set()}
    for c in classes:
        correct, unclear, wrong = (side.get(c, 0) for side in (counted.correct, counted.unclear, counted.wrong))
        if rule == "majority":
            won = [kind for kind, count in (("correct", correct), ("unclear", unclear), ("wrong", wrong))
                   if 2 * count > n]  # fmt: skip
            kind = won[0] if won else "unclear" if correct or unclear else "wrong"
        else:
            kind = "correct" if correct == n else "unclear" if correct or unclear else "wrong"
        found[kind].add(c)
    problematic = 2 * counted.problematic > n if rule == "majority" else counted.problematic == n
    return ImageLabels(frozenset(found["correct"]), frozenset(found["unclear"]), frozenset(found["wrong"]), problematic)


def distributions(known: View, split: str, *, shared: bool = False) -> dict[int, Distribution]:
    """The distribution of judgements for each image of a split, by row; optionally from shared judgements only."""
    found = {}
    for image, said in known.by_image().items():
        some = [j for j in said.values() if j.shared or not shared]
        if image.split == split and some:
            found[image.row] = distribution(some)
    return dict(sorted(found.items()))


def label_set(known: View, split: str, rule: Rule = "all views", *, shared: bool = False) -> MultiLabels:
    """The labels of a split after review, with the 'major' slice.

    Parameters
    ----------
    rule
        As in `settle`. An image is in the 'major' slice if anybody ("all views") or more than half of those who
        rated its severity ("majority") called the mistake major; problematic images are not in it.
    shared
        Whether to use only judgements that their reviewers share.
    """
    counted = distributions(known, split, shared=shared)
    images = {row: settle(one, rule) for row, one in counted.items()}
    major_ids = {id for id, term in known.severities.items() if term.place == 0}
    major = []
    for row, one in counted.items():
        votes, rated = sum(one.severities.get(id, 0) for id in major_ids), sum(one.severities.values())
        if not images[row].problematic and votes and (rule == "all views" or 2 * votes > rated):
            major.append(row)
    return MultiLabels(split, images, tuple(major))


def reviewed_mistakes(known: View, split: str, *, shared: bool = False) -> list[Mistake]:
    """Every judgement with a category or a severity, for `mistakes.mistake_table`; one per reviewer and image."""
    found = []
    for image, said in known.by_image().items():
        for judgement in said.values():
            if image.split != split or (shared and not judgement.shared) or judgement.prediction is None:
                continue
            category = known.categories.get(judgement.category or "")
            severity = known.severities.get(judgement.severity or "")
            if category is None and severity is None:
                continue
            how_bad = None if severity is None else SEVERITIES[0 if severity.place == 0 else 1]
            found.append(Mistake(str(image.row), judgement.prediction, category.name if category else None, how_bad))
    return found


def minority_views(counted: Distribution, labels: ImageLabels) -> dict[int, dict[str, int]]:
    """What a settled label set leaves out: for each class, how many reviewers said otherwise.

    Examples
    --------
    >>> from soupwidgets.topics.review import Image
    >>> one = distribution([Judgement(Image("test", 0), correct=frozenset({1})),
    ...                     Judgement(Image("test", 0), correct=frozenset({1})),
    ...                     Judgement(Image("test", 0), wrong=frozenset({1}))])
    >>> minority_views(one, settle(one, "majority"))
    {1: {'wrong': 1}}
    """
    found: dict[int, dict[str, int]] = {}
    for kind in ("correct", "unclear", "wrong"):
        for c, count in getattr(counted, kind).items():
            if c not in getattr(labels, kind):
                found.setdefault(c, {})[kind] = count
    return found


def without_perhaps(labels: MultiLabels) -> MultiLabels:
    """The same labels, without those of which nobody is sure."""
    sure = {row: replace(image, unclear=frozenset()) for row, image in labels.images.items()}
    return replace(labels, images=sure)
