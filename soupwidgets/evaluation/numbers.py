"""Scores without logits, as kept for the hundreds of points of a landscape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from soupwidgets.evaluation.evaluation import SplitScore
from soupwidgets.evaluation.evaluator import BATCH, Evaluator
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
    key = ev.key(recipe, split)
    reader = ev.reader(split)
    run = Run(split, reader, share=Share(ev.store.claims, key), keep_logits=False)
    stop = len(reader) if images is None else min(images, len(reader))
    with run.share.used():
        while not run.done and run.seen < stop:
            # A partial score is not stored, so no other process could wait for it.
            if stop == len(reader) and not run.share.held:
                yield from run.share.wait(split)
                (known,) = known_scores(ev, [recipe], split)
                if known is not None:
                    yield known
                    return
            run.share.say(working=True)
            upto = min(run.seen + BATCH[ev.device.type], stop)
            with torch.inference_mode():
                inputs = reader.batch(run.seen, upto)
                # Hold the model for one batch only, so that a slider that is dragged meanwhile gets its turn.
                with ev.model(recipe) as model:
                    run.add(model(inputs))
            ev.forward_images += len(inputs)
            score = run.score()
            if not run.done:
                run.share.say(working=False, score=score)
                yield score
        if run.done:
            yield file_score(ev.store, key, recipe=recipe, split=split, score=score, logits=None, device=ev.device.type)


def known_scores(ev: Evaluator, recipes: Sequence[Recipe], split: Split) -> list[SplitScore | None]:
    """The stored score of each recipe, without logits, or None; one query for all of them."""
    keys = [ev.key(recipe, split) for recipe in recipes]
    found = ev.store.get(dict.fromkeys(keys), with_logits=False)
    return [stored_score(split, found[key], None) if key in found else None for key in keys]


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
