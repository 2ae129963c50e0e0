"""Many points of one split, a rough answer for each before the exact one of any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from soupwidgets.evaluation import Evaluator, Recalibration, SplitScore, known_scores, stream_score
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Split

# Every point is first measured on so many images: the same ones for all, so that differences show early.
SAMPLE = 64

Scores = list[SplitScore | None]


def measure_points(
    ev: Evaluator,
    recipes: Sequence[Recipe],
    split: Split,
    order: Sequence[int],
    exact_order: Callable[[Scores], Iterator[int]],
    recalibration: Recalibration | None = None,
) -> Iterator[tuple[Scores, list[int]]]:
    """Measure every recipe on a sample, then each in full.

    Parameters
    ----------
    ev
        The evaluator; what its store has appears in the first state.
    recipes
        The points.
    split
        Where.
    order
        In which order points get their first rough value.
    exact_order
        Told all rough values, gives the order in which points become exact.
    recalibration
        Of batch normalisation, at every point.

    Yields
    ------
    list[SplitScore | None], list[int]
        Scores so far, one for each recipe, the same list every time; and which of them are new. Stop
        iterating to cancel: what is exact by then is in the store.
    """
    scores: Scores = known_scores(ev, recipes, split, recalibration)
    yield scores, [i for i, score in enumerate(scores) if score is not None]
    for i in order:
        if scores[i] is None:
            for rough in stream_score(ev, recipes[i], split, SAMPLE, recalibration):
                scores[i] = rough
                yield scores, [i]
    for i in exact_order(scores):
        found = scores[i]
        if found is None or not found.exact:
            for score in stream_score(ev, recipes[i], split, recalibration=recalibration):
                # A point that starts again does not fall back to fewer images than it had.
                newer = found is None or score.seen > found.seen
                if newer:
                    scores[i] = score
                yield scores, [i] if newer else []
