"""Models on a landscape: their projection, their own score, and the plane's score at that point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from soupwidgets.evaluation import Evaluator, SplitScore, score
from soupwidgets.recipe import Recipe
from soupwidgets.suites.named import split_named
from soupwidgets.topics.landscape.span import Place, Plane


@dataclass(frozen=True)
class Mark:
    """One model on a landscape.

    Parameters
    ----------
    place
        Its projection, and its distance from the plane.
    own
        Its own score; None until it is measured.
    there
        Score of its projection onto the plane; the same as ``own`` if it lies on the plane.
    """

    place: Place
    own: SplitScore | None = None
    there: SplitScore | None = None


def marks(
    ev: Evaluator,
    plane: Plane,
    models: Mapping[str, Recipe],
    *,
    split: str | None = None,
) -> dict[str, Mark]:
    """The final result of `stream_marks`: every model with its scores."""
    for marks in stream_marks(ev, plane, models, split):
        last = marks
    return last


def stream_marks(
    ev: Evaluator,
    plane: Plane,
    models: Mapping[str, Recipe],
    split: str | None = None,
) -> Iterator[dict[str, Mark]]:
    """Place models on a plane, then measure them and their projections.

    Parameters
    ----------
    plane
        A plane that includes the checkpoints of the models.
    split
        Where to measure; the validation split when None.

    Yields
    ------
    dict[str, Mark]
        All models; at first without scores, then with one more each time.

    Raises
    ------
    PoolError, KeyError
        When the plane does not know a checkpoint, or the suite the split.
    """
    where = split_named(ev.suite, split)
    marks = {name: Mark(plane.place(recipe)) for name, recipe in models.items()}
    yield dict(marks)
    for name, recipe in models.items():
        place = marks[name].place
        own = score(ev, recipe, where)
        there = own if place.off == 0 else score(ev, plane.at(place.x, place.y), where)
        marks[name] = replace(marks[name], own=own, there=there)
        yield dict(marks)
