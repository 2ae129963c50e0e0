"""Kinds and severities of mistakes, and which classes are confused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.topics.mistakes.multi_labels import MultiLabels

# arXiv 2205.04596, section 4.
CATEGORIES = ("fine-grained", "fine-grained with out-of-vocabulary", "spurious correlation", "non-prototypical")
SEVERITIES = ("major", "minor")
_BORDERLINE = "borderline"


@dataclass(frozen=True)
class Mistake:
    """One reviewed mistake of a model.

    Parameters
    ----------
    image
        Name of the image in the data set.
    prediction
        The class that the model predicted.
    category
        One of `CATEGORIES`, or another one that reviewers used; None if not given.
    severity
        One of `SEVERITIES`, or None.
    borderline
        Whether it was rated borderline, which counts as minor.
    """

    image: str
    prediction: int
    category: str | None = None
    severity: str | None = None
    borderline: bool = False


def normal_category(spelling: str) -> str | None:
    """The category that a spelling means, or None.

    Examples
    --------
    >>> normal_category("Fine-grained error with OOV")
    'fine-grained with out-of-vocabulary'
    >>> normal_category("Spurious Correlation")
    'spurious correlation'
    >>> normal_category("bad light") is None
    True
    """
    words = "".join(c if c.isalnum() else " " for c in spelling.lower()).split()
    known = {
        "fine grained": 0, "fine grained error": 0, "fine grained mistake": 0,
        "fine grained with oov": 1, "fine grained error with oov": 1, "fine grained oov": 1,
        "fine grained with out of vocabulary": 1, "fine grained error with out of vocabulary": 1,
        "spurious correlation": 2, "spurious correlations": 2, "spurious": 2,
        "non prototypical": 3, "nonprototypical": 3, "non prototypical error": 3,
    }  # fmt: skip
    found = known.get(" ".join(words))
    return None if found is None else CATEGORIES[found]


def normal_severity(spelling: str) -> tuple[str, bool] | None:
    """The severity that a spelling means, and whether it was borderline; None if it is not a severity.

    Examples
    --------
    >>> normal_severity("Borderline"), normal_severity("Major")
    (('minor', True), ('major', False))
    """
    word = spelling.strip().lower()
    if word == _BORDERLINE:
        return "minor", True
    return (word, False) if word in SEVERITIES else None


def mistake_table(mistakes: Iterable[Mistake]) -> pd.DataFrame:
    """Count mistakes by category and severity.

    Parameters
    ----------
    mistakes
        Reviewed mistakes; missing entries are counted as "not said".

    Returns
    -------
    pd.DataFrame
        One row per category and one for all; columns ``major``, ``minor``, ``borderline`` (included in
        ``minor``), ``not said``, ``all``, and ``share major`` with ``low`` and ``high`` (95% Clopper-Pearson).

    Notes
    -----
    arXiv 2205.04596, section 4 and table 2.
    """
    given = list(mistakes)
    rows: dict[str, list[Mistake]] = {name: [] for name in CATEGORIES}
    # Other categories by name, and "not said" last.
    for mistake in sorted(given, key=lambda m: (m.category is None, _row_of(m))):
        rows.setdefault(_row_of(mistake), []).append(mistake)
    table = pd.DataFrame({name: _counts(some) for name, some in {**rows, "all": given}.items()}).T
    whole = ["major", "minor", "borderline", "not said", "all"]
    return table.astype(dict.fromkeys(whole, int))


def _row_of(mistake: Mistake) -> str:
    # A reviewers' category may have the name of one of our rows.
    return repr(mistake.category) if mistake.category in ("all", "not said") else mistake.category or "not said"


def _counts(mistakes: Sequence[Mistake]) -> dict[str, float]:
    said = Counter(m.severity or "not said" for m in mistakes)
    rated = len(mistakes) - said["not said"]
    low, high = clopper_pearson(said["major"], rated) if rated else (float("nan"), float("nan"))
    return {
        "major": said["major"],
        "minor": said["minor"],
        "borderline": sum(m.borderline for m in mistakes),
        "not said": said["not said"],
        "all": len(mistakes),
        "share major": said["major"] / rated if rated else float("nan"),
        "low": float(low),
        "high": float(high),
    }


@dataclass(frozen=True)
class ConfusionPair:
    """Two classes that a model confuses.

    Parameters
    ----------
    first, second
        Names of the classes.
    first_as_second, second_as_first
        Number of images of each that are predicted as the other.
    images
        Number of images of the two classes.
    """

    first: str
    second: str
    first_as_second: int
    second_as_first: int
    images: int

    @property
    def count(self) -> int:
        """Number of confusions in both directions."""
        return self.first_as_second + self.second_as_first


def confusion_pairs(
    predictions: NDArray[np.int64], labels: NDArray[np.int64], classes: Sequence[str]
) -> list[ConfusionPair]:
    """Pairs of classes by how often they are confused, the most frequent first.

    Pairs that are never confused are left out.

    Parameters
    ----------
    predictions, labels
        Classes, ``[n]``; a prediction of -1 means no class.
    """
    said = predictions >= 0
    table = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(table, (labels[said], predictions[said]), 1)
    sizes = np.bincount(labels, minlength=len(classes))
    pairs = [
        ConfusionPair(classes[i], classes[j], int(table[i, j]), int(table[j, i]), int(sizes[i] + sizes[j]))
        for i, j in combinations(range(len(classes)), 2)
        if table[i, j] + table[j, i]
    ]
    return sorted(pairs, key=lambda pair: -pair.count)


@dataclass(frozen=True)
class LaterAgreement:
    """How labels that were added later judge a model's mistakes.

    Parameters
    ----------
    accepted
        Mistakes according to the original label whose prediction is now among the correct or unclear labels.
    rejected
        Mistakes whose prediction is not.
    problematic, not_reviewed
        Mistakes on images that are skipped now, or that were not reviewed.
    """

    accepted: int
    rejected: int
    problematic: int
    not_reviewed: int


def agreement_with_later_labels(
    predictions: NDArray[np.int64], labels: NDArray[np.int64], multi: MultiLabels
) -> LaterAgreement:
    """Count how many of a model's mistakes are not mistakes by reviewed labels.

    Notes
    -----
    arXiv 2205.04596, section 3.
    """
    wrong = np.flatnonzero(predictions != labels)
    reviewed: Mapping[int, object] = multi.images
    skipped = sum(1 for row in wrong if row in reviewed and multi.images[int(row)].problematic)
    rows = [int(row) for row in wrong if row in reviewed and not multi.images[int(row)].problematic]
    accepted = int(multi.right(predictions, rows).sum())
    return LaterAgreement(accepted, len(rows) - accepted, skipped, len(wrong) - skipped - len(rows))
