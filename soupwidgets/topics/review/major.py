"""The 'major' slice: images on which a mistake matters, as a split of its own."""

from __future__ import annotations

from soupwidgets.suites import SliceSplit, Split
from soupwidgets.topics.review.label_set import Rule, label_set
from soupwidgets.topics.review.records import ReviewError
from soupwidgets.topics.review.views import View


def major_slice(known: View, split: Split, rule: Rule = "all views", name: str = "major") -> SliceSplit:
    """Images of which a mistake was called major, of judgements that their reviewers share.

    Parameters
    ----------
    known
        The session.
    split
        Whose images.
    rule
        As in `label_set`.
    name
        Of the slice.

    Returns
    -------
    SliceSplit
        `suites.write_slice` writes it, and ``Suite.open(folder, slices=[file])`` opens it. A split has one label an
        image: the data set's own where it is among the right ones, else the first that is.
        `mistakes.slice_score` counts with all of them.

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
    return SliceSplit(name, split, settled.major, "mistakes that reviewers called major", labels)
