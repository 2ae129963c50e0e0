"""Images of a test that are in the training images too, or almost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluator
from soupwidgets.recipe import Recipe
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.suites import ArraySplit, Split
from soupwidgets.topics.mistakes.embeddings import Embeddings, embed_splits
from soupwidgets.topics.mistakes.image_copies import VIEWS, planted_copies
from soupwidgets.topics.mistakes.nearest import nearest_references

if TYPE_CHECKING:
    import pandas as pd

# Embeddings in float32 differ by this much for the same pixels in another batch.
_SAME = 1e-6
# Embeddings of one model differ by less than this (1 - cosine) between machines and batches.
_OTHER_MODEL = 1e-4
_NORMAL_MAD = 1.4826
_PLANTED = 300


@dataclass(frozen=True, eq=False)
class PlantedCopies:
    """Changed copies of training images, looked for as if they were images of the test.

    Parameters
    ----------
    kind
        How they were changed.
    similarity
        Of each to its original, ``[copies]``.
    found
        How many are at least as near to a reference as the threshold asks, that reference being their original.
    interval
        95% Clopper-Pearson interval of the share that is found.
    """

    kind: str
    similarity: NDArray[np.float32] = field(repr=False)
    found: int
    interval: tuple[float, float]


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """Images of a split whose nearest training image is suspiciously near.

    Parameters
    ----------
    split, reference
        Names of the two splits.
    nearest, similarity
        The nearest reference of every image of the split, and its cosine similarity, ``[n]``.
    threshold
        From which similarity on a pair counts.
    planted
        What the threshold finds of copies that were planted; empty if none were.
    """

    split: str
    reference: str
    nearest: NDArray[np.int64] = field(repr=False)
    similarity: NDArray[np.float32] = field(repr=False)
    threshold: float
    planted: tuple[PlantedCopies, ...] = ()

    @property
    def rows(self) -> NDArray[np.int64]:
        """Images of the split that have a near-duplicate, the nearest first."""
        found = np.flatnonzero(self.similarity >= self.threshold)
        order: NDArray[np.int64] = found[np.argsort(-self.similarity[found], kind="stable")]
        return order

    def to_frame(self, split: Split, reference: Split) -> pd.DataFrame:
        """The pairs as a table: ``image``, ``nearest``, ``similarity``, both labels, and names of files where known."""
        import pandas as pd

        rows, near = self.rows, self.nearest[self.rows]
        columns: dict[str, object] = {
            "image": rows, "nearest": near, "similarity": self.similarity[rows], "label": split.labels[rows],
            "label of nearest": reference.labels[near],
        }  # fmt: skip
        for name, where, which in (("file", split, rows), ("file of nearest", reference, near)):
            if where.file_names is not None:
                columns[name] = [where.file_names[row] for row in which]
        return pd.DataFrame(columns)


def near_duplicates(
    ev: Evaluator,
    split: str,
    *,
    recipe: Recipe | None = None,
    threshold: float | None = None,
    embedded: Embeddings | None = None,
    progress: bool = True,
) -> NearDuplicates:
    """Find images of a split whose nearest training image may be the same picture.

    Each image is looked for as it is, flipped left to right, and moved by a pixel (of 28) in four directions; the
    nearest of these views counts. What is found are candidates: look at them. How many shifted, flipped and re-encoded
    copies of training images the threshold finds, ``planted`` says.

    Parameters
    ----------
    recipe
        The model whose embeddings are compared; the pool's zero-shot model when None.
    threshold
        From which cosine similarity on a pair counts; `duplicate_threshold` of the similarities when None.
    embedded
        Embeddings beside this split by the same model (`embeddings`), if they are there: of the training images 300
        are embedded again, to see that they are the same, and not all.

    Raises
    ------
    KeyError
        When the suite has no such split.
    ValueError
        When the suite has no training images, the models are not open_clip's, or 300 of the training images show that
        ``embedded`` is of other images or another model.
    """
    if split not in ev.suite.splits:
        raise KeyError(f"the suite has no split {split!r}; it has {', '.join(ev.suite.splits)}")
    reference = ev.suite.training
    if reference is None:
        raise ValueError(
            f"the suite {ev.suite.name!r} has no training images, of which the test may hold duplicates: build it with "
            "--train"
        )
    originals = np.sort(np.random.default_rng(0).permutation(len(reference))[:_PLANTED])
    copies = {
        kind: ArraySplit(f"{reference.name}, {kind}", {"images": made}, reference.labels[originals], role="probe")
        for kind, made in planted_copies(reference.images[originals]).items()
    }
    where = [ev.suite.splits[split], *copies.values()]
    if embedded is None:
        (references,) = embed_splits(ev, [reference], recipe=recipe, progress=progress)
    else:
        references = _known(ev, embedded, ev.suite.splits[split], reference, originals, recipe)
    best = [_Best(len(one)) for one in where]
    own = np.full((len(copies), len(originals)), -np.inf, dtype=np.float32)
    for view in VIEWS.values():
        seen = embed_splits(ev, where, recipe=recipe, change=view, progress=progress)
        for known, images in zip(best, seen, strict=True):
            known.add(*nearest_references(images, references))
        for known_own, images in zip(own, seen[1:], strict=True):
            np.maximum(known_own, (images * references[originals]).sum(axis=1), out=known_own)
    test, *changed = best
    limit = duplicate_threshold(test.similarity) if threshold is None else threshold
    planted = []
    for kind, known, to_own in zip(copies, changed, own, strict=True):
        # Training images have duplicates among themselves, which are then as near.
        right = (known.nearest == originals) | (to_own >= known.similarity - _SAME)
        found = int(((known.similarity >= limit) & right).sum())
        low, high = clopper_pearson(found, len(originals)).tolist()
        planted.append(PlantedCopies(kind, to_own, found, (low, high)))
    return NearDuplicates(split, reference.name, test.nearest, test.similarity, limit, tuple(planted))


def _known(
    ev: Evaluator,
    embedded: Embeddings,
    split: Split,
    reference: Split,
    some: NDArray[np.int64],
    recipe: Recipe | None,
) -> NDArray[np.float32]:
    """The references that are known, once ``some`` of them were seen to be those of these images and this model."""
    if (embedded.split, embedded.reference) != (split.name, reference.name):
        raise ValueError(
            f"the embeddings that were given are of {embedded.split!r} beside {embedded.reference!r}, and not of "
            f"{split.name!r} beside {reference.name!r}"
        )
    same = len(embedded.references) == len(reference) and np.array_equal(embedded.labels, reference.labels)
    if same:
        probes = ArraySplit("probe", {"images": reference.images[some]}, reference.labels[some], role="probe")
        (again,) = embed_splits(ev, [probes], recipe=recipe, progress=False)
        known = embedded.references[some]
        same = again.shape == known.shape and (1 - (again * known).sum(axis=1)).max() <= _OTHER_MODEL
    if not same:
        raise ValueError(
            f"the embeddings that were given are of another model, or of other images of {reference.name!r}"
        )
    return embedded.references


class _Best:
    """The nearest reference of each image over several views of it."""

    def __init__(self, number: int) -> None:
        self.nearest = np.zeros(number, dtype=np.int64)
        self.similarity = np.full(number, -np.inf, dtype=np.float32)

    def add(self, rows: NDArray[np.int64], similarity: NDArray[np.float32]) -> None:
        nearer = similarity[:, 0] > self.similarity
        self.nearest[nearer], self.similarity[nearer] = rows[nearer, 0], similarity[nearer, 0]


def duplicate_threshold(similarity: NDArray[np.floating]) -> float:
    """From which similarity on a nearest neighbour stands out from what is usual in a test.

    Distances to the nearest training image (1 - cosine) are skewed, their logarithms much less. The threshold is where
    one image of the test would be expected by chance, if these were normal with the median and the spread (the median
    absolute deviation) that are seen: a few duplicates move neither.

    Parameters
    ----------
    similarity
        Of every image of the test to its nearest training image, ``[n]``.

    Raises
    ------
    ValueError
        When there are fewer than ten, of which no distribution can be seen.

    Examples
    --------
    >>> usual = 1 - np.exp(np.linspace(-3, -2, 99))
    >>> 0.95 < duplicate_threshold(np.append(usual, 0.9999)) < 0.99
    True
    """
    from scipy import stats

    if len(similarity) < 10:
        raise ValueError(f"{len(similarity)} images show no distribution of similarities: name a threshold")
    distance = np.log(np.maximum(1 - np.asarray(similarity, dtype=np.float64), _SAME))
    middle = np.median(distance)
    spread = _NORMAL_MAD * np.median(np.abs(distance - middle))
    return float(1 - np.exp(middle + stats.norm.ppf(1 / len(distance)) * spread))
