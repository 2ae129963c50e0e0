"""Measuring many points on one split: rough scores for all of them first, then exact ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from soupwidgets.evaluation import Evaluator, SplitScore, known_scores, scores_ahead, stream_score
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Split

# Every point is first measured on this many images, the same ones for all, so that differences show early.
SAMPLE = 64

Scores = list[SplitScore | None]


def measure_points(
    ev: Evaluator,
    recipes: Sequence[Recipe],
    *,
    split: Split,
    order: Sequence[int],
    exact_order: Callable[[Scores], Iterator[int]],
) -> Iterator[tuple[Scores, list[int]]]:
    """Measure every recipe on a sample, then each in full.

    Parameters
    ----------
    ev
        The evaluator; scores from its store appear in the first state.
    order
        The order in which points get their first rough score.
    exact_order
        Function that is given all rough scores and returns the order in which points become exact.

    Yields
    ------
    list[SplitScore | None], list[int]
        Scores so far, one per recipe, always in the same list object; and which of them are new. Stop
        iterating to cancel: scores that are exact by then are in the store.
    """
    scores: Scores = known_scores(ev, recipes, split)
    yield scores, [i for i, score in enumerate(scores) if score is not None]
    unknown = [i for i in order if scores[i] is None]
    with scores_ahead(ev, [recipes[i] for i in unknown], split, images=SAMPLE):
        for i in unknown:
            for rough in stream_score(ev, recipes[i], split, images=SAMPLE):
                scores[i] = rough
                yield scores, [i]
    inexact = [i for i in exact_order(scores) if (found := scores[i]) is None or not found.exact]
    with scores_ahead(ev, [recipes[i] for i in inexact], split):
        for i in inexact:
            found = scores[i]
            for score in stream_score(ev, recipes[i], split):
                # A restarted point does not fall back to fewer images than it had.
                newer = found is None or score.seen > found.seen
                if newer:
                    scores[i] = score
                yield scores, [i] if newer else []
