"""Any folder of folders: one for each class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from soupwidgets.suites.content import SuiteError
from soupwidgets.suites.listing import FileItem, Listing, folders_in, images_in
from soupwidgets.suites.readers.reader import reader
from soupwidgets.suites.split import Role
from soupwidgets.suites.tables import load_table

_SUBFOLDERS = {
    "train": ("train",),
    "validation": ("val", "valid", "validation"),
    "id_test": ("test", "val"),
    "shift": ("test", "val"),
}


@reader("folder")
def image_folder(path: Path, role: Role) -> Listing:
    """The layout of torchvision's ``ImageFolder``: ``path/class/image.jpg``.

    Where ``path`` has the folders ``train``, ``val`` or ``test``, the one for the role is taken.
    """
    if not path.is_dir():
        raise SuiteError(f"{path}: there is no such folder")
    folder = next((path / name for name in _SUBFOLDERS[role] if (path / name).is_dir()), path)
    by_class = {f.name: images_in(f) for f in folders_in(folder)}
    classes = tuple(name for name, paths in by_class.items() if paths)
    if not classes:
        raise SuiteError(f"{folder}: no folder with images in it; one for each class is expected")
    return Listing(
        folder,
        [FileItem(p) for name in classes for p in by_class[name]],
        np.repeat(np.arange(len(classes)), [len(by_class[name]) for name in classes]),
        classes,
        templates=tuple(load_table("templates.json")["plain"]),
        problems=[f"{folder / name}: no image in it" for name, paths in by_class.items() if not paths],
    )
