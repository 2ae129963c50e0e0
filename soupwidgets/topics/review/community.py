"""Sets of images that reviewers named as important, as splits of the suite."""

from __future__ import annotations

from soupwidgets.suites import SliceSplit, Suite
from soupwidgets.topics.review.views import View

_NAMELESS = "a slice with a hidden name"


def community_slices(known: View, suite: Suite, *, reviewer: str | None = None) -> list[SliceSplit]:
    """The session's slices, for `Suite.with_slices`: an axis of the frontier, and a row in every table.

    They are sorted by name. Numbers are added to names that occur twice or belong to a split. Where somebody hid the
    words of a slice, it has no name, and the reason for hiding them in place of its own; its images stay.

    Parameters
    ----------
    known, suite
        The session's view, and the suite of its splits.
    reviewer
        Who reads them: what this reviewer hid from themselves is hidden too, else only what is hidden from the group.
    """
    taken = {*suite.splits, *([suite.training.name] if suite.training else [])}
    found = []
    for key, given in sorted(known.slices.items(), key=lambda item: (item[1].name, item[0])):
        called = given.name if known.hides(key, reviewer) is None else _NAMELESS
        name, number = called, 2
        while name in taken:
            name, number = f"{called} ({number})", number + 1
        taken.add(name)
        found.append(SliceSplit(name, suite.splits[given.split], given.rows, known.told(key, given.why, reviewer)))
    return found
