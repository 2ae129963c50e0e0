"""The examples that go into a site, as a suite: what is recorded and what is measured in a page is of the same ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soupwidgets.evaluation import Evaluator
from soupwidgets.panel.recording import MOST
from soupwidgets.site import SiteError
from soupwidgets.suites import Suite
from soupwidgets.suites.in_memory import ArraySplit

# Slices show images of other splits once more, and probes are no accuracy.
_ROLES = ("validation", "id_test", "shift")
# An answer is recorded for each shift, in two looks, at each of 21 alphas.
_MOST_SHIFTS = MOST // (2 * 21) - 1


def exported_suite(ev: Evaluator, splits: Sequence[str] | None, examples: int | None) -> Suite:
    """The suite with a random sample of each split, the same for every model.

    Parameters
    ----------
    splits
        Which, beside the validation split and the test in distribution; every shift when None.
    examples
        How many of each at most; all when None.

    Raises
    ------
    KeyError
        When there is no such split.
    SiteError
        When there are more shifts than a page can record.
    """
    every = ev.suite.splits
    if unknown := [name for name in splits or () if name not in every]:
        raise KeyError(f"the suite has no split {unknown[0]!r}; it has {', '.join(every)}")
    kept = {
        name: split
        for name, split in every.items()
        if split.role in _ROLES and (splits is None or name in splits or split.role != "shift")
    }
    if (shifts := sum(split.role == "shift" for split in kept.values())) > _MOST_SHIFTS:
        raise SiteError(
            f"a page records every distribution shift, and {shifts} are too many: choose {_MOST_SHIFTS} at most with "
            "splits=[...] (--split)"
        )
    found = {}
    for name, split in kept.items():
        rows = np.sort(ev.reader(split).order[:examples])
        pixels = {kind: array[rows] for kind, array in split.examples.items()}
        found[name] = ArraySplit(name, pixels, split.labels[rows], role=split.role, scoring=split.scoring)
    return Suite(ev.suite.name, ev.suite.classes, found, ev.suite.templates)
