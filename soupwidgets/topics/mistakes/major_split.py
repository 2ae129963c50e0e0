"""The 'major' slice of reviewed labels, such as ImageNet-M, as a split with all its accepted labels."""

from __future__ import annotations

from soupwidgets.suites import SliceSplit, Split
from soupwidgets.topics.mistakes.multi_labels import MultiLabels


def major_split(multi: MultiLabels, split: Split, *, name: str = "major") -> SliceSplit:
    """Make a split of the images on which a mistake is major, scored by all labels that reviewers accept.

    Wherever a metric of it is shown it is the share of its images whose prediction is among the correct or unclear
    labels (``"multi_label_top1"``): of ImageNet-M, what `slice_score` counts. `suites.write_slice` keeps it, with
    its labels, and every command takes its file as ``--slice``.

    Parameters
    ----------
    multi
        Reviewed labels of the split with their slice; those of ImageNet-M come from `read_human_accuracy`.
    name
        Of the new split.

    Raises
    ------
    ValueError
        When the slice is empty, the labels are another split's, or an image of it has no reviewed labels.

    Notes
    -----
    Vasudevan et al., arXiv 2205.04596 (ImageNet-M). Images that are problematic count, as in the authors' notebook.
    """
    if multi.split != split.name:
        raise ValueError(f"these are labels of {multi.split!r}, not of {split.name!r}")
    if not multi.major:
        raise ValueError(f"no image of {split.name!r} is in the slice of major mistakes")
    unknown = [row for row in multi.major if row not in multi.images]
    if unknown:
        raise ValueError(f"no reviewed labels for images {unknown[:5]} of the slice")
    sets = {row: multi.images[row].accepted for row in multi.major}
    return SliceSplit(name, split, multi.major, "images on which reviewers call a mistake major", label_sets=sets)
