"""Splits by name."""

from __future__ import annotations

from soupwidgets.suites.split import Split
from soupwidgets.suites.suite import Suite


def split_named(suite: Suite, name: str | None) -> Split:
    """A split of a suite by name, the training split included; the validation split when None.

    Raises
    ------
    KeyError
        When the suite has none of that name.
    """
    if name is None:
        return suite.validation
    if suite.training is not None and name == suite.training.name:
        return suite.training
    if name not in suite.splits:
        raise KeyError(f"the suite has no split {name!r}; it has {', '.join(suite.splits)}")
    return suite.splits[name]
