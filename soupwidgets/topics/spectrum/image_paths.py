"""Straight lines between images, along which a model's predictions are followed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites import BlendSplit, Split

PathKind = Literal["within", "between"]
# With fewer points than this there is no meaningful spectrum.
FEWEST_SAMPLES = 8
_DESCRIPTIONS = {"within": "within a class", "between": "between classes"}


@dataclass(frozen=True, eq=False)
class ImagePaths:
    """Straight lines between pairs of images, with the points on them.

    Parameters
    ----------
    description
        Where they lead, for titles, such as "within a class".
    split
        All points that a model is shown, path after path, from start to end.
    starts
        Position of each path's first point in ``split``, and one more for the end of the last: ``[paths + 1]``.
    lengths
        L2 distance between the two images of each path, ``[paths]``, in pixel values from 0 (black) to 1 (white),
        over all pixels and channels that the suite stores.
    labels
        Classes of the two images, ``[paths, 2]``.
    step
        Distance between two points in the same unit, or None if all paths have the same number of points.
    """

    description: str
    split: BlendSplit
    starts: NDArray[np.int64]
    lengths: NDArray[np.float64]
    labels: NDArray[np.int64]
    step: float | None

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def samples(self) -> NDArray[np.int64]:
        """Points of each path, ``[paths]``."""
        found: NDArray[np.int64] = np.diff(self.starts)
        return found

    @property
    def unit(self) -> str:
        """The unit of frequencies."""
        return "cycles per path" if self.step is None else "cycles per unit of L2 distance"

    def spacing(self, path: int) -> float:
        """Distance between two points of a path: as a fraction of the path, or in L2."""
        return float(1 / (self.samples[path] - 1)) if self.step is None else self.step

    def images(self, path: int) -> NDArray[np.uint8]:
        """The points of a path as pictures ``[samples, height, width(, 3)]``."""
        rows = np.arange(self.starts[path], self.starts[path + 1])
        return self.split.blend(rows).clip(0, 255).round().astype(np.uint8)


def image_paths(
    split: Split,
    kind: PathKind,
    pairs: int = 200,
    samples: int = 64,
    *,
    step: float | None = None,
    seed: int = 0,
    classes: Sequence[str] = (),
) -> ImagePaths:
    """Draw pairs of images from one split, evenly over its classes, with the straight lines between them.

    The same arguments give the same paths.

    Parameters
    ----------
    kind
        ``"within"``: both images from one class. ``"between"``: from two classes.
    samples
        Number of points on each path, including both images; ignored if ``step`` is given.
    step
        L2 distance between two points (pixel values 0..1), instead of ``samples``. A path then starts at its first
        image, has as many whole steps as fit, and ends less than one step before its second image.
    seed
        Seed for the pairs. The first half of them is as evenly spread over the classes as all of them.
    classes
        Names of the classes, for error messages.

    Raises
    ------
    ValueError
        When a class has no image, or only one for paths within classes; when two images are identical or closer than
        eight steps.

    Notes
    -----
    arXiv 2110.02424, section 4. Every class starts the same number of paths, and ends the same number, up to one.
    """
    if kind not in get_args(PathKind):
        raise ValueError(f"paths lead 'within' or 'between' classes, not {kind!r}")
    _check_counts(pairs, samples, step)
    labels = split.labels
    present = np.unique(labels)
    least = 2 if kind == "within" else 1
    rows_of = {int(c): np.flatnonzero(labels == c) for c in present}
    for c, rows in rows_of.items():
        if len(rows) < least:
            name = repr(classes[c]) if c < len(classes) else f"number {c}"
            raise ValueError(
                f"class {name} has one image in {split.name!r}: a path within a class needs two. "
                "Use a split with more images, or paths between classes"
            )
    if kind == "between" and len(present) < 2:
        raise ValueError(f"{split.name!r} has images of one class only: there are no paths between classes")
    rng = np.random.default_rng([seed, len(split), get_args(PathKind).index(kind)])
    chosen: list[NDArray[np.int64]] = []
    for first, second in _class_pairs(present, kind, rng):
        if len(chosen) == pairs:
            break
        if first == second:
            ends = rng.choice(rows_of[first], 2, replace=False)
        else:
            ends = np.array([rng.choice(rows_of[first]), rng.choice(rows_of[second])])
        chosen.append(ends)
    rows = np.array(chosen)
    return _between(split.images[rows], labels[rows], _DESCRIPTIONS[kind], split.name, samples, step)


def paths_to(
    split: Split, other: Split, pairs: int = 200, samples: int = 64, *, step: float | None = None, seed: int = 0
) -> ImagePaths:
    """Straight lines from images to the same images under a shift.

    They are spread evenly over the classes, as far as each has images.

    Parameters
    ----------
    other
        A split that shows some of the same images in a different way, like the shifts of the bundled suite.
    pairs, samples, step, seed
        As in `image_paths`; at most as many pairs as the two splits have in common.

    Raises
    ------
    ValueError
        When the two have no image in common, and as in `image_paths`.
    """
    _check_counts(pairs, samples, step)
    numbers = split.image_numbers
    place = {int(number): row for row, number in enumerate(numbers)}
    common = [row for row, number in enumerate(other.image_numbers) if int(number) in place]
    if not common or other is split:
        raise ValueError(
            f"{other.name!r} shows none of the images of {split.name!r} in a different way: no path leads there"
        )
    there = _evenly(other.labels, np.array(common), pairs, np.random.default_rng([seed, len(split), 2]))
    here = np.array([place[int(number)] for number in other.image_numbers[there]])
    ends = np.stack([split.images[here], other.images[there]], axis=1)
    labels = np.stack([split.labels[here], other.labels[there]], axis=1)
    return _between(ends, labels, f"to {other.name}", split.name, samples, step)


def paths_to_changed(
    split: Split,
    change: Any,
    *,
    name: str,
    pairs: int = 200,
    samples: int = 64,
    step: float | None = None,
    seed: int = 0,
) -> ImagePaths:
    """Straight lines from images to their augmented versions.

    Parameters
    ----------
    change
        Function from images ``[n, height, width(, 3)]`` (uint8) to changed images of the same shape, like
        `suites.Augmentation.once`.
    pairs, samples, step, seed
        As in `image_paths`.

    Raises
    ------
    ValueError
        When the change alters the shape of images, and as in `image_paths`.
    """
    _check_counts(pairs, samples, step)
    rows = _evenly(split.labels, np.arange(len(split)), pairs, np.random.default_rng([seed, len(split), 3]))
    before = np.array(split.images[rows])
    after = np.asarray(change(before))
    if after.shape != before.shape or after.dtype != np.uint8:
        raise ValueError(
            f"{name} turns images of shape {before.shape[1:]} (uint8) into {after.shape[1:]} ({after.dtype}): "
            "a path needs two images of the same shape"
        )
    labels = np.repeat(split.labels[rows, None], 2, axis=1)
    return _between(np.stack([before, after], axis=1), labels, f"to {name}", split.name, samples, step)


def _check_counts(pairs: int, samples: int, step: float | None) -> None:
    if pairs < 1 or (step is None and samples < FEWEST_SAMPLES) or (step is not None and not step > 0):
        raise ValueError(
            f"needs at least one pair, and {FEWEST_SAMPLES} points on a path or a positive step; "
            f"got {pairs} pairs, {samples} points, step {step}"
        )


def _class_pairs(present: NDArray[np.int64], kind: PathKind, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Endless classes of the two ends: each round starts once at every class, and ends once at every class."""
    while True:
        order = rng.permutation(present).tolist()
        ends = order if kind == "within" else [*order[1:], order[0]]
        yield from zip(order, ends, strict=True)


