"""Making a suite of data sets on disk: decoded once, checked, and opened in a moment ever after."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.checkpoints.writing import atomic_path
from soupwidgets.suites.content import SuiteError, content_hash
from soupwidgets.suites.decode import decode, fingerprint
from soupwidgets.suites.listing import Listing
from soupwidgets.suites.opening import MANIFEST
from soupwidgets.suites.preprocess import Preprocess
from soupwidgets.suites.readers import READERS
from soupwidgets.suites.readers.imagenet import class_names
from soupwidgets.suites.split import Role
from soupwidgets.suites.suite import Suite

_NAMES: dict[Role, str] = {"validation": "val", "id_test": "test", "train": "train"}
_SHOWN_FAILURES = 5


@dataclass(frozen=True)
class SplitSource:
    """Where a split comes from.

    Parameters
    ----------
    role
        What it is for.
    kind
        A name in `READERS`, such as ``"imagenet-v2"``.
    path
        The data set on disk.
    name
        The split's name; ``val``, ``test``, ``train``, or the kind of a shift when None.
    """

    role: Role
    kind: str
    path: Path
    name: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in READERS:
            raise SuiteError(f"there is no reader for {self.kind!r}; known are {', '.join(sorted(READERS))}")
        if self.role not in get_args(Role):
            raise SuiteError(f"{self.role!r} is not a role; known are {', '.join(get_args(Role))}")
        if not self.title or Path(self.title).name != self.title or self.title.startswith("."):
            raise SuiteError(f"{self.title!r} cannot be a split's name: files are named after it")

    @property
    def title(self) -> str:
        """The split's name."""
        return self.name or _NAMES.get(self.role, self.kind)


@dataclass(frozen=True)
class BuiltSuite:
    """What came out of a build.

    Parameters
    ----------
    suite
        The suite.
    problems
        What was missing or unreadable, by split.
    """

    suite: Suite
    problems: Mapping[str, Sequence[str]] = field(default_factory=dict)


