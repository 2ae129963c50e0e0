"""What several slices have in common, and which of these cells are so small that sharing them is a decision."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from soupwidgets.suites import SliceSplit
from soupwidgets.topics.review.content import Slice
from soupwidgets.topics.review.plain_values import LONGEST_NAME, LONGEST_TEXT
from soupwidgets.topics.review.records import ReviewError

# Fewer images than this are few enough to be recognised, and to tell who put them there.
SMALL_CELL = 10
# Up to so many slices are crossed all with all, up to so many more in pairs: thousands of cells tell nobody anything.
_ALL, _PAIRS = 8, 100


def intersect(slices: Sequence[SliceSplit], name: str = "") -> SliceSplit:
    """The images that all of these slices have, as a slice.

    Parameters
    ----------
    slices
        At least two, of the same split.
    name
        What to call it; the slices' names joined when empty.

    Raises
    ------
    ReviewError
        When there are fewer than two, they are of different splits, or have no image in common.
    """
    if len(slices) < 2 or len({one.parent.content_hash for one in slices}) > 1:
        raise ReviewError("an intersection is of at least two slices of the same split")
    names = " and ".join(repr(one.name) for one in slices)
    rows = set.intersection(*(set(one.rows.tolist()) for one in slices))
    if not rows:
        raise ReviewError(f"{names} have no image in common")
    labels = {row: label for one in slices for row, label in _labels(one).items() if row in rows}
    why = " ".join(f"{one.name}: {one.why or 'no reason given'}." for one in slices)
    called = name or " and ".join(one.name for one in slices)
    # A slice's file has no room for more.
    return SliceSplit(called[:LONGEST_NAME], slices[0].parent, sorted(rows), why[:LONGEST_TEXT], labels)


def small_cells(slices: Sequence[SliceSplit | Slice], least: int = SMALL_CELL) -> list[str]:
    """A warning for each cell with so few images that it should not be shared without asking: read it before sharing.

    Parameters
    ----------
    slices
        Slices, of a suite or of a session's view, which are looked at one by one, and crossed with each other within
        their split: all with all up to eight, in pairs up to a hundred.
    least
        Cells with fewer images than this are small; empty ones are not told, for they show nobody.

    Returns
    -------
    list[str]
        Sentences, the smallest combinations of slices first. A cell is not told again where one that contains it has
        the same images.
    """
    together = len(slices) if len(slices) <= _ALL else 2 if len(slices) <= _PAIRS else 1
    known = [(one.name, _split_of(one), {int(row) for row in one.rows}) for one in slices]
    told: set[tuple[str, tuple[int, ...]]] = set()
    sentences = []
    for size in range(1, together + 1):
        for some in combinations(known, size):
            if len({split for _, split, _ in some}) > 1:
                continue
            rows = tuple(sorted(set.intersection(*(of for _, _, of in some))))
            cell = some[0][1], rows
            if not 0 < len(rows) < least or cell in told:
                continue
            told.add(cell)
            names = " and ".join(repr(name) for name, _, _ in some)
            number = "1 image" if len(rows) == 1 else f"{len(rows)} images"
            sentences.append(
                f"{names}: {number} only. So few may be recognised, and whoever named them with them: share this only "
                "if those concerned want it. A score on so few says next to nothing."
            )
    return sentences


def _split_of(one: SliceSplit | Slice) -> str:
    return one.parent.name if isinstance(one, SliceSplit) else one.split


def _labels(one: SliceSplit) -> dict[int, int]:
    own, parent = one.labels, one.parent.labels
    return {row: int(own[i]) for i, row in enumerate(one.rows.tolist()) if own[i] != parent[row]}
