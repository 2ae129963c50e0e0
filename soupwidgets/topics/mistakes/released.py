"""Readers of what was released with 'When does dough become a bagel?' besides the reviews; untrusted files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from soupwidgets.evaluation import Logits
from soupwidgets.json_files import decode
from soupwidgets.suites import Suite
from soupwidgets.suites.arrays import map_array
from soupwidgets.suites.readers.imagenet import wordnet_ids

# ImageNet's validation images, by the number in their name.
_NUMBERED = re.compile(r"ILSVRC2012_val_([0-9]{8})\.JPEG")
_IMAGES = 50_000
# There are half a million pairs of a thousand classes.
_MOST = 1 << 20
_MOST_TIMES = 1 << 31

_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Times = Annotated[int, Meta(ge=1, lt=_MOST_TIMES)]


@dataclass(frozen=True)
class ClassConfusion:
    """Two classes that a model confused; which of them was the label is not said.

    Parameters
    ----------
    first, second
        The classes, as they are called in the file, or by the suite.
    count
        How many mistakes.
    """

    first: str
    second: str
    count: int


def read_class_confusions(path: str | Path, *, classes: Sequence[str] | None = None) -> list[ClassConfusion]:
    """Read how often a model confused two classes, the most frequent pairs first.

    Parameters
    ----------
    path
        A JSON list of triples: two classes and a count. ``class_confusion_wnids.json`` names classes by their WordNet
        ids, ``class_confusion_synsets.json`` by a word, which two classes may share ("crane", "maillot").
    classes
        Names of ImageNet's 1,000 classes, to call those of WordNet ids by; as in the file when None.

    Raises
    ------
    ValueError
        When the file is not of this kind, a class is paired with itself or a pair occurs twice, or with ``classes``
        when a class has no WordNet id of ImageNet.

    Notes
    -----
    The files are by Vasudevan et al., arXiv 2205.04596, of their ViT-3B.
    """
    names: dict[str, str] | None = None
    if classes is not None:
        if len(classes) != len(wordnet_ids()):
            raise ValueError(f"{path}: {len(classes):,} names of classes were given, ImageNet has {len(wordnet_ids())}")
        names = dict(zip(wordnet_ids(), classes, strict=True))
    found: list[ClassConfusion] = []
    seen: set[frozenset[str]] = set()
    triples = decode(path, list[tuple[_Name, _Name, _Times]])
    if len(triples) > _MOST:
        raise ValueError(f"{path}: {len(triples):,} pairs of classes, there are fewer")
    for first, second, count in triples:
        pair = frozenset({first, second})
        # A word that two classes share may be confused with itself.
        if first[1:].isdigit() and (len(pair) < 2 or pair in seen):
            raise ValueError(f"{path}: {first} and {second} are {'one class' if len(pair) < 2 else 'there twice'}")
        seen.add(pair)
        if names is not None:
            lacking = [one for one in (first, second) if one not in names]
            if lacking:
                raise ValueError(f"{path}: {lacking[0]!r} is not the WordNet id of one of ImageNet's classes")
            first, second = names[first], names[second]
        found.append(ClassConfusion(first, second, count))
    return sorted(found, key=lambda one: -one.count)


def read_imagenet_logits(path: str | Path, suite: Suite, *, split: str) -> Logits:
    """Read logits of all 50,000 validation images of ImageNet, and pick a split's by the numbers in their names.

    The split may hold some of the images, in any order: folders of classes sort them otherwise than their numbers.

    Parameters
    ----------
    path
        An array ``[50000, classes]`` in the order of the images' numbers, as in the release's ``vit3b.npz`` and
        ``greedysoups.npz`` (which are bare arrays, whatever their names say). It is mapped, not loaded.

    Raises
    ------
    KeyError
        When the suite has no such split.
    ValueError
        When the file holds something else, the number of classes differs, or the split has other images.

    Notes
    -----
    The logits are by Vasudevan et al., arXiv 2205.04596; their notebook says which row belongs to which image.
    """
    if split not in suite.splits:
        raise KeyError(f"the suite has no split {split!r}; it has {', '.join(suite.splits)}")
    rows = _image_numbers(path, suite.splits[split].file_names, split) - 1
    stored, classes = map_array(path), len(suite.class_names(split))
    if stored.dtype.kind not in "fiu" or stored.shape != (_IMAGES, classes):
        raise ValueError(
            f"{path}: expected logits of shape ({_IMAGES}, {classes}), a row for each validation image of ImageNet; "
            f"found {stored.dtype} of shape {stored.shape}"
        )
    # A value too large for float32 becomes infinite, and so counts as no prediction.
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(stored[rows], dtype=np.float32)


def _image_numbers(path: str | Path, names: Sequence[str] | None, split: str) -> NDArray[np.int64]:
    if names is None:
        raise ValueError(f"{path}: the suite does not know what the images of {split!r} are called; build it again")
    found = [_NUMBERED.fullmatch(name) for name in names]
    numbers = [int(one[1]) if one else 0 for one in found]
    strangers = [name for name, number in zip(names, numbers, strict=True) if not 1 <= number <= _IMAGES]
    if strangers:
        raise ValueError(f"{path}: {strangers[0]!r:.200} of {split!r} is no validation image of ImageNet")
    return np.array(numbers, dtype=np.int64)
