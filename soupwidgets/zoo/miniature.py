"""The part of the zoo that is installed with the package, for `soupwidgets.demo`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from soupwidgets.checkpoints import atomic_path
from soupwidgets.miniature import SUITE_FOLDER, ZOO_FOLDER
from soupwidgets.zoo.raw import LabelledImages
from soupwidgets.zoo.suite import write_suite

# The zero-shot model, four of the five that the greedy soup of 22 takes, and the one with too large a learning rate.
CHECKPOINTS = ("bad-lr", "ft-00", "ft-03", "ft-08", "ft-11", "zero-shot")
VALIDATION_IMAGES = 1000
TEST_IMAGES = 2000


def write_miniature(data: Path, out: Path) -> Path:
    """Write the miniature from the whole data: some checkpoints, and the first images of validation and test.

    Parameters
    ----------
    data
        The repository's folder ``data``.
    out
        Gets ``zoo/`` and ``suite/``; files of the same names are replaced.

    Returns
    -------
    Path
        ``out``.
    """
    zoo = out / ZOO_FOLDER.name
    zoo.mkdir(parents=True, exist_ok=True)
    for name in CHECKPOINTS:
        file = f"{name}.safetensors"
        with atomic_path(zoo / file) as path:
            path.write_bytes((data / "zoo" / "fashion" / file).read_bytes())
    suite = data / "suites" / "fashion"
    write_suite(
        out / SUITE_FOLDER.name,
        "Fashion-MNIST miniature",
        _first(suite, "val", VALIDATION_IMAGES),
        _first(suite, "test", TEST_IMAGES),
    )
    return out


def _first(suite: Path, split: str, images: int) -> LabelledImages:
    arrays = [np.load(suite / f"{split}.{kind}.npy")[:images] for kind in ("images", "labels")]
    return LabelledImages(*arrays)
