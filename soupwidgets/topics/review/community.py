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
    found = []
    for key, given in sorted(known.slices.items(), key=lambda item: (item[1].name, item[0])):
        name, number = given.name, 2
        while name in taken:
            name, number = f"{given.name} ({number})", number + 1
        # Hidden names take part, so that those of others stay what they are.
        taken.add(name)
        called = name if shown[key].name == given.name else shown[key].name
        found.append(SliceSplit(called, suite.splits[given.split], given.rows, shown[key].why))
    return sorted(found, key=lambda one: one.name)
