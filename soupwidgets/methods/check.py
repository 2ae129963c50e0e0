"""Is there anything odd about a soup? What a colleague would ask before believing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soupwidgets.evaluation import Evaluator
from soupwidgets.methods.selection import best_alone, clearly_worse, selection_metric, selection_score
from soupwidgets.mixing.soundness import all_finite, not_finite
from soupwidgets.recipe import Recipe


def check_soup(ev: Evaluator, recipe: Recipe) -> Iterator[str]:
    """Look at a soup's ingredients, one after the other, and say what is odd.

    Parameters
    ----------
    ev
        Measures, on the validation split, the ingredients and the midpoints
        between the best of them and each other; the store keeps what was measured.
    recipe
        The soup.

    Yields
    ------
    str
        Advice: a single ingredient; the zero-shot model among equals; values
        that are not finite; an ingredient behind a barrier, where the midpoint
        loses more than two points of accuracy against the mean of its ends (the
        error barrier of Frankle et al., arXiv 1912.05671, section 2, at alpha 0.5).

    Raises
    ------
    PoolError
        When the recipe names a checkpoint that the pool lacks.
    """
    ev.pool.require(recipe)
    if len(recipe) == 1:
        yield f"nothing is mixed: {recipe.leader!r} is the only ingredient"
        return
    for name in recipe:
        equal = len(set(recipe.values())) == 1
        if equal and ev.pool.checkpoints[name].card.role == "zero_shot":
            yield (
                f"{name!r} is the zero-shot model, the initialisation of the others: among equals it pulls the soup "
                f"back by 1/{len(recipe)} of the way; wise_ft chooses how far to go back"
            )
    sound = []
    for name in recipe:
        layout = ev.matrix.layout
        broken = [t for t, view in layout.views(ev.matrix.row(name)).items() if not all_finite(view)]
        if broken:
            yield not_finite(name, broken)
        else:
            sound.append(name)

    alone = {name: selection_score(ev, Recipe({name: 1})) for name in sound}
    # Seen from the best one, what lies behind a barrier is what spoils the soup.
    metric = selection_metric(ev)
    best = max(sound, key=lambda name: metric.merit(alone[name]), default="")
    for name in sound:
        if name == best:
            continue
        ends = (alone[best] + alone[name]) / 2
        middle = selection_score(ev, Recipe({best: 0.5, name: 0.5}))
        if clearly_worse(metric, middle, ends):
            half, mean = metric.show(middle, 1), metric.show(ends, 1)
            yield (
                f"between {best!r} and {name!r} lies a barrier: halfway, validation {metric.words} is {half} where "
                f"the two have {mean} on average. They are in different valleys and should not be averaged"
            )


def worse_than_best(ev: Evaluator, recipe: Recipe, ingredients: Sequence[str]) -> str | None:
    """Advice where a mixture is worse on validation than the best of its ingredients alone; None where it is not.

    Parameters
    ----------
    ev
        Measures the mixture and each ingredient on the validation split.
    recipe
        The mixture.
    ingredients
        What it was made of, at least one.

    Raises
    ------
    PoolError
        When a name is not in the pool.
    """
    score = selection_score(ev, recipe)
    best, alone = best_alone(ev, ingredients)
    metric = selection_metric(ev)
    if metric.merit(score) >= metric.merit(alone):
        return None
    words, score_words, alone_words = metric.words, metric.show(score, 1), metric.show(alone, 1)
    return (
        f"the result has worse validation {words} ({score_words}) than {best!r} alone ({alone_words}): use that one, "
        "leave out what spoils the mixture (greedy_soup finds it), or go less far from the zero-shot model"
    )
