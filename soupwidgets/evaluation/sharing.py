"""One measurement, several processes: one makes it, the others show how far it has got and take what it files."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated

import msgspec

from soupwidgets.evaluation.evaluation import SplitScore
from soupwidgets.evaluation.metrics import Figure
from soupwidgets.store import Claim, Claims
from soupwidgets.suites import Split

# How often whoever waits looks again, and how often it says so where nothing is new, in seconds.
POLL, STILL_WAITING = 0.05, 0.25


class _Progress(msgspec.Struct):
    seen: Annotated[int, msgspec.Meta(ge=1)]
    correct: Annotated[int, msgspec.Meta(ge=0)]
    # JSON has no NaN.
    loss: float | None
    loss_sd: float | None
    figure: Figure | None


class Share:
    """A measurement's claim, as all threads of this process that make the measurement together have it.

    Parameters
    ----------
    claims
        Of the store.
    key
        What the measurement is filed under.
    """

    def __init__(self, claims: Claims, key: str) -> None:
        self.key = key
        # For whoever takes the claim and then looks into the store: no thread begins in between.
        self.lock = threading.RLock()
        self._claims = claims
        self._claim: Claim | None = None
        self._users = 0

    @property
    def held(self) -> bool:
        """Whether this process makes the measurement."""
        claim = self._claim
        return claim is not None and claim.held

    def take(self) -> bool:
        """Try to get the claim; never waits. Whoever gets it looks into the store before it begins."""
        with self.lock:
            if not self.held:
                self._claim = self._claims.take(self.key)
            return self._claim is not None

    def release(self) -> None:
        """Let others have it."""
        claim, self._claim = self._claim, None
        if claim is not None:
            claim.release()

    @contextmanager
    def used(self) -> Iterator[None]:
        """For as long as the block lasts: the claim is released when its last user is through, or was stopped."""
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
        """Until the claim is this process's: how it stands with the one that has it, several times a second."""
        shown, last = time.monotonic(), None
        while not self.take():
            time.sleep(POLL)
            score = self.hear(split)
            # Also where there is nothing new, so that whoever waits can be stopped.
            if score is not None and (score != last or time.monotonic() - shown > STILL_WAITING):
                shown, last = time.monotonic(), score
                yield score

    def say(self, working: bool, score: SplitScore | None = None) -> None:
        """Tell those who wait whether somebody is at work, and how it stands."""
        claim = self._claim
        if claim is None:
            return
        words = None
        if score is not None:
            words = msgspec.json.encode(_Progress(score.seen, score.correct, score.loss, score.loss_sd, score.figure))
        claim.say(working, words)

    def hear(self, split: Split) -> SplitScore | None:
        """How it stands with the process that has the claim; None where that is not known."""
        try:
            said = msgspec.json.decode(self._claims.look(self.key), type=_Progress)
        except ValueError:
            return None
        total = len(split)
        if not said.correct <= said.seen < total:
            return None
        loss = math.nan if said.loss is None else said.loss
        return SplitScore(split.role, total, said.seen, said.correct, loss, figure=said.figure, loss_sd=said.loss_sd)


@contextmanager
def all_used(shares: Iterable[Share]) -> Iterator[None]:
    """`Share.used` of several."""
    with ExitStack() as stack:
        for share in shares:
            stack.enter_context(share.used())
        yield
