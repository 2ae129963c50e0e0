"""Random samples of the images of a split: drawn once, recorded with their chances, and looked at in random order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites import Split
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.mistakes.review_queue import Queue
from soupwidgets.topics.review.plain_values import LONGEST_NAME

# One digit says which stratum an image is in.
MOST_STRATA = 10
MISTAKES, RIGHT = "mistakes", "right predictions"
# The same for every image, so that it says nothing of one.
_REASON = "drawn at random"


@dataclass(frozen=True)
class Sample:
    """Images that were drawn at random, with everything that is needed to count up to the whole split.

    Parameters
    ----------
    name
        What the sample is called.
    split
        The split that it was drawn from.
    model
        The model whose mistakes are a stratum of their own; empty if none is.
    strata
        Names of the parts that were drawn from separately.
    of
        For every image of the split, in order, the number of its stratum: one digit each.
    rows
        The images drawn, in the random order in which they are looked at. Whoever stops early has seen a random sample
        of each stratum as well.
    """

    name: str
    split: str
    model: str
    strata: tuple[str, ...]
    of: str
    rows: tuple[int, ...]

    def __repr__(self) -> str:
        drawn = ", ".join(f"{m:,} of {n:,} {name}" for name, m, n in zip(self.strata, self.drawn, self.sizes,
                                                                         strict=True))  # fmt: skip
        return f"Sample({self.name!r} of {self.split!r}: {drawn})"

    @property
    def stratum(self) -> NDArray[np.int64]:
        """The number of each image's stratum, ``[images]``."""
        return np.frombuffer(self.of.encode(), dtype=np.uint8).astype(np.int64) - ord("0")

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many images each stratum has."""
        return tuple(self.of.count(str(number)) for number in range(len(self.strata)))

    @property
    def drawn(self) -> tuple[int, ...]:
        """How many of them were drawn."""
        said = [self.of[row] for row in self.rows]
        return tuple(said.count(str(number)) for number in range(len(self.strata)))

    @property
    def inclusion(self) -> NDArray[np.float64]:
        """The probability with which each image was to be drawn, ``[images]``."""
        chance = np.array([m / n if n else 0.0 for m, n in zip(self.drawn, self.sizes, strict=True)])
        found: NDArray[np.float64] = chance[self.stratum]
        return found

    def queue(self) -> Queue:
        """The images in the order in which to look at them."""
        return Queue(self.name, self.rows, (_REASON,) * len(self.rows))

    def to_body(self) -> dict[str, Any]:
        """Plain values for a record."""
        return {
            "name": self.name, "split": self.split, "model": self.model, "strata": list(self.strata), "of": self.of,
            "rows": list(self.rows),
        }  # fmt: skip


def random_sample(split: Split, images: int, *, seed: int, name: str = "random sample") -> Sample:
    """Draw from the whole split, each image with the same chance.

    Parameters
    ----------
    images
        How many to draw; all where there are fewer.
    seed
        Seed of the drawing.
    """
    of, strata = np.zeros(len(split), dtype=np.int64), ["all images"]
    return _drawn(split, of, strata, [min(images, len(split))], np.random.default_rng(seed), name=name, model="")


def stratified_sample(
    model: Member, split: Split, images: int, *, seed: int, name: str = "stratified sample"
) -> Sample:
    """Draw half from a model's mistakes and half from its right predictions.

    Mistakes are rare, and are what is asked about; right predictions are looked at too, since some are mistakes that
    nobody has noticed.

    Parameters
    ----------
    model
        Whose mistakes, by the label that each image has.
    images
        How many to draw in all. Where one part has fewer than half of that, all of it, and more of the other.
    seed
        Seed of the drawing.
    """
    of = model.right(split).astype(np.int64)
    mistakes, right = int((of == 0).sum()), int(of.sum())
    first = min(mistakes, max(images // 2, images - right))
    counts = [first, min(right, images - first)]
    return _drawn(
        split, of, [MISTAKES, RIGHT], counts, np.random.default_rng(seed), name=name, model=model.name[:LONGEST_NAME]
    )


def _drawn(
    split: Split,
    of: NDArray[np.int64],
    strata: Sequence[str],
    counts: Sequence[int],
    rng: np.random.Generator,
    *,
    name: str,
    model: str,
) -> Sample:
    parts = [rng.permutation(np.flatnonzero(of == number))[:count] for number, count in enumerate(counts)]
    # Mixed, so that the order says nothing of the stratum.
    rows = rng.permutation(np.concatenate(parts))
    return Sample(
        name, split.name, model, tuple(strata), "".join(map(str, of.tolist())), tuple(int(row) for row in rows)
    )