def build_suite(
    folder: str | Path,
    sources: Sequence[SplitSource],
    *,
    name: str | None = None,
    preprocess: Preprocess | None = None,
    only_present: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> BuiltSuite:
    """Decode data sets into a suite.

    What a build that was stopped had decoded is kept; a split whose images did
    not change since is not decoded again.

    Parameters
    ----------
    folder
        Gets ``suite.json`` and the arrays.
    sources
        One validation split, one in-distribution test, and any number of shifts; at most one training split. Without
        a validation split nothing can be chosen, and `Suite.open` asks for ``choosing=False``.
    name
        Of the suite; the kind of the test when None.
    preprocess
        Resizing; CLIP's 224 pixels when None.
    only_present
        Leave out the classes of which the test has no image: for a part of ImageNet, such as a hundred of its classes.
    workers
        Processes that decode; one for each processor when None.
    progress
        Whether to show progress bars.

    Returns
    -------
    BuiltSuite
        Opened, with every problem that was met.

    Raises
    ------
    SuiteError
        When a folder is not the data set that it should be, when classes of two
        splits differ, or when no image of a split could be read.
    """
    folder = Path(folder)
    preprocess = preprocess or Preprocess()
    listings = _listings(sources)
    classes = listings[next(s for s in sources if s.role == "id_test")].classes
    for source, listing in listings.items():
        _fit_classes(source, listing, classes)
    if only_present:
        test_labels = listings[next(s for s in sources if s.role == "id_test")].labels
        kept = [int(c) for c in np.unique(test_labels)]
        listings = {source: listing.restricted(kept, classes) for source, listing in listings.items()}
        classes = tuple(classes[c] for c in kept)
        for source, listing in listings.items():
            if not listing.items:
                raise SuiteError(f"{listing.source}: no image of {source.title!r} is of a class that the test has")
    folder.mkdir(parents=True, exist_ok=True)
    known = _known_entries(folder)
    entries, problems = [], {}
    for source, listing in listings.items():
        stated = fingerprint(listing, preprocess)
        entry = known.get(source.title)
        if entry is None or entry.get("fingerprint") != stated or not _files_exist(folder, entry):
            entry = _decode_split(folder, source, listing, preprocess, workers, progress)
            entry["fingerprint"] = stated
        else:
            entry["role"] = source.role
        entries.append(entry)
        problems[source.title] = entry["problems"]
    test = next(s for s in sources if s.role == "id_test")
    _write_manifest(
        folder,
        {
            "name": name or test.kind,
            "classes": list(classes),
            "templates": list(listings[test].templates),
            "preprocess": preprocess.to_json(),
            "splits": entries,
        },
    )
    shutil.rmtree(folder / ".building", ignore_errors=True)
    return BuiltSuite(Suite.open(folder, choosing=any(s.role == "validation" for s in sources)), problems)


def add_shift(
    folder: str | Path,
    name: str,
    transform: Callable[[torch.Tensor], torch.Tensor],
    *,
    of: str | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Suite:
    """Add a distribution shift of one's own: a split's images under a transform.

    Parameters
    ----------
    folder
        The suite's folder; its manifest is written anew.
    name
        Of the shift.
    transform
        From one image ``[3, height, width]`` (uint8) to another of the same
        shape: any transform of ``torchvision.transforms.v2``, or any function.
    of
        The split whose images are shifted; the in-distribution test when None.
    seed
        Image ``i`` is made with torch's generator seeded by ``seed + i``, so the same
        transform gives the same pixels again.
    progress
        Whether to show a progress bar.

    Returns
    -------
    Suite
        With one more shift.

    Raises
    ------
    SuiteError
        When the name is taken, or the transform gives another shape or type.
    """
    folder = Path(folder)
    suite = Suite.open(folder, choosing=False)
    split = suite.splits[of] if of else suite.id_test
    if name in suite.splits or Path(name).name != name or name.startswith(".") or not name.isprintable():
        raise SuiteError(f"{name!r} cannot be the new split's name: it is taken, or no name of a file")
    shown = split.images if split.images.ndim == 4 else np.repeat(split.images[..., None], 3, axis=-1)
    with atomic_path(folder / f"{name}.images.npy") as path:
        made = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shown.shape)
        for i in tqdm(range(len(split)), desc=name, unit="image", disable=not progress):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed + i)
                image = transform(torch.from_numpy(np.array(shown[i])).permute(2, 0, 1))
            if not isinstance(image, torch.Tensor) or image.dtype != torch.uint8:
                raise SuiteError(f"{name}: the transform must give uint8 tensors, it gave {type(image).__name__}")
            if image.shape != (3, *shown.shape[1:3]):
                raise SuiteError(f"{name}: the transform changed the shape of image {i} to {tuple(image.shape)}")
            made[i] = image.permute(1, 2, 0).numpy()
        made.flush()
        digest = content_hash(made, split.labels)
    _save(folder / f"{name}.labels.npy", split.labels)
    manifest = json.loads((folder / MANIFEST).read_text())
    original = next(entry for entry in manifest["splits"] if entry["name"] == split.name)
    kept = ("metric", "class_map", "classes", "groups", "group_names", *(() if "rows" in original else ("names",)))
    scoring = {k: original[k] for k in kept if k in original}
    entry = {"name": name, "role": "shift", "images": f"{name}.images.npy", "labels": f"{name}.labels.npy"}
    manifest["splits"].append(
        {**entry, **scoring, "sha256": digest, "made_of": split.name, "transform": repr(transform)}
    )
    _write_manifest(folder, manifest)
    return Suite.open(folder, choosing=False)


def _listings(sources: Sequence[SplitSource]) -> dict[SplitSource, Listing]:
    roles = [source.role for source in sources]
    needed: dict[Role, str] = {"validation": "--val", "id_test": "--id"}
    for role, option in needed.items():
        if roles.count(role) > 1 or (role == "id_test" and not roles.count(role)):
            raise SuiteError(f"a suite needs exactly one {role} split ({option}), {roles.count(role)} are given")
    if roles.count("train") > 1:
        raise SuiteError("a suite has one training split at most (--train)")
    titles = [source.title for source in sources]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        raise SuiteError(f"two splits are named {twice[0]!r}; name one, as in --shift NAME:KIND=PATH")
    return {source: READERS[source.kind](source.path, source.role) for source in sources}


