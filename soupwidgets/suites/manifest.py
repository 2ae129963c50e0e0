"""What ``suite.json`` and a slice's file may hold, with their limits."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from soupwidgets.suites.task import Task

# ImageNet-21k has 14 million images and 21,841 classes.
MOST_IMAGES = 1 << 24
MOST_CLASSES = 1 << 17
MOST_SPLITS = 1000
LONGEST_NAME = 200
LONGEST_WHY = 20_000

_Seed = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
_Place = Annotated[int, Meta(ge=0, le=MOST_IMAGES)]
_Class = Annotated[int, Meta(ge=0, lt=MOST_CLASSES)]
_Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
# Of 50,000 images of ImageNet none has 20 accepted classes.
MOST_LABELS = 1000
LabelSet = Annotated[list[_Class], Meta(max_length=MOST_LABELS)]
# A parameter of a corruption: angles, periods, pixels.
_Parameter = Annotated[float, Meta(ge=-1e6, le=1e6)]


class Rows(Struct, frozen=True):
    """Some of a permutation of all images."""

    seed: _Seed
    of: Annotated[int, Meta(ge=1, le=MOST_IMAGES)]
    start: _Place
    stop: _Place


class ShiftEntry(Struct, frozen=True):
    """A `Shift`."""

    corruption: str
    seed: _Seed
    uniform: Annotated[dict[str, tuple[_Parameter, _Parameter]], Meta(max_length=20)]
    either_sign: Annotated[list[str], Meta(max_length=20)]


class SplitEntry(Struct, frozen=True):
    """A `Split`; what a build notes beside it is not read here."""

    name: _Name
    role: str
    labels: str
    images: str = ""
    inputs: Annotated[dict[str, str], Meta(max_length=20)] = {}
    texts: str | UnsetType = UNSET
    rows: Rows | UnsetType = UNSET
    shift: ShiftEntry | UnsetType = UNSET
    made_of: str | UnsetType = UNSET
    names: str | UnsetType = UNSET
    sha256: str | None = None
    metric: str = ""
    class_map: Annotated[list[list[_Class]], Meta(max_length=MOST_CLASSES)] | UnsetType = UNSET
    classes: Annotated[list[str | int], Meta(max_length=MOST_CLASSES)] = []
    groups: str | UnsetType = UNSET
    group_names: list[str] = []
    label_sets: str | UnsetType = UNSET


class Manifest(Struct, frozen=True):
    """``suite.json``."""

    name: _Name
    classes: Annotated[list[str | int], Meta(max_length=MOST_CLASSES)]
    splits: Annotated[list[SplitEntry], Meta(max_length=MOST_SPLITS)]
    templates: list[str] = []
    task: Task = "single-label"


class SliceFile(Struct, frozen=True):
    """Some images of a split, as `write_slice` writes them."""

    name: _Name
    why: Annotated[str, Meta(max_length=LONGEST_WHY)]
    split: str
    sha256: str
    rows: Annotated[list[_Place], Meta(max_length=MOST_IMAGES)]
    labels: Annotated[list[_Class], Meta(max_length=MOST_IMAGES)]
    label_sets: Annotated[list[LabelSet | None], Meta(max_length=MOST_IMAGES)] | None = None
    format: str = ""
