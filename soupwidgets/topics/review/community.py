"""Sets of images that reviewers named as important, as splits of the suite."""

from __future__ import annotations

from soupwidgets.suites import SliceSplit, Suite
from soupwidgets.topics.review.views import View


def community_slices(known: View, suite: Suite, *, reviewer: str | None = None) -> list[SliceSplit]:
    """The session's slices, for `Suite.with_slices`: an axis of the frontier, and a row in every table.

    They are sorted by name. Numbers are added to names that occur twice or belong to a split. Where somebody hid the
    words of a slice it has another name, and the reason for hiding them in place of its own; its images stay.

    Parameters
    ----------
    known, suite
        The session's view, and the suite of its splits.
    reviewer
        Who reads them: what this reviewer hid from themselves is hidden too, else only what is hidden from the group.
    """
    taken = {*suite.splits, *([suite.training.name] if suite.training else [])}
    shown = known.shown_slices(reviewer)
    names = {}
    # By their own names first, hidden ones among them, so that hiding one does not give another name to others.
    for key, given in sorted(known.slices.items(), key=lambda item: (item[1].name, item[0])):
        names[key] = _free(given.name, taken)
    for key, given in shown.items():
        if given.name != known.slices[key].name:
            names[key] = _free(given.name, taken)
    found = [SliceSplit(names[key], suite.splits[one.split], one.rows, one.why) for key, one in shown.items()]
    return sorted(found, key=lambda one: one.name)


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number if it is taken; it is taken from then on."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    taken.add(free)
    return free
