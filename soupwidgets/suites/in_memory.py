"""Splits of arrays, data sets and loaders that somebody has in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites.collect import collect
from soupwidgets.suites.content import SuiteError, examples_hash
from soupwidgets.suites.examples import LabelledExamples, label_numbers
from soupwidgets.suites.split import Form, Role, Scoring, Source, Split, scored_hash
from soupwidgets.suites.task import USUAL_METRIC, Task, check_labels

_ROLES: dict[str, Role] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "id_test",
}


class ArraySplit(Split):
    """A split of arrays in memory, or mapped from files.

    Parameters
    ----------
    name
        Of the split.
    examples
        Arrays ``[n, ...]`` by the name that the model knows them by; ``images`` are pixels 0..255, uint8
        ``[n, height, width]`` or ``[n, height, width, 3]``.
    labels
        As in `soupwidgets.suites.task.check_labels`.
    role
        What the split may be used for; what its name says when None.
    scoring
        How it is scored.
    texts
        What each example says, if these are texts.
    content
        SHA-256 of the content, if it is known from reading it.

    Raises
    ------
    SuiteError
        When lengths differ, there is no example, or an array has a form that no model takes.

    Examples
    --------
    >>> ArraySplit("val", {"x": np.zeros((2, 3), dtype=np.float32)}, [0, 1])
    ArraySplit('val', role='validation', n=2)
    """

    def __init__(
        self,
        name: str,
        examples: Mapping[str, NDArray[Any]],
        labels: Any,
        *,
        role: Role | None = None,
        scoring: Scoring | None = None,
        texts: Sequence[str] | None = None,
        content: str | None = None,
    ) -> None:
        super().__init__(name, role or _ROLES.get(name, "shift"), Source(Path(name), Path(name)), scoring=scoring)
        self._examples = {key: np.asarray(array) for key, array in examples.items()}
        try:
            self._labels = check_labels(np.asarray(labels), self.scoring.task)
        except ValueError as error:
            raise SuiteError(f"split {name!r}: {error}") from error
        self._texts = None if texts is None else tuple(texts)
        self._content = content
        n = len(self._labels)
        lengths = {
            **{key: len(array) for key, array in self._examples.items()},
            **({"texts": len(texts)} if texts else {}),
        }
        wrong = {key: length for key, length in lengths.items() if length != n}
        if not n or not self._examples or wrong:
            raise SuiteError(f"split {name!r} has {n} labels, but {wrong or 'no examples'}")
        for key, array in self._examples.items():
            if array.dtype.kind not in "fiub" or 0 in array.shape:
                raise SuiteError(
                    f"split {name!r}: {key} is {array.dtype} of shape {array.shape}, not an array of numbers"
                )

    def __repr__(self) -> str:
        return f"ArraySplit({self.name!r}, role={self.role!r}, n={len(self)})"

    @property
    def examples(self) -> Mapping[str, NDArray[Any]]:
        """What models are shown."""
        return self._examples

    @property
    def form(self) -> Form:
        """Shape of one example and precision of every array."""
        return {name: (array.shape[1:], str(array.dtype)) for name, array in self._examples.items()}

    @property
    def images(self) -> NDArray[np.uint8]:
        """Pixels 0..255; raises `SuiteError` when the examples are something else."""
        if "images" not in self._examples:
            raise SuiteError(
                f"the examples of {self.name!r} are no images of pixels: they are {', '.join(self._examples)}"
            )
        return self._examples["images"]

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.images.shape[1:3]
        return int(height), int(width)

    @property
    def labels(self) -> NDArray[Any]:
        """Labels in the form of the task."""
        return self._labels

    @property
    def texts(self) -> tuple[str, ...] | None:
        """What each example says, if these are texts."""
        return self._texts

    @property
    def content_hash(self) -> str:
        """SHA-256 of arrays, labels and scoring."""
        if self._content is None:
            self._content = examples_hash(self._examples, self._labels)
        return scored_hash(self._content, self)


def labelled_examples(name: str, data: Any, *, progress: bool = True) -> Split | LabelledExamples:
    """What somebody has, read; a split stays as it is.

    Parameters
    ----------
    name
        Of the split, for messages.
    data
        As in `Suite.of`.
    progress
        Whether to show a bar while many examples are read.

    Raises
    ------
    SuiteError
        When it is nothing that can be read as examples with labels.
    """
    if isinstance(data, Split | LabelledExamples):
        return data
    if isinstance(data, tuple | list) and len(data) == 2:
        return LabelledExamples(named_arrays(data[0]), data[1])
    found = collect(name, data, progress=progress)
    if found is None:
        said = f"{data!r:.200}, which is no folder" if isinstance(data, str | Path) else type(data).__name__
        raise SuiteError(
            f"split {name!r}: a pair of arrays (examples, labels), a Dataset or DataLoader of PyTorch, a data set of "
            f"Hugging Face or the folder of one, or what sw.suites.read_texts gives is expected, not {said}"
        )
    return found


def array_split(
    name: str, examples: LabelledExamples, *, task: Task = "single-label", classes: Sequence[str] = ()
) -> ArraySplit:
    """A split of what was read: see `Suite.of`.

    Parameters
    ----------
    name
        Of the split.
    examples
        With their labels.
    task
        What labels are.
    classes
        Names of the classes, where labels are names.

    Raises
    ------
    SuiteError
        When examples and labels do not belong together.
    """
    arrays = {key: array for part, own in examples.arrays.items() for key, array in _in_place(part, own).items()}
    labels = label_numbers(examples.labels, classes, task, name)
    scoring = Scoring(USUAL_METRIC[task], task=task)
    return ArraySplit(name, arrays, labels, scoring=scoring, texts=examples.texts)


def _in_place(name: str, array: NDArray[Any]) -> Mapping[str, NDArray[Any]]:
    """An array under its name, or under the usual one if it has none."""
    return {name: array} if name else named_arrays(array)


def named_arrays(examples: Any) -> dict[str, NDArray[Any]]:
    """Arrays by name: uint8 arrays with the axes of grey or colour images are ``images``, others ``inputs``.

    Examples
    --------
    >>> list(named_arrays(np.zeros((4, 28, 28), dtype=np.uint8))), list(named_arrays(np.zeros((4, 3))))
    (['images'], ['inputs'])
    """
    if isinstance(examples, Mapping):
        return {str(name): np.asarray(array) for name, array in examples.items()}
    array = np.asarray(examples)
    pixels = array.dtype == np.uint8 and (array.ndim == 3 or (array.ndim == 4 and array.shape[3] == 3))
    return {"images" if pixels else "inputs": array}
