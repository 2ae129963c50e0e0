"""Readers for published reviews of mistakes, which are untrusted files."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soupwidgets.json_files import read_json_lines, read_json_object
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.suites import Split
from soupwidgets.topics.mistakes.multi_labels import ImageLabels, MultiLabels
from soupwidgets.topics.mistakes.taxonomy import Mistake, normal_category, normal_severity

# ImageNet-X, arXiv 2211.01866, table 1.
FACTORS = (
    "pose", "background", "pattern", "color", "smaller", "shape", "partial_view", "subcategory", "texture",
    "larger", "darker", "object_blocking", "person_blocking", "style", "brighter", "multiple_objects",
)  # fmt: skip
_SHOWN = 5
_LONGEST = 100
_MOST_CLASSES = 1 << 31


@dataclass(frozen=True)
class HumanAccuracy:
    """Published reviewed labels of ImageNet images.

    Parameters
    ----------
    labels
        Labels of the images that are in the split.
    elsewhere
        Number of reviewed images that are not in the split (other test sets, or a subset).
    """

    labels: MultiLabels
    elsewhere: int


def read_human_accuracy(path: str | Path, split: Split, *, synsets: Sequence[str] | None = None) -> HumanAccuracy:
    """Read the multi-labels of ImageNet's validation images (``human_accuracy_v3.0.0.json``).

    ImageNet-M is its 'major' slice.

    Parameters
    ----------
    path
        The JSON file: ``initial_annots`` (image to lists of synsets under correct, wrong, unclear),
        ``problematic_images`` and ``imagenet_m``.
    synsets
        WordNet ids of the classes, in the order of their numbers; those of ImageNet's 1,000 when None.

    Raises
    ------
    ValueError
        When the file is not of this kind, names unknown synsets, or the suite does not know its images' names.

    Notes
    -----
    The file is by Shankar et al. (2020), in the third version by Vasudevan et al., arXiv 2205.04596.
    """
    content = read_json_object(path)
    for key, kind in (("initial_annots", dict), ("problematic_images", dict), ("imagenet_m", list)):
        if not isinstance(content.get(key), kind):
            raise ValueError(f"{path}: no {kind.__name__} {key!r}: not a file of reviewed labels, version 3")
    place = _places(path, split)
    if synsets is None:
        # Imported here because it takes a second.
        synsets = importlib.import_module("timm.data").ImageNetInfo().label_names()
    number = {synset: i for i, synset in enumerate(synsets)}
    images: dict[int, ImageLabels] = {}
    elsewhere = 0
    for name, annotation in content["initial_annots"].items():
        if name not in place:
            elsewhere += 1
            continue
        if not isinstance(annotation, dict):
            raise ValueError(f"{path}: {name:.200}: expected lists of synsets, found {type(annotation).__name__}")
        sets: dict[str, frozenset[int]] = {}
        for which in ("correct", "unclear", "wrong"):
            given = annotation.get(which, [])
            listed = isinstance(given, list)
            unknown = [s for s in given if not isinstance(s, str) or s not in number] if listed else [given]
            if unknown:
                raise ValueError(f"{path}: {name:.200}: {which}: no class has the synset {unknown[0]!r:.60}")
            sets[which] = frozenset(number[s] for s in given)
        problematic = name in content["problematic_images"]
        images[place[name]] = ImageLabels(sets["correct"], sets["unclear"], sets["wrong"], problematic)
    major = tuple(sorted(place[name] for name in content["imagenet_m"] if isinstance(name, str) and name in place))
    return HumanAccuracy(MultiLabels(split.name, images, major), elsewhere)


@dataclass(frozen=True)
class MistakeFile:
    """A model's reviewed mistakes.

    Parameters
    ----------
    mistakes
        One mistake per image.
    normalised
        Other spellings of categories and severities, and what they were read as.
    counts
        How often each of these spellings occurs.
    unknown
        Spellings that match none of our categories and severities, and how often each occurs. Such a category is kept
        as it is written; such a severity counts as not given.
    """

    mistakes: tuple[Mistake, ...]
    normalised: Mapping[str, str]
    counts: Mapping[str, int]
    unknown: Mapping[str, int] = field(default_factory=dict)

    @property
    def warning(self) -> str:
        """A sentence about what was not understood; empty if everything was."""
        if not self.unknown:
            return ""
        named = [f"{spelling!r} ({count:,} times)" for spelling, count in list(self.unknown.items())[:_SHOWN]]
        more = f" and {len(self.unknown) - _SHOWN} more" if len(self.unknown) > _SHOWN else ""
        return f"unknown categories or severities, kept as they are: {', '.join(named)}{more}"


def read_mistakes(path: str | Path) -> MistakeFile:
    """Read a JSON file of reviewed mistakes, such as those released for the greedy soup and a ViT-3B.

    Spellings vary; ``normalised`` says how each was read.

    Parameters
    ----------
    path
        Image to ``top_prediction``, ``failure category`` and ``failure severity``.

    Raises
    ------
    ValueError
        When the file is not of this kind.

    Notes
    -----
    The files are by Vasudevan et al., arXiv 2205.04596. "Borderline" counts as minor there, and here. That of the
    ViT-3B has one "Fine-grained with Multilabel Options" among its mistakes, which the paper does not explain.
    """
    mistakes: list[Mistake] = []
    normalised: dict[str, str] = {}
    counts, unknown = Counter[str](), Counter[str]()
    content = read_json_object(path)
    for image, entry in content.items():
        try:
            prediction = entry["top_prediction"]
            said, how_bad = (_spelling(entry[key]) for key in ("failure category", "failure severity"))
        except (TypeError, KeyError) as error:
            raise ValueError(f"{path}: {image:.200}: no {error}; not a file of reviewed mistakes") from error
        # Python integers are unbounded, but those of an array are not.
        if isinstance(prediction, bool) or not isinstance(prediction, int) or not 0 <= prediction < _MOST_CLASSES:
            raise ValueError(f"{path}: {image:.200}: {prediction!r:.50} is not the number of a class")
        category, severity = normal_category(said), normal_severity(how_bad)
        for spelling, meant in ((said, category), (how_bad, severity and severity[0])):
            if meant is None:
                unknown[spelling] += 1
            elif spelling != meant:
                normalised[spelling] = meant
                counts[spelling] += 1
        mistakes.append(Mistake(image, prediction, category or said or None, *(severity or (None, False))))
    if content and unknown.total() == 2 * len(content):
        raise ValueError(f"{path}: it has no known category or severity; not a file of reviewed mistakes")
    return MistakeFile(tuple(mistakes), normalised, dict(counts), dict(unknown))


def _spelling(value: object) -> str:
    """A value as text, shortened and without control characters, so that it can be shown."""
    text = "" if value is None else str(value)[:_LONGEST]
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@dataclass(frozen=True, eq=False)
class Factors:
    """Factors by which images differ from typical ones of their class.

    Parameters
    ----------
    names
        Names of the factors.
    rows
        Rows of the annotated images in the split.
    marked
        ``[rows, factors]``.
    elsewhere
        Number of annotated images that are not in the split.
    """

    names: tuple[str, ...]
    rows: NDArray[np.int64]
    marked: NDArray[np.bool_]
    elsewhere: int


def read_factors(path: str | Path, split: Split) -> Factors:
    """Read ImageNet-X annotations (``imagenet_x_val_top_factor.jsonl`` or ``..._multi_factor.jsonl``).

    Parameters
    ----------
    path
        One JSON object per line: ``file_name`` and 0 or 1 for each of `FACTORS`.

    Raises
    ------
    ValueError
        When a line is not of this kind (the message has its number), an image is annotated twice, or none is
        in the split.

    Notes
    -----
    Idrissi et al., arXiv 2211.01866.
    """
    place = _places(path, split)
    rows: dict[int, list[bool]] = {}
    elsewhere = 0
    for number, entry in read_json_lines(path):
        try:
            name, marks = str(entry["file_name"]), [entry[factor] in (1, True) for factor in FACTORS]
        except KeyError as error:
            raise ValueError(f"{path}, line {number}: not an annotation of ImageNet-X (no {error})") from error
        if name not in place:
            elsewhere += 1
        elif place[name] in rows:
            raise ValueError(f"{path}, line {number}: {name:.200} is annotated twice")
        else:
            rows[place[name]] = marks
    if not rows:
        raise ValueError(f"{path}: none of its {elsewhere:,} images is in {split.name!r}")
    order = sorted(rows)
    return Factors(FACTORS, np.array(order), np.array([rows[row] for row in order], dtype=bool), elsewhere)


@dataclass(frozen=True)
class FactorScore:
    """A model's score on the images marked with one factor.

    Parameters
    ----------
    factor
        Name of the factor.
    accuracy, interval
        Accuracy with its 95% Clopper-Pearson interval.
    images
        Number of marked images.
    error_ratio
        Their error rate divided by that of all annotated images; NaN if that is zero.
    """

    factor: str
    accuracy: float
    interval: tuple[float, float]
    images: int
    error_ratio: float


def factor_scores(right: NDArray[np.bool_], factors: Factors) -> list[FactorScore]:
    """Factors by how much more a model errs on them, the worst factor first.

    Parameters
    ----------
    right
        Whether each image of the split is classified correctly, ``[n]``.

    Notes
    -----
    arXiv 2211.01866, section 4 (error ratio).
    """
    known = right[factors.rows]
    error = 1 - known.mean()
    found = []
    for name, marks in zip(factors.names, factors.marked.T, strict=True):
        images = int(marks.sum())
        if images:
            n = int(known[marks].sum())
            low, high = clopper_pearson(n, images)
            ratio = (1 - n / images) / error if error else float("nan")
            found.append(FactorScore(name, n / images, (float(low), float(high)), images, float(ratio)))
    return sorted(found, key=lambda one: -one.error_ratio if one.error_ratio == one.error_ratio else 0.0)


def _places(path: str | Path, split: Split) -> dict[str, int]:
    if split.file_names is None:
        raise ValueError(
            f"{path}: names its images, but the suite does not know what the images of {split.name!r} are called; "
            "build the suite again"
        )
    return {name: row for row, name in enumerate(split.file_names)}
