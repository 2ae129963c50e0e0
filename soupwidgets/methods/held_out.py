"""Some of the validation images judge what the others choose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites import Split


def divide(split: Split, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide a split into images that choose and images that judge.

    Parameters
    ----------
    split
        The validation split.
    share
        Share of the images that judge, 0 to 1.
    seed
        Decides which.

    Returns
    -------
    chosen, judging
        Positions in the split's own order, each ascending; no image is in both. Where an image has one label, the
        share is that of every class, to within one image. With a share of 0 no image judges.

    Raises
    ------
    ValueError
        When the share is not in 0..1, or one part would have no image.
    """
    count = round(share * len(split)) if 0 <= share < 1 else -1
    if count < 0 or count == len(split) or (share > 0 and count < 2):
        raise ValueError(
            f"held_out is {share:g}: it is the share of the {len(split)} validation images that judge, at least 0 and "
            "less than 1, and enough for two of them to judge and one to choose"
        )
    rng = np.random.default_rng([seed, 1])
    order = rng.permutation(len(split))
    one_label = split.scoring.task == "single-label"
    groups = split.labels[order] if one_label else np.zeros(len(split), dtype=np.int64)
    # An image's place within its class, as a share of it: the lowest of all classes together are a share of each.
    place = np.empty(len(split))
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    judging = np.sort(order[np.argsort(place, kind="stable")[:count]])
    return np.setdiff1d(np.arange(len(split)), judging), judging
