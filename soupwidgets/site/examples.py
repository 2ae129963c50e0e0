"""A split's images in pieces, in the order in which an evaluator looks at them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from soupwidgets.evaluation.run import SAMPLES
from soupwidgets.evaluation.split_reader import SplitReader
from soupwidgets.models import Model
from soupwidgets.site.content import write_packed
from soupwidgets.suites import Split

# Images of a piece: what a page fetches, and measures before it asks for more.
_PIECE = 1000


def pieces(images: int) -> Iterator[tuple[int, int]]:
    """From which image to which each piece goes; the first are those of an evaluator's coarse answers.

    Examples
    --------
    >>> list(pieces(2000))
    [(0, 64), (64, 320), (320, 1320), (1320, 2000)]
    """
    start = 0
    for stop in (*SAMPLES, *range(SAMPLES[-1] + _PIECE, images + _PIECE, _PIECE)):
        if start < images:
            yield start, min(stop, images)
            start = stop


def write_examples(folder: Path, stem: str, split: Split, model: Model, most: int | None) -> dict[str, Any]:
    """Write a split's images, labels and places.

    Parameters
    ----------
    folder
        Where to.
    stem
        What the files' names begin with: that of a split may be none for a file.
    model
        The evaluator's, whose order it is.
    most
        How many examples at most: a random sample, the same for every model; all when None.

    Returns
    -------
    dict
        The split's entry in the manifest: which examples there are, of how many; ``columns`` (for each of its classes
        the outputs that mean it; None if they are the suite's); ``places`` (a file: the examples' places in the split
        as int32, then their labels as int32) and ``pieces`` (files of pixels).
    """
    order = SplitReader(split, model, torch.device("cpu")).order[:most]
    places = np.concatenate([order, split.labels[order]]).astype("<i4")
    images = split.examples["images"]
    written = [
        {
            "start": start,
            "stop": stop,
            **write_packed(folder, f"{stem}-{start}.bin", images[order[start:stop]].tobytes()).to_json(),
        }
        for start, stop in pieces(len(order))
    ]
    class_map = split.scoring.class_map
    return {
        "name": split.name,
        "role": split.role,
        "examples": len(order),
        "of": len(split),
        "shape": list(images.shape[1:]),
        "columns": None if class_map is None else [list(columns) for columns in class_map.columns],
        "places": write_packed(folder, f"{stem}-places.bin", places.tobytes()).to_json(),
        "pieces": written,
    }
