"""ImageNet and the shifts of it whose folders are WordNet ids, or class numbers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites.content import SuiteError, load_array
from soupwidgets.suites.listing import FileItem, Listing, folders_in, images_in, some
from soupwidgets.suites.readers.reader import reader
from soupwidgets.suites.split import Role

MINIVAL_MASK = "imagenet_98_idxs.npy"
_MINIVAL_PER_CLASS = 26
_MINIVAL_SEED = 0
_CLASSES = 1000


@cache
def wordnet_ids(subset: str = "imagenet") -> tuple[str, ...]:
    """WordNet ids in the order of the classes: of ImageNet, ``"imagenet_r"`` (200) or ``"imagenet_a"`` (200)."""
    import pkgutil

    found = pkgutil.get_data("timm.data", f"_info/{subset}_synsets.txt")
    assert found is not None
    return tuple(found.decode().split())


@cache
def class_names() -> tuple[str, ...]:
    """OpenAI's names of the 1,000 classes."""
    import open_clip

    return tuple(open_clip.IMAGENET_CLASSNAMES)


@cache
def templates() -> tuple[str, ...]:
    """OpenAI's 80 prompts for ImageNet."""
    import open_clip

    return tuple(template("{}") for template in open_clip.OPENAI_IMAGENET_TEMPLATES)


@reader("imagenet")
def imagenet(path: Path, role: Role) -> Listing:
    """ImageNet (ILSVRC 2012) with one folder for each WordNet id.

    The test is ``val/`` (or ``val_in_folder/``, or ``path`` itself); training
    images are those of ``train/`` that are not held out. Validation is the held-out
    2% of ``train/`` that the model-soups release names in ``imagenet_98_idxs.npy``
    (26 images of each class; put the file into ``path``). Without that file 26 of
    each class are drawn with a fixed seed, which is another choice of images.

    Notes
    -----
    arXiv 2203.05482, section 3: 2% of ImageNet's training set is held out to choose ingredients.
    """
    if role in ("validation", "train"):
        return _training(path, held_out=role == "validation")
    for name in ("val", "val_in_folder", "."):
        folder = path / name
        if folder.is_dir() and any(f.name in wordnet_ids() for f in folders_in(folder)):
            return _by_wordnet_id(folder, "imagenet", "ImageNet").expect(50_000, "ImageNet's validation set")
    raise SuiteError(f"{path}: {_no_folders(path, 'ImageNet', 'val/n01440764 and 999 others')}")


@reader("imagenet-r")
def imagenet_r(path: Path, _role: Role) -> Listing:
    """ImageNet-R: renditions of 200 classes (arXiv 2006.16241)."""
    return _by_wordnet_id(_inner(path, "imagenet-r"), "imagenet_r", "ImageNet-R").expect(30_000, "ImageNet-R")


@reader("imagenet-a")
def imagenet_a(path: Path, _role: Role) -> Listing:
    """ImageNet-A: natural adversarial examples of 200 classes (arXiv 1907.07174)."""
    return _by_wordnet_id(_inner(path, "imagenet-a"), "imagenet_a", "ImageNet-A").expect(7_500, "ImageNet-A")


@reader("imagenet-sketch")
def imagenet_sketch(path: Path, _role: Role) -> Listing:
    """ImageNet-Sketch: drawings of all classes (arXiv 1905.13549)."""
    folder = _inner(_inner(path, "ImageNet-Sketch"), "sketch")
    return _by_wordnet_id(folder, "imagenet", "ImageNet-Sketch").expect(50_889, "ImageNet-Sketch")


@reader("imagenet-v2")
def imagenet_v2(path: Path, _role: Role) -> Listing:
    """ImageNetV2: a new test set whose folders are the numbers 0 to 999 (arXiv 1902.10811)."""
    folder = _inner(path, "imagenetv2-matched-frequency-format-val")
    found = {f.name: f for f in folders_in(folder) if f.name.isdecimal() and int(f.name) < _CLASSES}
    if not found:
        raise SuiteError(f"{path}: {_no_folders(folder, 'ImageNetV2', '0 to 999')}")
    problems = _missing([str(c) for c in range(_CLASSES)], found, folder)
    return _listing(folder, sorted(found.values(), key=lambda f: int(f.name)), {name: int(name) for name in found},
                    problems).expect(10_000, "ImageNetV2")  # fmt: skip


