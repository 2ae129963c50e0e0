"""What all visitors share: pool, suite, store, and what is made of them once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from soupwidgets.evaluation import Evaluator, meanwhile
from soupwidgets.panel import Panel
from soupwidgets.topics.diversity.members import Member, members
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.widgets import all_explorers

_T = TypeVar("_T")


class Engine:
    """Makes the explorers of visitors, over one evaluator.

    Parameters
    ----------
    ev
        Whose measurements serve all.
    reviews
        Where review sessions are kept: a file, or the address of a PostgreSQL database.
    session
        Id of the review session that visitors join; a new one when None.
    """

    def __init__(self, ev: Evaluator, reviews: str | Path, *, session: str | None = None) -> None:
        self.ev = ev
        self._reviews = reviews
        self._session = session
        self._lock = threading.RLock()

    def panel(self, name: str) -> Panel:
        """Make an explorer for one visitor.

        Parameters
        ----------
        name
            That of its class.

        Raises
        ------
        ValueError, TypeError, PoolError, ReviewError
            When it cannot show such a pool or suite, as the explorer says.
        """
        if name in _MAKERS:
            return _MAKERS[name](self)
        explorers: dict[str, Callable[[Evaluator], Panel]] = {one.__name__: one for one in all_explorers()}
        return explorers[name](self.ev)

    @cached_property
    def session(self) -> str:
        """Id of the review session; it is begun when it is first asked for."""
        if self._session is None:
            self._session = ReviewSession.create(self.review_store, self.ev.suite, f"Review of {self.ev.suite.name}").id
        return self._session

    @cached_property
    def review_store(self) -> ReviewStore:
        """Where review sessions are kept."""
        return ReviewStore(self._reviews)

    @cached_property
    def models(self) -> list[Member]:
        """The pool's models with their logits on the test split, measured when they are first asked for."""
        return members(self.ev, splits=[self.ev.suite.id_test.name], progress=False)

    def measure_ahead(self) -> None:
        """Measure what the first visitors of some explorers would wait for, while nobody else needs the processor."""

        def work() -> None:
            # Whoever looks at such an explorer is told what is wrong.
            with meanwhile(), contextlib.suppress(Exception):
                self.once(lambda one: one.models)

        threading.Thread(target=work, name="soupwidgets-ahead", daemon=True).start()

    def once(self, make: Callable[[Engine], _T]) -> _T:
        """Have one visitor at a time make what all of them share."""
        with self._lock:
            return make(self)


def _diversity(engine: Engine) -> Panel:
    from soupwidgets.topics.diversity.panel import DiversityExplorer

    return DiversityExplorer(engine.once(lambda one: one.models), engine.ev.suite, ev=engine.ev)


def _review(engine: Engine) -> Panel:
    from soupwidgets.topics.review.panel import MistakeReviewer

    def join(one: Engine) -> tuple[list[Member], ReviewSession]:
        fine_tuned = [model for model in one.models if model.name in one.ev.pool.fine_tuned]
        return (fine_tuned or one.models)[:2], ReviewSession(one.review_store, one.session)

    models, session = engine.once(join)
    return MistakeReviewer(models, engine.ev.suite, session=session)


_MAKERS: dict[str, Callable[[Engine], Panel]] = {"DiversityExplorer": _diversity, "MistakeReviewer": _review}
