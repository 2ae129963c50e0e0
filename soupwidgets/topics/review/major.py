"""The 'major' slice: images on which a mistake matters, as a separate split."""

from __future__ import annotations

from soupwidgets.suites import SliceSplit, Split
from soupwidgets.topics.review.label_set import Rule, label_set
from soupwidgets.topics.review.plain_values import LONGEST_TEXT
from soupwidgets.topics.review.records import ReviewError
from soupwidgets.topics.review.statement import data_statement
from soupwidgets.topics.review.views import View


def major_slice(known: View, split: Split, *, rule: Rule = "all views", name: str = "major") -> SliceSplit:
    """Images on which a mistake was called major, according to shared judgements.

    Parameters
    ----------
    rule
        As in `label_set`.
    name
        Name of the slice.

    Returns
    -------
    SliceSplit
        `suites.write_slice` writes it, and ``Suite.open(folder, slices=[file])`` opens it. A split has one label per
        image: the original label if it is correct, else the first correct one.
        `mistakes.slice_score` counts by all correct labels.

    Raises
    ------
    ReviewError
        When nobody shares a judgement that calls a mistake major.

    Notes
    -----
    arXiv 2205.04596, section 5 (ImageNet-M).
    """
    settled = label_set(known, split.name, rule, shared=True)
    if not settled.major:
        raise ReviewError(f"no shared judgement calls a mistake on {split.name!r} major: there is no slice to write")
    whole = settled.completed(split)
    labels = {}
    for row in settled.major:
        own, right = int(split.labels[row]), whole.images[row].accepted
        if right and own not in right:
            labels[row] = min(whole.images[row].correct or right)
    why = " ".join(["Mistakes that reviewers called major.", *data_statement(known, split.name)["sentences"]])
    # A slice's file has no room for more.
    return SliceSplit(name, split, settled.major, why[:LONGEST_TEXT], labels)
