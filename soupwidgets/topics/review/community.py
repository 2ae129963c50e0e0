"""Sets of images that reviewers named as important, as splits of the suite."""

from __future__ import annotations

from soupwidgets.suites import SliceSplit, Suite
from soupwidgets.topics.review.views import View


def community_slices(known: View, suite: Suite) -> list[SliceSplit]:
    """The session's slices, for `Suite.with_slices`: an axis of the frontier, and a row in every table.

    They are sorted by name. Numbers are added to names that occur twice or belong to a split.
    """
    taken = {*suite.splits, *([suite.training.name] if suite.training else [])}
    found = []
    for _, given in sorted(known.slices.items(), key=lambda item: (item[1].name, item[0])):
        name, number = given.name, 2
        while name in taken:
            name, number = f"{given.name} ({number})", number + 1
        taken.add(name)
        found.append(SliceSplit(name, suite.splits[given.split], given.rows, given.why))
    return found