def _evenly(
    labels: NDArray[np.int64], rows: NDArray[np.int64], most: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Some of the rows, taking turns between the classes as long as each has rows left."""
    waiting = {int(c): rng.permutation(rows[labels[rows] == c]).tolist() for c in np.unique(labels[rows])}
    chosen: list[int] = []
    while len(chosen) < most and any(waiting.values()):
        for c in rng.permutation(list(waiting)).tolist():
            if waiting[c] and len(chosen) < most:
                chosen.append(waiting[c].pop())
    return np.array(chosen)


def _between(
    ends: NDArray[np.uint8],
    labels: NDArray[np.int64],
    description: str,
    where: str,
    samples: int,
    step: float | None,
) -> ImagePaths:
    """Paths between given images ``[paths, 2, height, width(, 3)]``."""
    n = len(ends)
    lengths = np.sqrt((np.diff(ends.astype(np.float64) / 255, axis=1) ** 2).sum(axis=tuple(range(1, ends.ndim))))
    if step is None:
        shares = [np.linspace(0, 1, samples)] * n
    else:
        short = np.flatnonzero(lengths < (FEWEST_SAMPLES - 1) * step)
        if len(short):
            raise ValueError(
                f"path {short[0]} {description} is {lengths[short[0]]:.3g} long (L2, pixel values 0..1): steps of "
                f"{step:g} leave fewer than {FEWEST_SAMPLES} points on it; use at most {lengths[short[0]] / 7:.2g}"
            )
        # A path that is a whole number of steps long keeps its last step in spite of rounding.
        shares = [np.arange(int(length / step + 1e-9) + 1) * (step / length) for length in lengths]
    counts = [len(share) for share in shares]
    path = np.repeat(np.arange(n), counts)
    along = np.concatenate(shares)
    split = BlendSplit(
        f"paths {description}, {where}",
        ends.reshape(2 * n, *ends.shape[2:]),
        2 * path,
        2 * path + 1,
        np.stack([1 - along, along], axis=1),
        labels[path, (along > 0.5).astype(int)],
    )
    return ImagePaths(description, split, np.concatenate([[0], np.cumsum(counts)]), lengths, labels, step)
