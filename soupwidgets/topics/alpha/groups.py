"""Who pays: accuracy of each class, slice or group of images along alpha, and which of them lose.

`classes` asks the same of classes alone, with an interval for each point by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluation, right_answers
from soupwidgets.stats.simultaneous import simultaneous_intervals
from soupwidgets.suites import Split, Suite
from soupwidgets.suites.slices import SliceSplit
from soupwidgets.topics.alpha.classes import ClassChange, ClassCurve, changes_of

Groups = Mapping[str, NDArray[np.bool_]]


def groups_of(suite: Suite, split: Split | None = None, by: Literal["class", "slice", "group"] = "class") -> Groups:
    """Groups of a split's images.

    Parameters
    ----------
    split
        Whose images; those of the ID test when None.
    by
        ``"class"``: their labels. ``"slice"``: the suite's slices of this split, which may overlap. ``"group"``: the
        groups that the data set names, such as regions.

    Returns
    -------
    Mapping[str, NDArray[bool]]
        Name to whether each image belongs to it, ``[images]``; only those with images.

    Raises
    ------
    ValueError
        When there is none of the kind.

    Examples
    --------
    >>> int(groups_of(getfixture("small_suite"))["T-shirt"].sum())
    42
    """
    where = split or suite.id_test
    found: dict[str, NDArray[np.bool_]] = {}
    if by == "class":
        if where.scoring.task != "single-label":
            raise ValueError(f"{where.name!r} has {where.scoring.task} labels, by which images are in no one class")
        names = _unlike(suite.class_names(where.name))
        found = {name: where.labels == label for label, name in enumerate(names)}
    elif by == "slice":
        for one in suite.slices:
            if isinstance(one, SliceSplit) and one.parent.name == where.name:
                found[one.name] = np.isin(np.arange(len(where)), one.rows)
    else:
        groups = where.groups
        if groups is not None:
            called = _unlike(where.scoring.group_names or [str(number) for number in range(int(groups.max()) + 1)])
            found = {name: groups == number for number, name in enumerate(called)}
    found = {name: own for name, own in found.items() if own.any()}
    if not found:
        raise ValueError(f"{where.name!r} has no {by} to compare")
    return found


def _unlike(names: Sequence[str]) -> list[str]:
    """Names that two classes share get their number: there are two cranes in ImageNet."""
    return [f"{name} ({number})" if list(names).count(name) > 1 else name for number, name in enumerate(names)]


def group_curves(
    measured: Mapping[float, Evaluation], suite: Suite, split: Split | None = None, *, groups: Groups | None = None
) -> list[ClassCurve]:
    """Follow groups of images along alpha, with intervals that hold for all groups and alphas at once.

    Parameters
    ----------
    measured
        Alpha to an exact evaluation, at least one.
    split
        Where; the ID test when None.
    groups
        As `groups_of` gives them; the classes when None.

    Returns
    -------
    list[ClassCurve]
        One for each group. In 95% of samples every point of every curve lies within its interval.

    Raises
    ------
    ValueError
        When there is no group, or answers are not right or wrong.

    Notes
    -----
    `soupwidgets.stats.simultaneous_intervals`.
    """
    where = split or suite.id_test
    own = groups_of(suite, where) if groups is None else groups
    alphas = sorted(measured)
    right = np.array([right_answers(measured[alpha], where) for alpha in alphas])
    limits = simultaneous_intervals(right, list(own.values()))
    return [
        ClassCurve(name, int(rows.sum()), tuple(alphas), right[:, rows].mean(axis=1), interval)
        for (name, rows), interval in zip(own.items(), limits, strict=True)
    ]


def group_changes(
    before: Evaluation, after: Evaluation, suite: Suite, split: Split | None = None, *, groups: Groups | None = None
) -> list[ClassChange]:
    """Compare two models group by group on the same images: from zero-shot to any soup, or from one soup to another.

    Parameters
    ----------
    before, after
        Exact evaluations.
    split, groups
        As in `group_curves`.

    Returns
    -------
    list[ClassChange]
        The largest loss first.

    Notes
    -----
    McNemar's exact test for each group; p-values are adjusted for the number of groups (Benjamini and Hochberg 1995).
    """
    where = split or suite.id_test
    own = groups_of(suite, where) if groups is None else groups
    return changes_of(before, after, where, own.items())


def regressions(changes: list[ClassChange], *, level: float = 0.05) -> list[ClassChange]:
    """The groups that lose by more than chance, after adjusting for all of them.

    Examples
    --------
    >>> change = ClassChange("shirt", 100, 0.8, 0.6, (-0.3, -0.1), 0.001)
    >>> [one.name for one in regressions([change])]
    ['shirt']
    """
    return [one for one in changes if one.difference < 0 and one.p_value <= level]
