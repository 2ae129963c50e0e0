"""Checks of a command's inputs: names of pools, suites and devices, with suggestions for wrong ones."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

from soupwidgets import devices
from soupwidgets.spelling import did_you_mean, nearest

if TYPE_CHECKING:
    from soupwidgets.suites import Augmentation, Split, Suite

_MOST = 4


def known_pool(source: str) -> str:
    """Check that the pool named by ``--pool`` exists, and return its name.

    Raises
    ------
    PoolError
        With a message that says what is there instead.
    """
    from soupwidgets.checkpoints import is_url
    from soupwidgets.pool import PoolError, weight_files

    if not source:
        raise PoolError("--pool is empty: a shell variable may not be set")
    path = Path(source)
    if is_url(source):
        return source
    if path.is_dir():
        if weight_files(path):
            return source
        if (path / "suite.json").exists():
            raise PoolError(f"{source}: no weight file there: it is the folder of a suite, which --suite takes")
        below = [str(sub) for sub in sorted(path.iterdir()) if sub.is_dir() and weight_files(sub)]
        if below:
            more = f" and {len(below) - _MOST} more" if len(below) > _MOST else ""
            raise PoolError(f"{source}: no weight file there; there are some in {', '.join(below[:_MOST])}{more}")
    elif path.name == "suite.json":
        raise PoolError(f"{source}: a suite's table of contents, not a weight file; --suite takes its folder")
    elif not path.exists() and not glob.glob(source):
        raise PoolError(f"{source}: no weight file there: there is no such {_kind(source)}.{_beside(path)}")
    return source


def known_suite(folder: Path | None) -> Path | None:
    """Check that the suite named by ``--suite`` exists, and return its folder.

    Raises
    ------
    SuiteError
        With a message that says what is there instead.
    """
    from soupwidgets.checkpoints import is_url
    from soupwidgets.pool import weight_files
    from soupwidgets.suites import SuiteError

    if folder is None or is_url(folder):
        return folder
    manifest = folder / "suite.json"
    if folder.name == "suite.json" and folder.is_file():
        return folder.parent
    if manifest.exists():
        return folder
    missing = f"{manifest} is missing:"
    if folder.is_file():
        raise SuiteError(f"{missing} {folder} is a file, and a suite is a folder")
    if not folder.exists():
        raise SuiteError(f"{missing} there is no folder {folder}.{_beside(folder)}")
    if weight_files(folder):
        raise SuiteError(f"{missing} {folder} holds checkpoints, which --pool takes")
    below = [str(sub) for sub in sorted(folder.iterdir()) if (sub / "suite.json").exists()]
    if below:
        raise SuiteError(f"{missing} {folder} is not the folder of a suite; {', '.join(below[:_MOST])} would be")
    raise SuiteError(f"{missing} {folder} is not the folder of a suite; `soupwidgets suite build` makes one")


def known_device(name: str) -> str:
    """Check that the device named by ``--device`` is available, and return its name.

    Raises
    ------
    ValueError
        When there is no such device.
    """
    return devices.known_device(name, "--device")


def tested_split(suite: Suite, name: str | None) -> Split:
    """The split that ``--split`` names; the in-distribution test when None. `ValueError` when there is none."""
    if name is not None and name not in suite.splits:
        raise ValueError(f"the suite has no split {name!r}; it has {', '.join(suite.splits)}")
    return suite.id_test if name is None else suite.splits[name]


def any_split(suite: Suite, name: str | None) -> Split:
    """The split that ``--split`` names, of training perhaps; the validation split when None. `ValueError` if none."""
    from soupwidgets.suites.named import split_named

    try:
        return split_named(suite, name)
    except KeyError as error:
        raise ValueError(error.args[0]) from None


def _kind(source: str) -> str:
    return "file that matches" if glob.has_magic(source) else "file or folder"


def _beside(path: Path) -> str:
    """Suggestions with similar names from the folder where the path stops existing."""
    while not path.parent.exists():
        path = path.parent
    if not path.parent.is_dir():
        return f" {path.parent} is a file, not a folder."
    near = {other.name: str(other) for other in path.parent.iterdir() if not other.name.startswith(".")}
    return did_you_mean([near[name] for name in nearest(path.name, near)])


def named_augmentations(names: list[str], option: str = "--augmentation") -> list[Augmentation]:
    """The augmentations that an option names, each as NAME or NAME:STRENGTH.

    Raises
    ------
    ValueError
        When there is none of that name or strength.
    """
    from soupwidgets.suites import augmentation

    found = []
    for name in names:
        kind, _, strength = name.partition(":")
        try:
            found.append(augmentation(kind, float(strength) if strength else 1.0))
        except ValueError as error:
            raise ValueError(f"{option} {name}: {error}") from None
    return found
