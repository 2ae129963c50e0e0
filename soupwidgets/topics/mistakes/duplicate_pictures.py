"""Pictures of near-duplicates, to be looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soupwidgets.checkpoints import atomic_path
from soupwidgets.suites import Split
from soupwidgets.topics.mistakes.near_duplicates import NearDuplicates

SHOWN = 40
_ACROSS = 10
_GAP = 4


def pair_pictures(found: NearDuplicates, split: Split, reference: Split, *, most: int = SHOWN) -> NDArray[np.uint8]:
    """Draw the nearest pairs, ten in a row: the image above, the training image below it.

    Parameters
    ----------
    split, reference
        Whose images they are.
    most
        How many pairs.

    Returns
    -------
    NDArray[np.uint8]
        ``[height, width, 3]``.

    Raises
    ------
    ValueError
        When there is no pair.
    """
    rows = found.rows[:most]
    if not len(rows):
        raise ValueError(f"no image of {found.split!r} has a near-duplicate: nothing to draw")
    pairs = [
        np.concatenate([_tile(split.images[row]), _tile(reference.images[found.nearest[row]])], axis=0) for row in rows
    ]
    height, width = (max(pair.shape[axis] for pair in pairs) for axis in (0, 1))
    lines = -(-len(pairs) // _ACROSS)
    sheet = np.full((lines * (height + _GAP), min(len(pairs), _ACROSS) * width, 3), 255, dtype=np.uint8)
    for place, pair in enumerate(pairs):
        top, left = (place // _ACROSS) * (height + _GAP), (place % _ACROSS) * width
        sheet[top : top + pair.shape[0], left : left + pair.shape[1]] = pair
    return sheet


def write_pairs(path: str | Path, found: NearDuplicates, split: Split, reference: Split) -> Path:
    """Write `pair_pictures` as a PNG.

    Raises
    ------
    ValueError
        When there is no pair.
    """
    from PIL import Image

    picture = Image.fromarray(pair_pictures(found, split, reference))
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        picture.save(file, "PNG")
    return Path(path)


def _tile(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colour = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=-1)
    framed: NDArray[np.uint8] = np.pad(colour, ((1, 1), (1, 1), (0, 0)), constant_values=255)
    return framed
