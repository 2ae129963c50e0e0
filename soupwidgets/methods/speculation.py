"""Decisions that are made one after another, with what they will ask for measured ahead on a cluster."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from soupwidgets.evaluation import Evaluator
from soupwidgets.recipe import RecipeLike


def likely_soups(
    soup: Sequence[str], candidates: Sequence[str], *, accepted: float, width: int
) -> list[tuple[str, ...]]:
    """The soups that a greedy choice will ask for next, the most likely first.

    Which these are depends on the verdicts to come: a tree, whose branches are explored by their probability.

    Parameters
    ----------
    soup
        What is in the soup so far.
    candidates
        What will be tried, in this order.
    accepted
        How probable it is that a candidate is kept, 0..1.
    width
        How many soups at most.

    Returns
    -------
    list[tuple[str, ...]]
        The first one is certain: the soup with the first candidate.

    Examples
    --------
    >>> likely_soups(["a"], ["b", "c", "d"], accepted=0.2, width=3)
    [('a', 'b'), ('a', 'c'), ('a', 'd')]
    >>> likely_soups(["a"], ["b", "c", "d"], accepted=0.8, width=3)
    [('a', 'b'), ('a', 'b', 'c'), ('a', 'b', 'c', 'd')]
    """
    found: list[tuple[str, ...]] = []
    # Of equals the one that is asked for earlier.
    paths = [(-1.0, 0, tuple(soup))]
    while paths and len(found) < width:
        probability, tried, kept = heapq.heappop(paths)
        if tried == len(candidates):
            continue
        more = (*kept, candidates[tried])
        found.append(more)
        heapq.heappush(paths, (probability * accepted, tried + 1, more))
        heapq.heappush(paths, (probability * (1 - accepted), tried + 1, kept))
    return found


class Ahead:
    """What is under way on a cluster, changed after every decision; nothing without one.

    Parameters
    ----------
    ev
        The evaluator.
    split
        Name of the split on which everything is measured.
    """

    def __init__(self, ev: Evaluator, split: str) -> None:
        self._ev, self._split = ev, split
        self._now = ExitStack()

    def expect(self, recipes: Iterable[RecipeLike]) -> None:
        """Have these under way from now on; what was, and is not among them, is given up."""
        after = ExitStack()
        # Before the last ones are left: what is in both goes on.
        after.enter_context(self._ev.ahead(recipes, self._split))
        self._now.close()
        self._now = after

    def close(self) -> None:
        """Give everything up."""
        self._now.close()
