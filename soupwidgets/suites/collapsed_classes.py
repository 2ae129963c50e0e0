"""Classes that mean the same, or contain another: what else a right prediction may say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from soupwidgets.json_files import decode
from soupwidgets.stats.label_metrics import LABEL_SET_METRICS, MULTI_LABEL_TOP1
from soupwidgets.suites.content import SuiteError
from soupwidgets.suites.label_sets import LabelSets
from soupwidgets.suites.manifest import LONGEST_WHY, MOST_CLASSES

if TYPE_CHECKING:
    from soupwidgets.suites.split import Scoring, Split

FORMAT = "soupwidgets collapsed classes 1"
_LONGEST = 300
_MOST_EACH = 1000

_Class = Annotated[str, Meta(min_length=1, max_length=_LONGEST)]


class _Entry(Struct, frozen=True):
    label: _Class
    also: Annotated[list[_Class], Meta(min_length=1, max_length=_MOST_EACH)]
    why: Annotated[str, Meta(max_length=LONGEST_WHY)] = ""


class _File(Struct, frozen=True):
    collapsed: Annotated[list[_Entry], Meta(min_length=1, max_length=MOST_CLASSES)]
    format: str = ""
    source: Annotated[str, Meta(max_length=LONGEST_WHY)] = ""


@dataclass(frozen=True)
class CollapsedClasses:
    """For the label of an image, other classes that are right as well.

    It goes one way: "every bathtub is a tub" makes the prediction tub right for a bathtub, and not the other way round.
    Classes that mean the same name each other.

    Parameters
    ----------
    also
        Other right classes by the class of the label: names of classes, or WordNet ids where the classes are
        ImageNet's.
    source
        Who says so.

    Notes
    -----
    The prediction stays the class of the largest logit. Taking the largest logit of all classes that are collapsed into
    one gives the same: a maximum of maxima. Adding up their probabilities does not, and is another classifier: two
    halves of 0.3 would overrule the class of 0.4 that was the prediction, right or wrong. So what is removed here are
    mistakes alone, no right answer becomes wrong, and it says of published predictions what it says of logits.

    Examples
    --------
    >>> CollapsedClasses({"husky": ["dog"]}).numbers(["dog", "husky"])
    {1: frozenset({0})}
    """

    also: Mapping[str, Sequence[str]]
    source: str = field(default="", compare=False)

    def numbers(self, classes: Sequence[str]) -> dict[int, frozenset[int]]:
        """The same by the numbers of classes.

        Parameters
        ----------
        classes
            Names of the classes, in the order of their numbers.

        Raises
        ------
        SuiteError
            When a class is not among them, or two have its name.
        """
        known = _numbers_by_name(tuple(classes))
        found: dict[int, set[int]] = {}
        for label, others in self.also.items():
            own = _number(label, known, len(classes))
            found.setdefault(own, set()).update(_number(other, known, len(classes)) for other in others)
        return {label: frozenset(others - {label}) for label, others in found.items()}

    def accepted(self, sets: Iterable[Iterable[int]], classes: Sequence[str]) -> list[frozenset[int]]:
        """Right classes of examples, with those that are right as well.

        Parameters
        ----------
        sets
            Right classes of each example, such as its label alone.
        classes
            Names of the classes.

        Raises
        ------
        SuiteError
            As in `numbers`.
        """
        also = self.numbers(classes)
        return [frozenset(some).union(*(also.get(one, ()) for one in some)) for some in map(tuple, sets)]

    def right(
        self, predictions: NDArray[np.int64], labels: NDArray[np.int64], classes: Sequence[str]
    ) -> NDArray[np.bool_]:
        """Whether each prediction is the label or a class that is right as well, ``[n]``.

        Parameters
        ----------
        predictions, labels
            Classes ``[n]``; a prediction of -1 is never right.
        classes
            Names of the classes.

        Raises
        ------
        SuiteError
            As in `numbers`.

        Examples
        --------
        >>> tub = CollapsedClasses({"bathtub": ["tub"]})
        >>> tub.right(np.array([1, 0]), np.array([0, 1]), ["bathtub", "tub"]).tolist()
        [True, False]
        """
        found: NDArray[np.bool_] = np.asarray(predictions == labels)
        for label, others in self.numbers(classes).items():
            found |= (labels == label) & np.isin(predictions, list(others))
        return found

    def scoring(self, split: Split, classes: Sequence[str]) -> Scoring:
        """How a split is scored when these classes are collapsed; for `Suite.collapsed`.

        Parameters
        ----------
        split
            One whose classes may be some of the suite's (`ClassMap`).
        classes
            Names of the suite's classes.

        Raises
        ------
        SuiteError
            As in `numbers`, or when the split is scored by something else than right predictions.
        """
        own = split.scoring
        if own.task != "single-label" or own.metric not in ("accuracy", *LABEL_SET_METRICS):
            raise SuiteError(
                f"split {split.name!r} is scored by {own.metric} of a {own.task} task: classes are collapsed where "
                "single predictions are right or wrong"
            )
        also = self.numbers(classes)
        if own.class_map is not None:
            place = {one: own_class for own_class, group in enumerate(own.class_map.columns) for one in group}
            also = {
                number: frozenset(place[other] for one in group for other in also.get(one, ()) if other in place)
                - {number}
                for number, group in enumerate(own.class_map.columns)
            }
        known = [(label,) for label in split.labels.tolist()] if split.label_sets is None else split.label_sets.sets
        sets = tuple(
            None if some is None else tuple(sorted({*some, *(other for one in some for other in also.get(one, ()))}))
            for some in known
        )
        metric = MULTI_LABEL_TOP1 if own.metric == "accuracy" else own.metric
        return replace(own, metric=metric, label_sets=LabelSets(sets))


def read_collapsed_classes(path: str | Path) -> CollapsedClasses:
    """Read which classes mean the same from a JSON file that people edit.

    Parameters
    ----------
    path
        An object with ``format``, ``source`` and ``collapsed``: a list of objects with a ``label``, a list of classes
        that are right ``also``, and ``why``.

    Raises
    ------
    SuiteError
        When the file is not of this kind, or names a label twice.
    """
    try:
        content = decode(path, _File)
    except ValueError as error:
        raise SuiteError(str(error)) from error
    if content.format != FORMAT:
        raise SuiteError(f"{path}: not a file of the format {FORMAT!r}")
    ((label, times),) = Counter(entry.label for entry in content.collapsed).most_common(1)
    if times > 1:
        raise SuiteError(f"{path}: the label {label!r:.200} has {times} entries: put all its classes into one")
    return CollapsedClasses({entry.label: tuple(entry.also) for entry in content.collapsed}, content.source)


def imagenet_collapsed_classes() -> CollapsedClasses:
    """ImageNet's classes that mean the same, or contain another, as WordNet ids; ``source`` says who says so.

    Examples
    --------
    >>> sunglass, sunglasses = "n04355933", "n04356056"
    >>> imagenet_collapsed_classes().also[sunglass]
    ('n04356056',)
    """
    with as_file(files("soupwidgets.suites.tables") / "imagenet_collapsed.json") as path:
        return read_collapsed_classes(path)


def _numbers_by_name(classes: tuple[str, ...]) -> dict[str, int]:
    from soupwidgets.suites.readers.imagenet import class_names, wordnet_ids

    synsets = wordnet_ids()
    often = Counter(classes)
    known = {name: number for number, name in enumerate(classes) if often[name] == 1}
    # The names are looked at last: open_clip takes seconds to load.
    if len(classes) == len(synsets) and classes == class_names():
        known |= {synset: number for number, synset in enumerate(synsets)}
    return known


def _number(name: str, known: Mapping[str, int], classes: int) -> int:
    if name not in known:
        raise SuiteError(
            f"none, or more than one, of the {classes:,} classes is called {name!r:.200}; WordNet ids are known of "
            "ImageNet's 1,000 classes, under OpenAI's names of them"
        )
    return known[name]
