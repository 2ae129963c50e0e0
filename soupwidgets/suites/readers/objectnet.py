"""ObjectNet: objects at home, from odd angles; 113 of its classes are ImageNet's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from soupwidgets.suites.content import SuiteError
from soupwidgets.suites.listing import FileItem, Listing, folders_in, images_in, some
from soupwidgets.suites.readers.imagenet import templates, wordnet_ids
from soupwidgets.suites.readers.reader import reader
from soupwidgets.suites.split import Role
from soupwidgets.suites.tables import load_table

_BORDER = 2


@reader("objectnet")
def objectnet(path: Path, _role: Role) -> Listing:
    """The folders of the 113 classes that ImageNet has too, without the 2-pixel red border.

    Several of ImageNet's classes can mean one of ObjectNet's (three chairs are
    a chair): its logit is the largest of theirs.

    Notes
    -----
    Barbu et al. (2019), 'ObjectNet', NeurIPS; scored as in the release of arXiv 2109.01903.
    """
    folder = next((f for f in (path / "objectnet-1.0" / "images", path / "images", path) if f.is_dir()), path)
    if not folder.is_dir():
        raise SuiteError(f"{path}: there is no such folder")
    table = load_table("objectnet.json")
    found = {f.name: f for f in folders_in(folder)}
    if not any(name in table for name in found):
        raise SuiteError(
            f"{folder}: not ObjectNet: folders named alarm_clock, backpack and 111 others are expected, "
            f"found {some(list(found)) or 'none'}"
        )
    problems = []
    items: list[FileItem] = []
    labels: list[int] = []
    for label, name in enumerate(table):
        paths = images_in(found[name]) if name in found else []
        if not paths:
            problems.append(f"{folder / name}: {'no image in it' if name in found else 'this class has no folder'}")
        items += [FileItem(p) for p in paths]
        labels += [label] * len(paths)
    if len(problems) > 1:
        problems = [f"{folder}: {len(problems)} of {len(table)} classes have no images"]
    place = {name: i for i, name in enumerate(wordnet_ids())}
    return Listing(
        folder,
        items,
        np.array(labels, dtype=np.int64),
        tuple(str(entry["name"]).lower() for entry in table.values()),
        columns=tuple(tuple(place[name] for name in entry["imagenet"]) for entry in table.values()),
        border=_BORDER,
        templates=templates(),
        problems=problems,
    ).expect(18_574, "ObjectNet's overlap with ImageNet")