def _inner(path: Path, name: str) -> Path:
    """Where an archive was unpacked, its folder may be one level below."""
    if not path.is_dir():
        raise SuiteError(f"{path}: there is no such folder")
    return path / name if (path / name).is_dir() else path


def _by_wordnet_id(folder: Path, subset: str, what: str) -> Listing:
    wanted = wordnet_ids(subset)
    found = {f.name: f for f in folders_in(folder)}
    strangers = [name for name in found if name in wordnet_ids() and name not in wanted]
    if strangers:
        raise SuiteError(f"{folder}: not {what}: it has no class {some(strangers)}. Is this another data set?")
    known = [found[name] for name in wanted if name in found]
    if not known:
        raise SuiteError(f"{folder}: {_no_folders(folder, what, some(wanted))}")
    columns = None if subset == "imagenet" else tuple((wordnet_ids().index(name),) for name in wanted)
    listing = _listing(folder, known, {name: i for i, name in enumerate(wanted)}, _missing(wanted, found, folder))
    if columns is not None:
        listing.columns = columns
        listing.classes = tuple(class_names()[c] for (c,) in columns)
    return listing


def _listing(source: Path, folders: list[Path], label_of: dict[str, int], problems: list[str]) -> Listing:
    items, labels = [], []
    for folder in folders:
        paths = images_in(folder)
        if not paths:
            problems.append(f"{folder}: no image in it")
        items += [FileItem(path) for path in paths]
        labels += [label_of[folder.name]] * len(paths)
    return Listing(
        source, items, np.array(labels, dtype=np.int64), class_names(), templates=templates(), problems=problems
    )


def _training(path: Path, held_out: bool) -> Listing:
    folder = path / "train"
    if not folder.is_dir():
        raise SuiteError(f"{folder}: there is no such folder; training and held-out images are taken from it")
    listing = _by_wordnet_id(folder, "imagenet", "ImageNet")
    mask = _mask(path, listing)
    rows = np.flatnonzero(mask == held_out)
    listing.items = [listing.items[int(row)] for row in rows]
    listing.labels = listing.labels[rows]
    return listing


def _mask(path: Path, listing: Listing) -> NDArray[np.bool_]:
    """Which training images are held out, in the order of folders and file names."""
    file = path / MINIVAL_MASK
    if file.exists():
        mask = load_array(file)
        if mask.dtype.kind not in "biuf":
            raise SuiteError(f"{file}: it holds {mask.dtype}; zeros and ones are expected")
        if mask.shape != listing.labels.shape:
            raise SuiteError(f"{file}: {mask.size:,} entries, but {path / 'train'} has {len(listing.labels):,} images")
        return np.asarray(mask != 0)
    listing.problems.append(
        f"{file} is not there: {_MINIVAL_PER_CLASS} images of each class are held out by our own draw, "
        "which is not the draw of the model-soups release"
    )
    rng = np.random.default_rng(_MINIVAL_SEED)
    mask = np.zeros(len(listing.labels), dtype=bool)
    for label in np.unique(listing.labels):
        rows = np.flatnonzero(listing.labels == label)
        # Of a small tree at least one image of each class stays for training.
        mask[rng.permutation(rows)[: min(_MINIVAL_PER_CLASS, len(rows) - 1)]] = True
    return mask


def _missing(wanted: tuple[str, ...] | list[str], found: dict[str, Path], folder: Path) -> list[str]:
    lacking = [name for name in wanted if name not in found]
    return [f"{folder}: {len(lacking)} of {len(wanted)} classes have no folder: {some(lacking)}"] if lacking else []


def _no_folders(folder: Path, what: str, wanted: str) -> str:
    there = some([f.name for f in folders_in(folder)]) if folder.is_dir() else ""
    return f"not {what}: folders named {wanted} are expected, found {there or 'none'}"
