"""One measurement wanted by several processes: one makes it, the others show its progress and use its result."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated

import msgspec

from soupwidgets.evaluation.evaluation import SplitScore
from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.figure import Figure
from soupwidgets.store import Claim, Claims
from soupwidgets.suites import Split

# How often a waiting process looks for news, and how often it yields without news, in seconds.
POLL, STILL_WAITING = 0.05, 0.25


class _Progress(msgspec.Struct):
    seen: Annotated[int, msgspec.Meta(ge=1)]
    correct: Annotated[int, msgspec.Meta(ge=0)]
    # JSON has no NaN.
    loss: float | None
    loss_sd: float | None
    figure: Figure | None
    estimate: Estimate | None = None


class Share:
    """A measurement's claim, shared by all threads of this process that work on the measurement.

    Parameters
    ----------
    claims
        The store's claims.
    key
        The key of the measurement.
    """

    def __init__(self, claims: Claims, key: str) -> None:
        self.key = key
        # Held while taking the claim and then looking into the store, so that no other thread starts in between.
        self.lock = threading.RLock()
        self._claims = claims
        self._claim: Claim | None = None
        self._users = 0

    @property
    def held(self) -> bool:
        """Whether this process makes the measurement."""
        claim = self._claim
        return claim is not None and claim.held

    @property
    def wanted(self) -> bool:
        """Whether anybody of this process waits for the measurement."""
        return self._users > 0

    def take(self) -> bool:
        """Try to get the claim without waiting. After getting it, look into the store before starting."""
        with self.lock:
            if not self.held:
                self._claim = self._claims.take(self.key)
            return self._claim is not None

    def release(self) -> None:
        """Give the claim up."""
        claim, self._claim = self._claim, None
        if claim is not None:
            claim.release()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Count a user of the claim within the block; it is released when its last user finishes or is stopped."""
        with self.lock:
            self._users += 1
        try:
            yield
        finally:
            with self.lock:
                self._users -= 1
                if not self._users:
                    self.release()

    def wait(self, split: Split) -> Iterator[SplitScore]:
        """Yield the holder's progress several times a second, until this process gets the claim."""
        shown, last = time.monotonic(), None
        while not self.take():
            time.sleep(POLL)
            score = self.hear(split)
            # Yield even if there is nothing new, so that a waiting caller can stop.
            if score is not None and (score != last or time.monotonic() - shown > STILL_WAITING):
                shown, last = time.monotonic(), score
                yield score

    def say(self, *, working: bool, score: SplitScore | None = None) -> None:
        """Tell waiting processes whether this one is working, and how far it is."""
        claim = self._claim
        if claim is None:
            return
        words = None
        if score is not None:
            said = score.seen, score.correct, score.loss, score.loss_sd, score.figure, score.estimate
            words = msgspec.json.encode(_Progress(*said))
        claim.say(working=working, words=words)

    def hear(self, split: Split) -> SplitScore | None:
        """The progress of the process that holds the claim; None if it is not known."""
        try:
            said = msgspec.json.decode(self._claims.look(self.key), type=_Progress)
        except ValueError:
            return None
        total = len(split)
        if not said.correct <= said.seen < total:
            return None
        loss = math.nan if said.loss is None else said.loss
        seen, correct, task = said.seen, said.correct, split.scoring.task
        return SplitScore(
            split.role,
            total,
            seen,
            correct,
            loss,
            figure=said.figure,
            loss_sd=said.loss_sd,
            task=task,
            estimate=said.estimate,
        )


@contextmanager
def all_used(shares: Iterable[Share]) -> Iterator[None]:
    """`Share.used` for several claims."""
    with ExitStack() as stack:
        for share in shares:
            stack.enter_context(share.used())
        yield
