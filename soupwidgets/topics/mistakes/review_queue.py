"""Which images to review, and in which order."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member


@dataclass(frozen=True)
class Queue:
    """Images to review.

    Parameters
    ----------
    name
        Name of the queue.
    rows
        Rows of the images in their split, in order.
    reasons
        Why each image is in the queue.
    """

    name: str
    rows: tuple[int, ...]
    reasons: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)


def hardest(models: Sequence[Member], suite: Suite, split: str) -> Queue:
    """Images that the first model gets wrong, starting with those that all models together find hardest.

    Hard means a low mean log-probability of the labelled class, each model at its own temperature.
    """
    where = suite.splits[split]
    wrong = np.flatnonzero(~models[0].right(where))
    told = np.mean([_label_score(one, suite, split) for one in models], axis=0)
    rows = wrong[np.argsort(told[wrong], kind="stable")]
    reasons = [f"the label has probability {np.exp(told[row]):.2g} (geometric mean of {len(models)})" for row in rows]
    return _queue("hardest mistakes first", rows, reasons)


def most_disputed(models: Sequence[Member], suite: Suite, split: str) -> Queue:
    """Images on which the models' predictions differ, sorted by how much they differ (entropy of the votes).

    Raises
    ------
    ValueError
        With fewer than two models.
    """
    if len(models) < 2:
        raise ValueError("disagreement needs at least two models")
    classes = len(suite.class_names(split))
    said = np.stack([one.predictions(split) for one in models])
    votes = np.stack([(said == c).sum(axis=0) for c in range(classes)], axis=1) / len(models)
    entropy = -(votes * np.log(np.where(votes > 0, votes, 1))).sum(axis=1)
    rows = np.flatnonzero(entropy > 0)
    rows = rows[np.argsort(-entropy[rows], kind="stable")]
    reasons = [f"{int((votes[row] > 0).sum())} different predictions of {len(models)} models" for row in rows]
    return _queue("most disputed first", rows, reasons)


def class_pair(model: Member, suite: Suite, split: str, first: str, second: str) -> Queue:
    """Images of two classes that the model confuses with each other, the most confident first.

    Raises
    ------
    ValueError
        When a class is unknown.
    """
    names = suite.class_names(split)
    for name in (first, second):
        if name not in names:
            raise ValueError(f"there is no class {name!r}; there are {', '.join(names)}")
    pair = {names.index(first), names.index(second)}
    labels, said = suite.splits[split].labels, model.predictions(split)
    rows = np.flatnonzero((labels != said) & np.isin(labels, list(pair)) & np.isin(said, list(pair)))
    sure = softmax(model.scaled(split, suite)[rows], axis=1).max(axis=1)
    order = np.argsort(-sure, kind="stable")
    reasons = [f"predicted {names[said[row]]} with probability {p:.2f}" for row, p in zip(rows[order], sure[order],
                                                                                       strict=True)]  # fmt: skip
    return _queue(f"{first} and {second}", rows[order], reasons)


def where_two_differ(first: Member, second: Member, suite: Suite, split: str) -> Queue:
    """Images on which exactly one of two models is correct, for example a soup and its best ingredient."""
    where = suite.splits[split]
    right = first.right(where), second.right(where)
    rows = np.flatnonzero(right[0] != right[1])
    apart = np.abs(_label_score(first, suite, split) - _label_score(second, suite, split))[rows]
    rows = rows[np.argsort(-apart, kind="stable")]
    reasons = [f"only {first.name if right[0][row] else second.name} is right" for row in rows]
    return _queue(f"only one of {first.name} and {second.name} right", rows, reasons)


def label_errors(model: Member, suite: Suite, split: str) -> Queue:
    """Images whose label may be wrong, by confident learning; the least likely labels first.

    Parameters
    ----------
    model
        A model that was not trained on these images.

    Raises
    ------
    ModuleNotFoundError
        When cleanlab, an optional dependency, is not installed.

    Notes
    -----
    Northcutt, Jiang and Chuang, arXiv 1911.00068, using their library.
    """
    try:
        find = importlib.import_module("cleanlab.filter").find_label_issues
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "finding wrong labels needs cleanlab: pip install 'soupwidgets[label-errors]'"
        ) from error
    labels = suite.splits[split].labels
    probabilities = softmax(model.scaled(split, suite), axis=1)
    rows = find(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    reasons = [f"the label has probability {probabilities[row, labels[row]]:.2g}" for row in rows]
    return _queue("labels that may be wrong", rows, reasons)


def _queue(name: str, rows: NDArray[np.int64], reasons: Sequence[str]) -> Queue:
    return Queue(name, tuple(int(row) for row in rows), tuple(reasons))


def _label_score(model: Member, suite: Suite, split: str) -> NDArray[np.float64]:
    labels = suite.splits[split].labels
    scores: NDArray[np.float64] = log_softmax(model.scaled(split, suite), axis=1)
    return scores[np.arange(len(labels)), labels]