def _fit_classes(source: SplitSource, listing: Listing, classes: tuple[str, ...]) -> None:
    """Say the split's labels in the suite's classes, or say why that cannot be."""
    if listing.columns is not None:
        if classes != class_names():
            raise SuiteError(f"{listing.source}: {source.kind} is a shift of ImageNet, the suite has other classes")
        return
    if listing.classes == classes:
        return
    place = {name: i for i, name in enumerate(classes)}
    strangers = [name for name in listing.classes if name not in place]
    if strangers:
        raise SuiteError(
            f"{listing.source}: the class {strangers[0]!r} is not among the {len(classes)} classes of the test"
        )
    # Some of the test's classes, by name: logits of the others do not count.
    columns = tuple((place[name],) for name in listing.classes)
    lacking = len(classes) - len(columns)
    if source.role in ("validation", "train"):
        listing.labels = np.array([place[listing.classes[label]] for label in listing.labels], dtype=np.int64)
        listing.classes = classes
        listing.problems.append(f"{listing.source}: {lacking} of the test's {len(classes)} classes have no image here")
    else:
        listing.columns = columns


def _decode_split(
    folder: Path, source: SplitSource, listing: Listing, preprocess: Preprocess, workers: int | None, progress: bool
) -> dict[str, Any]:
    title, work = source.title, folder / ".building" / source.title
    if not listing.items:
        raise SuiteError(f"{listing.source}: no image to decode")
    images, failures = decode(listing, preprocess, work, title, workers, progress)
    if len(failures) == len(images):
        raise SuiteError(f"{listing.source}: no image could be read; the first: {failures[0][1]}")
    kept = np.setdiff1d(np.arange(len(images)), [row for row, _ in failures])
    problems = [*listing.problems, *(why for _, why in failures[:_SHOWN_FAILURES])]
    if len(failures) > _SHOWN_FAILURES:
        problems.append(f"{listing.source}: {len(failures)} images in all cannot be read; they are left out")
    files = {"images": f"{title}.images.npy", "labels": f"{title}.labels.npy", "names": f"{title}.names.json"}
    labels = listing.labels[kept]
    if failures:
        with atomic_path(folder / files["images"]) as path:
            _copy_rows(images, kept, path)
    else:
        (work / "images.npy").replace(folder / files["images"])
    _save(folder / files["labels"], labels)
    with atomic_path(folder / files["names"]) as path:
        path.write_text(json.dumps([listing.items[row].file_name for row in kept]))
    entry: dict[str, Any] = {"name": title, "role": source.role, **files, "kind": source.kind, "problems": problems}
    if listing.columns is not None:
        entry |= {"class_map": [list(group) for group in listing.columns], "classes": list(listing.classes)}
    if listing.metric != "accuracy":
        entry["metric"] = listing.metric
    if listing.groups is not None:
        entry |= {"groups": f"{title}.groups.npy", "group_names": list(listing.group_names)}
        _save(folder / entry["groups"], listing.groups[kept])
    stored = np.load(folder / files["images"], mmap_mode="r")
    entry["sha256"] = content_hash(stored, labels)
    return entry


def _copy_rows(images: NDArray[np.uint8], rows: NDArray[np.int64], path: Path) -> None:
    made = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(len(rows), *images.shape[1:]))
    for start in range(0, len(rows), 1024):
        made[start : start + 1024] = images[rows[start : start + 1024]]
    made.flush()


def _save(path: Path, array: NDArray[Any]) -> None:
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array)


def _known_entries(folder: Path) -> dict[str, dict[str, Any]]:
    """Splits of an earlier build in this folder; none where there is no manifest that can be read."""
    try:
        splits = json.loads((folder / MANIFEST).read_text())["splits"]
        return {str(entry["name"]): entry for entry in splits if "problems" in entry}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _files_exist(folder: Path, entry: Mapping[str, Any]) -> bool:
    # A suite from before there were names is decoded again, once.
    needed = ("images", "labels", "names", *(("groups",) if "groups" in entry else ()))
    return all(key in entry and (folder / entry[key]).is_file() for key in needed)


def _write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    with atomic_path(folder / MANIFEST) as path:
        path.write_text(json.dumps(manifest, indent=1) + "\n")
