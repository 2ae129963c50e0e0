"""Measurements that other machines make: ordered, followed and filed here.

What does the work is a `Crew`, of which this module knows only three verbs. Claims, progress for other processes and
the store are the same as without one, because an order stands for a `Run` of this evaluator.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from soupwidgets.evaluation.evaluation import Logits, SplitScore
from soupwidgets.evaluation.filing import stored_score
from soupwidgets.evaluation.run import Run
from soupwidgets.evaluation.sharing import POLL, STILL_WAITING, Share, all_used
from soupwidgets.evaluation.tasks import KEEPS_OUTPUTS
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Split

if TYPE_CHECKING:
    from soupwidgets.evaluation.evaluator import Evaluator


# A first answer on every split, where there are more splits than workers.
_SAMPLE = 64


class Crew(Protocol):
    """Machines that make measurements."""

    @property
    def abreast(self) -> int:
        """How many measurements are made at once."""

    def place(self, order: Order, *, soon: bool = False) -> None:
        """Take an order without waiting for it; ``soon`` puts it before those that are not begun."""

    def call(self) -> None:
        """Have workers ready for the orders to come."""


class Order:
    """One measurement that is made elsewhere: a recipe on a split.

    The crew asks `wanted`, calls `begin` just before it hands the order out, and from then on `tell`, and either
    `finish` or `fail`. It may do so from any thread, and more than once where work was repeated: the first answer
    counts.

    Parameters
    ----------
    ev
        Whose measurement it is.
    recipe
        The coefficients.
    run
        Where progress is kept.
    outputs
        Whether logits are wanted, or the numbers alone.
    images
        Stop after this many of the split's seeded order; all when None. A sample is not stored.
    news
        Notified when there is something new.
    """

    def __init__(
        self,
        ev: Evaluator,
        recipe: Recipe,
        run: Run,
        *,
        outputs: bool,
        images: int | None = None,
        news: threading.Condition,
    ) -> None:
        self._news = news
        self.ev, self.recipe, self.run = ev, recipe, run
        self.outputs, self.images = outputs, images
        self.placed = False
        self.error: Exception | None = None

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for it."""
        return self.run.share.wanted and not self.done

    @property
    def done(self) -> bool:
        """Whether there is an answer: all images that were ordered are seen, or it failed."""
        told = self.run.told
        enough = len(self.run.reader) if self.images is None else min(self.images, len(self.run.reader))
        sampled = self.images is not None and told is not None and told.seen >= enough
        return self.error is not None or self.run.kept is not None or sampled

    def begin(self) -> bool:
        """Claim the measurement; False if nobody wants it, it is known by now, or another process makes it."""
        share = self.run.share
        with share.lock:
            begun = self.wanted and (self.images is not None or share.held or self._claimed())
            self.placed = begun
            return begun

    def _claimed(self) -> bool:
        if not self.run.share.take():
            return False
        # The previous holder of the claim may have filed it.
        self.run.kept = self._known()
        if self.run.kept is not None:
            self.run.share.release()
        return self.run.kept is None

    def _known(self) -> SplitScore | None:
        split = self.run.split
        if not self.outputs:
            found = self.ev.store.get([self.run.share.key], with_logits=False).get(self.run.share.key)
            return None if found is None else stored_score(split, found, None)
        known = self.ev.stored(self.recipe, [split.name])
        return None if known is None else known[split.name]

    def tell(self, score: SplitScore) -> None:
        """Show how far it is; a repetition that is behind what was known says nothing."""
        last = self.run.last
        if not self.done and (last is None or score.seen > last.seen):
            self.run.last = score
            self.run.share.say(working=True, score=score)
            self._tell()

    def finish(self, score: SplitScore, logits: Logits | None, images: int) -> None:
        """Keep the answer.

        Parameters
        ----------
        score
            The score.
        logits
            ``[images, classes]`` in the split's own order, if they were ordered.
        images
            How many went through the model.
        """
        self.ev.computation.images += images
        if not score.exact:
            self.tell(score)
        elif self.run.kept is None:
            self.run.kept = self.ev.kept.file(
                self.run.share.key, self.recipe, self.run.split, score, logits=logits, device="on a cluster"
            )
            self.run.share.release()
            self._tell()

    def fail(self, error: Exception) -> None:
        """Say why there will be no answer; whoever waits for it is told."""
        self.error = error
        self._tell()

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()


