"""Fashion-MNIST as published, with a fixed division of its 60,000 training images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites.idx import read_idx

DEFAULT_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_SPLIT_SEED = 0
_PRETRAINING, _FINE_TUNING = 30_000, 25_000


@dataclass(frozen=True)
class LabelledImages:
    """Grey images ``[n, 28, 28]`` (uint8) with labels ``[n]`` (0..9)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def take(self, rows: NDArray[np.int64]) -> LabelledImages:
        """The given rows, in that order."""
        return LabelledImages(self.images[rows], self.labels[rows])


@dataclass(frozen=True)
class RawData:
    """The four disjoint parts that the zoo is built from."""

    pretraining: LabelledImages
    fine_tuning: LabelledImages
    validation: LabelledImages
    test: LabelledImages


def read_raw(folder: str | Path = DEFAULT_FOLDER) -> RawData:
    """Read the four IDX files and divide the training images.

    Parameters
    ----------
    folder
        Folder with ``train-images-idx3-ubyte.gz`` and the other three files (on Debian,
        from the package ``dataset-fashion-mnist``).

    Returns
    -------
    RawData
        30,000 images for pre-training, 25,000 for fine-tuning, 5,000 for
        validation, and the official 10,000 test images.

    Raises
    ------
    FileNotFoundError
        When a file is missing; the message says where to get it.
    """
    folder = Path(folder)
    parts = {}
    for part in ("train", "t10k"):
        paths = folder / f"{part}-images-idx3-ubyte.gz", folder / f"{part}-labels-idx1-ubyte.gz"
        for path in paths:
            if not path.exists():
                raise FileNotFoundError(
                    f"{path} is missing. On Debian or Ubuntu: apt-get install dataset-fashion-mnist. "
                    "Elsewhere: put the four Fashion-MNIST .gz files into one folder and name it with --raw."
                )
        parts[part] = LabelledImages(read_idx(paths[0]), read_idx(paths[1]))
    train = parts["train"]
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(train.labels))
    first, second = _PRETRAINING, _PRETRAINING + _FINE_TUNING
    return RawData(
        pretraining=train.take(order[:first]),
        fine_tuning=train.take(order[first:second]),
        validation=train.take(order[second:]),
        test=parts["t10k"],
    )
