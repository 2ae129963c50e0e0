"""Workers on a Ray cluster, and a thread of this process that hands them orders and files what comes back."""

from __future__ import annotations

import contextlib
import math
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from soupwidgets.evaluation.elsewhere import Order
from soupwidgets.pool import Pool, SoupWarning
from soupwidgets.scale.connection import connect
from soupwidgets.scale.luggage import pack
from soupwidgets.scale.places import Place, places
from soupwidgets.scale.worker import NodeError, RayWorker
from soupwidgets.suites import Suite

# How long the thread waits for news before it looks for new orders, and how often it looks for new nodes, in seconds.
_TICK, _LOOK = 0.05, 1.0
# Workers without work leave the cluster to others after this many seconds.
_IDLE = 60.0
# Seconds until it is said that workers do not come up.
_SLOW_START = 30.0
# How often an order is given again after its worker died: the order itself may be what kills it.
_ATTEMPTS = 3
# How often Ray restarts a worker, and repeats what it was doing.
_RESTARTS = 2
# An order that takes so many times as long as it should, and at least so many seconds, is given to a second worker.
_LATE, _LATE_SECONDS = 3.0, 2.0


@dataclass(eq=False)
class _Hand:
    """A worker, and what it does: it opens the pool (`opening`), measures (`items`), or is free."""

    place: Place
    actor: Any
    opening: Any
    items: Any = None
    order: Order | None = None
    since: float = 0.0

    @property
    def awaited(self) -> Any:
        return self.items if self.opening is None else self.opening


