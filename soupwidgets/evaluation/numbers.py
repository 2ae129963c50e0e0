"""Scores without logits, as kept for the hundreds of points of a landscape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from soupwidgets.evaluation.audit import Rounding
from soupwidgets.evaluation.evaluation import SplitScore
from soupwidgets.evaluation.evaluator import Evaluator
from soupwidgets.evaluation.filing import file_score, stored_score
from soupwidgets.evaluation.run import Run
from soupwidgets.evaluation.sharing import Share
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Split


def stream_score(
    ev: Evaluator,
    recipe: Recipe,
    split: Split,
    *,
    images: int | None = None,
) -> Iterator[SplitScore]:
    """Measure a recipe on one split, batch by batch, and keep only the numbers.

    Parameters
    ----------
    ev
        The evaluator. What is in its store is not computed again; complete scores are stored.
    recipe
        The coefficients.
    split
        A split of the suite; the training split is allowed.
    images
        Stop after this many images, in the seeded order that all recipes share; all images when None.

    Yields
    ------
    SplitScore
        Scores of the images seen so far, without logits. Yields at least once; a stored score is exact at once.

    Raises
    ------
    PoolError
        As in `Evaluator.evaluate`.
    """
    (known,) = known_scores(ev, [recipe], split)
    if known is not None:
        yield known
        return
    if ev.elsewhere is not None:
        yield from ev.elsewhere.scores(recipe, split, images)
        return
    keys, half = ev.run_keys(recipe, [split])
    key, reader = keys[split.name], ev.reader(split)
    run = Run(
        split, reader, share=Share(ev.store.claims, key), keep_logits=False, rounding=Rounding() if half else None
    )
    run.watchers = 1
    stop = len(reader) if images is None else min(images, len(reader))
    with run.share.used():
        going = True
        while going:
            # A partial score is not stored, so no other process could wait for it.
            if stop == len(reader) and not run.share.held:
                yield from run.share.wait(split)
                (known,) = known_scores(ev, [recipe], split)
                if known is not None:
                    yield known
                    return
            # One batch at a time, so that a slider that is dragged meanwhile gets its turn.
            (complete,) = ev.computation.advance(recipe, (run, min(run.seen + ev.computation.batch, stop)))
            going = not complete and (run.done or run.seen < stop)
            if not complete and not run.done and run.last is not None:
                yield run.last
        if complete:
            score = run.score()
            yield file_score(ev.store, key, recipe=recipe, split=split, score=score, logits=None, device=ev.device.type)


@contextmanager
def scores_ahead(
    ev: Evaluator, recipes: Sequence[Recipe], split: Split, *, images: int | None = None
) -> Iterator[None]:
    """Have numbers measured together on the cluster within the block, as `Evaluator.ahead` does; else nothing.

    Parameters
    ----------
    ev
        The evaluator.
    recipes
        In the order in which they will be asked for.
    split, images
        As in `stream_score`.
    """
    if ev.elsewhere is None:
        yield
        return
    due = [recipe for recipe, known in zip(recipes, known_scores(ev, recipes, split), strict=True) if known is None]
    with ev.elsewhere.scores_ahead(due, split, images):
        yield


def known_scores(ev: Evaluator, recipes: Sequence[Recipe], split: Split) -> list[SplitScore | None]:
    """The stored score of each recipe, without logits, or None; one query for all of them."""
    keys = [[(precision, key) for _, precision, key in ev.kept.answering(recipe, [split])] for recipe in recipes]
    found = ev.store.get(dict.fromkeys(key for some in keys for _, key in some), with_logits=False)
    return [
        next((stored_score(split, found[key], None, precision=name) for name, key in some if key in found), None)
        for some in keys
    ]


def score(
    ev: Evaluator,
    recipe: Recipe,
    split: Split,
    *,
    images: int | None = None,
) -> SplitScore:
    """The final score of `stream_score`."""
    for found in stream_score(ev, recipe, split, images=images):
        last = found
    return last
