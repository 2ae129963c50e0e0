"""Examples with their labels, before they are a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites.content import SuiteError
from soupwidgets.suites.task import Task


@dataclass(frozen=True, eq=False)
class LabelledExamples:
    """What was read from a data set or a file; `Suite.of` makes a split of it.

    Parameters
    ----------
    arrays
        ``[n, ...]`` by the name that the model knows them by.
    labels
        In the form of the task, or the name of each example's class.
    texts
        What each example says, if these are texts.
    classes
        Names of the classes, where the data states them.
    """

    arrays: Mapping[str, NDArray[Any]]
    labels: NDArray[Any] | Sequence[str]
    texts: tuple[str, ...] | None = None
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {list(array.shape[1:])}" for name, array in self.arrays.items())
        return f"LabelledExamples({len(self)} of {shapes})"


def label_numbers(labels: Any, classes: Sequence[str], task: Task, name: str) -> NDArray[Any]:
    """Labels as numbers: names of classes become their places among ``classes``.

    Parameters
    ----------
    labels
        Numbers, or a name for each example.
    classes
        Names of all classes.
    task
        Of a regression, texts are numbers.
    name
        Of the split, for messages.

    Raises
    ------
    SuiteError
        When a label is neither the name of a class nor a number.

    Examples
    --------
    >>> label_numbers(["good", "bad", "good"], ["bad", "good"], "single-label", "val").tolist()
    [1, 0, 1]
    """
    array = np.asarray(labels)
    if array.dtype.kind != "U" or array.ndim != 1:
        return array
    said = array.tolist()
    if task == "regression":
        return np.array([_number(float, one, row, name, "a number") for row, one in enumerate(said)])
    place = {one: number for number, one in enumerate(classes)}
    if any(one in place for one in said):
        unknown = next((row for row, one in enumerate(said) if one not in place), None)
        if unknown is not None:
            raise SuiteError(
                f"split {name!r}, row {unknown}: the label {said[unknown]!r:.100} is not among the classes"
            )
        return np.array([place[one] for one in said])
    what = "the name of a class" if classes else "a number: name the classes, classes=[...]"
    return np.array([_number(int, one, row, name, what) for row, one in enumerate(said)])


def _number(kind: type, said: str, row: int, name: str, what: str) -> Any:
    try:
        return kind(said)
    except ValueError:
        raise SuiteError(f"split {name!r}, row {row}: the label {said!r:.100} is not {what}") from None