class Elsewhere:
    """An evaluator's orders.

    Parameters
    ----------
    ev
        The evaluator.
    crew
        What does the work.
    """

    def __init__(self, ev: Evaluator, crew: Crew) -> None:
        self._ev = weakref.ref(ev)
        self.crew = crew
        self._news = threading.Condition()
        # An order goes with the last of those who wait for it.
        self._orders: weakref.WeakValueDictionary[tuple[str, bool, int | None], Order] = weakref.WeakValueDictionary()

    def advance(self, recipe: Recipe, runs: Sequence[Run], orders: dict[str, Order]) -> None:
        """See to it that runs go on, and wait a moment for news.

        Parameters
        ----------
        recipe
            Whose runs they are.
        runs
            Those that this process makes.
        orders
            What was ordered for them so far, by key; the caller keeps it.
        """
        due = [run for run in runs if run.kept is None]
        # What is placed last comes first: samples of all splits before the whole of one, where workers are few.
        for run in reversed(due):
            key = run.share.key
            self._see_to(orders.setdefault(key, self._order(recipe, run, outputs=self._keeps(run.split))))
        if len(due) > self.crew.abreast:
            for run in reversed([run for run in due if run.told is None]):
                sample = self._order(recipe, run, outputs=False, images=_SAMPLE)
                self._see_to(orders.setdefault(f"{run.share.key} sample", sample))
        with self._news:
            if not runs or any(run.kept is None for run in runs):
                self._news.wait(POLL)

    def scores(self, recipe: Recipe, split: Split, images: int | None) -> Iterator[SplitScore]:
        """The numbers of one recipe on one split, as `stream_score` yields them."""
        order = self._numbers(recipe, split, images)
        shown, seen = time.monotonic(), 0
        with order.run.share.used():
            while not order.done:
                self._see_to(order)
                # Another process may be at it.
                told = order.run.told or (None if order.run.share.held else order.run.share.hear(split))
                still = time.monotonic() - shown > STILL_WAITING
                if told is not None and not told.exact and (told.seen > seen or still):
                    shown, seen = time.monotonic(), max(seen, told.seen)
                    yield told
                with self._news:
                    if not order.done:
                        self._news.wait(POLL)
            if order.error is not None:
                raise order.error
            told = order.run.told
        assert told is not None
        yield told

    @contextmanager
    def ahead(self, recipes: Iterable[Recipe], splits: Sequence[Split]) -> Iterator[None]:
        """Have recipes measured together within the block, in this order where there are more than workers."""
        ev = self._live()
        orders = {}
        for recipe in recipes:
            keys = {ev.run_key(recipe, split): split for split in splits}
            known = ev.store.get(keys, with_logits=any(map(self._keeps, splits)))
            for key, split in keys.items():
                if key not in known:
                    orders[key] = self._order(recipe, ev.run(split, key), outputs=self._keeps(split))
        with self._placed(orders.values()):
            yield

    @contextmanager
    def scores_ahead(self, recipes: Iterable[Recipe], split: Split, images: int | None) -> Iterator[None]:
        """The same for numbers alone."""
        with self._placed([self._numbers(recipe, split, images) for recipe in recipes]):
            yield

    @contextmanager
    def _placed(self, orders: Iterable[Order]) -> Iterator[None]:
        orders = list(orders)
        with all_used(order.run.share for order in orders):
            for order in orders:
                if not order.placed and not order.done:
                    order.placed = True
                    self.crew.place(order)
            yield

    def _see_to(self, order: Order) -> None:
        """Place an order that is not under way, or raise what it failed with."""
        if order.error is not None:
            raise order.error
        if not order.placed and not order.done:
            order.placed = True
            self.crew.place(order, soon=True)

    def _order(self, recipe: Recipe, run: Run, *, outputs: bool, images: int | None = None) -> Order:
        what = run.share.key, outputs, images
        known = self._orders.get(what)
        if known is None or known.error is not None or known.run is not run:
            known = self._orders[what] = Order(
                self._live(), recipe, run, outputs=outputs, images=images, news=self._news
            )
        return known

    def _numbers(self, recipe: Recipe, split: Split, images: int | None) -> Order:
        ev = self._live()
        key = ev.run_key(recipe, split)
        known = self._orders.get((key, False, images))
        if known is not None and known.error is None:
            return known
        run = Run(split, ev.reader(split), share=Share(ev.store.claims, key), keep_logits=False)
        return self._order(recipe, run, outputs=False, images=images)

    def _live(self) -> Evaluator:
        ev = self._ev()
        assert ev is not None, "the evaluator that these orders are of is gone"
        return ev

    @staticmethod
    def _keeps(split: Split) -> bool:
        return split.scoring.task in KEEPS_OUTPUTS


def plain(score: SplitScore) -> SplitScore:
    """A score that can be sent to another process: without the function that loads its logits."""
    return replace(score, load_logits=None)


def joined(ev: Evaluator, cluster: str, device: str) -> Elsewhere:
    """The machines of a Ray cluster as an evaluator's crew.

    Parameters
    ----------
    ev
        The evaluator.
    cluster
        Its address, or ``"auto"``.
    device
        What workers compute on; ``"auto"`` is decided where they are.

    Raises
    ------
    ValueError, ConnectionError, ModuleNotFoundError
        As in `soupwidgets.scale.RayCrew`.
    """
    # The one import against the direction: who asks for a cluster by name loads Ray, and nobody else.
    from soupwidgets.scale import RayCrew

    # The precision that this machine decides on, so that keys are those of an evaluator without a cluster.
    options = {
        "device": device,
        "model": ev.architecture,
        "batch_norm": ev.recalibration or "average",
        "precision": ev.precision,
    }
    crew = RayCrew(ev.pool, ev.suite, options, cluster)
    weakref.finalize(ev, crew.close)
    return Elsewhere(ev, crew)