class RayCrew:
    """A crew of Ray actors, each of which holds pool and suite.

    Ray places the actors, restarts them when their process dies, and repeats what they were doing. What is left to
    do here: to hand the next order to whoever is free, and an order that is late to a second one
    (Dean and Ghemawat 2004, 'MapReduce', section 3.6); the first answer counts.

    Parameters
    ----------
    pool, suite
        Of the evaluator.
    options
        Its further arguments.
    address
        Of the cluster, as in `connect`.

    Raises
    ------
    ConnectionError, ModuleNotFoundError
        As in `connect`.
    ValueError
        As in `connect`, and when something cannot be sent to other processes.
    """

    def __init__(self, pool: Pool, suite: Suite, options: Mapping[str, Any], address: str) -> None:
        self._ray = connect(address)
        try:
            self._luggage = self._ray.put(pack(pool, suite, options))
        except (TypeError, AttributeError) as error:
            raise ValueError(
                f"the pool, the suite or the model cannot be sent to other machines ({str(error).splitlines()[0]}): "
                "save the suite (suite.save), or describe the model by name (sw.models)"
            ) from error
        self._pool_bytes = sum(4 * math.prod(info.shape) for info in pool.tensors.values()) * len(pool)
        self._queue: deque[Order] = deque()
        self._hands: list[_Hand] = []
        self._refused: dict[Place, str] = {}
        self._attempts: weakref.WeakKeyDictionary[Order, int] = weakref.WeakKeyDictionary()
        self._called, self._closed = False, False
        self._places: list[Place] = places(self._ray.nodes(), self._pool_bytes)
        self._looked = self._idle_since = time.monotonic()
        self._said_slow = False
        self._pace = 0.0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"RayCrew({len(self._places)} places, {len(self._hands)} workers, {len(self._queue)} orders waiting)"

    @property
    def abreast(self) -> int:
        """How many measurements are made at once."""
        return max(1, len(self._places))

    def place(self, order: Order, *, soon: bool = False) -> None:
        """Take an order; ``soon`` puts it before those that are not begun."""
        with self._changed:
            (self._queue.appendleft if soon else self._queue.append)(order)
            self._wake()

    def call(self) -> None:
        """Bring workers up."""
        with self._changed:
            self._called = True
            self._wake()

    def close(self) -> None:
        """Dismiss all workers, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def _wake(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._work, name="soupwidgets cluster", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _work(self) -> None:
        while self._waited():
            try:
                if not self._ray.is_initialized():
                    # Any other question would start a cluster of its own.
                    raise ConnectionError("this process has left the cluster: make a new Evaluator to join one")
                self._look_around()
                self._hand_out()
                self._receive()
            except Exception as error:
                # Whatever it is (the cluster is gone, the store is full), whoever waits is told.
                self._give_up(error)
        for hand in [*self._hands]:
            self._dismiss(hand)

    def _waited(self) -> bool:
        """Wait until there is something to do; False once closed."""
        with self._changed:
            while not self._closed and not self._queue and not self._called and not any(h.awaited for h in self._hands):
                left = self._idle_since + _IDLE - time.monotonic()
                if self._hands and left <= 0:
                    for hand in [*self._hands]:
                        self._dismiss(hand)
                self._changed.wait(max(0.0, left) if self._hands else None)
            self._idle_since = time.monotonic()
            return not self._closed

    def _look_around(self) -> None:
        """Bring up a worker wherever there is room and work for it."""
        now = time.monotonic()
        if now - self._looked > _LOOK or not self._hands:
            self._looked = now
            self._places = places(self._ray.nodes(), self._pool_bytes)
        taken = {hand.place for hand in self._hands}
        room = [place for place in self._places if place not in taken and place not in self._refused]
        wanted = len(self._places) if self._called else len(self._queue) - sum(h.awaited is None for h in self._hands)
        self._called = False
        for place in room[: max(0, wanted)]:
            actor = self._hired(place)
            self._hands.append(_Hand(place, actor, actor.ready.remote([self._luggage]), since=now))
        if self._queue and not self._hands:
            whys = "; ".join(self._refused.values()) or "it has no node with a processor for us"
            self._give_up(NodeError(f"no machine of the cluster can measure this: {whys}"))
        if not self._said_slow and self._hands and all(h.opening and now - h.since > _SLOW_START for h in self._hands):
            self._said_slow = True
            warnings.warn(
                f"none of {len(self._hands)} workers is ready yet: others may be using the cluster's processors, or "
                "the pool is large; `ray status` tells",
                SoupWarning,
                stacklevel=2,
            )

    def _hired(self, place: Place) -> Any:
        where = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(place.node, soft=False)
        kind = self._ray.remote(RayWorker).options(
            num_cpus=place.threads,
            num_gpus=place.cards,
            max_restarts=_RESTARTS,
            max_task_retries=_RESTARTS,
            scheduling_strategy=where,
        )
        return kind.remote(place.name, place.threads)

    def _hand_out(self) -> None:
        for hand in self._hands:
            if hand.awaited is None and (order := self._next()) is not None:
                hand.order, hand.since = order, time.monotonic()
                what = order.run.split.name, order.run.share.key, order.outputs, order.images
                measure = hand.actor.measure.options(num_returns="streaming")
                hand.items = measure.remote([self._luggage], order.recipe.to_json(), *what)

    def _next(self) -> Order | None:
        while True:
            with self._changed:
                if not self._queue:
                    return self._late()
                order = self._queue.popleft()
            if order.begin():
                return order

    def _late(self) -> Order | None:
        """The order that has been under way for far too long, by the pace of those that are finished."""
        under_way = [hand for hand in self._hands if hand.order is not None]
        alone = [h for h in under_way if sum(other.order is h.order for other in under_way) == 1]
        for hand in sorted(alone, key=lambda hand: hand.since):
            order = hand.order
            due = max(_LATE_SECONDS, _LATE * self._pace * len(order.run.reader)) if order else 0.0
            if self._pace and time.monotonic() - hand.since > due:
                return order
        return None

    def _receive(self) -> None:
        for hand in self._hands:
            if hand.items is not None and hand.order is not None and not hand.order.wanted:
                self._stop(hand)
        awaited = {hand.awaited: hand for hand in self._hands if hand.awaited is not None}
        if not awaited:
            with self._changed:
                if self._queue or any(hand.order for hand in self._hands):
                    self._changed.wait(_TICK)
            return
        ready, _ = self._ray.wait(list(awaited), num_returns=1, timeout=_TICK)
        for one in ready:
            self._hear(awaited[one])

    def _hear(self, hand: _Hand) -> None:
        """Take one answer of a worker."""
        try:
            if hand.opening is not None:
                self._ray.get(hand.opening)
                hand.opening = None
                return
            score, logits, images = self._ray.get(next(hand.items))
        except StopIteration:
            self._free(hand)
        except NodeError as error:
            # Ray's own words are a traceback.
            why = self._refused[hand.place] = str(getattr(error, "cause", error))
            warnings.warn(f"{why}. The other machines go on without it", SoupWarning, stacklevel=2)
            self._lose(hand)
        except self._ray.exceptions.TaskCancelledError:
            self._free(hand)
        except self._ray.exceptions.RayTaskError as error:
            order = hand.order
            if hand.opening is not None or order is None:
                self._refused[hand.place] = f"{hand.place.name}: {_reason(error)}"
                self._lose(hand)
                return
            order.fail(error.cause if isinstance(error.cause, Exception) else error)
            self._free(hand)
        except self._ray.exceptions.RayError as error:
            if hand.opening is not None:
                self._refused[hand.place] = f"{hand.place.name}: no worker comes up there ({_reason(error)})"
            self._lose(hand, error)
        else:
            self._told(hand, score, logits, images)

    def _told(self, hand: _Hand, score: Any, logits: Any, images: int | None) -> None:
        order = hand.order
        if order is None:
            return
        if images is None:
            order.tell(score)
            return
        order.finish(score, logits, images)
        self._pace = (time.monotonic() - hand.since) / max(1, score.seen)
        for other in self._hands:
            if other is not hand and other.order is order:
                self._stop(other)
        # What is left of it is its end.
        hand.order = None

    def _stop(self, hand: _Hand) -> None:
        """Give up what a worker does; it counts as free once it answers again."""
        self._ray.cancel(hand.items)
        hand.items = hand.order = None
        hand.opening, hand.since = hand.actor.ready.remote([self._luggage]), time.monotonic()

    def _free(self, hand: _Hand) -> None:
        order, hand.items, hand.order = hand.order, None, None
        self._again(order)

    def _lose(self, hand: _Hand, error: Exception | None = None) -> None:
        """Do without a worker; what it was doing is done by another."""
        order, hand.order = hand.order, None
        self._dismiss(hand)
        if order is not None and error is not None:
            self._attempts[order] = self._attempts.get(order, 0) + 1
            if self._attempts[order] >= _ATTEMPTS:
                order.fail(
                    NodeError(
                        f"workers died {_ATTEMPTS} times while they measured {order.recipe!r:.200} on "
                        f"{order.run.split.name!r}, at last on {hand.place.name} (out of memory?): {_reason(error)}"
                    )
                )
                return
        self._again(order)

    def _again(self, order: Order | None) -> None:
        if order is not None and order.wanted and all(hand.order is not order for hand in self._hands):
            with self._changed:
                self._queue.appendleft(order)

    def _dismiss(self, hand: _Hand) -> None:
        self._hands.remove(hand)
        # The cluster may be gone, and the worker with it.
        if self._ray.is_initialized():
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.kill(hand.actor)

    def _give_up(self, error: Exception) -> None:
        with self._changed:
            orders, self._queue = [*self._queue], deque()
        for order in [*orders, *(hand.order for hand in self._hands if hand.order is not None)]:
            order.fail(error)
        for hand in [*self._hands]:
            self._dismiss(hand)


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
