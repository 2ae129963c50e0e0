"""Which images a reviewer looks at: a queue of a name, and a filter by what was judged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.mistakes.review_queue import (
    Queue,
    class_pair,
    hardest,
    label_errors,
    most_disputed,
    where_two_differ,
)
from soupwidgets.topics.mistakes.taxonomy import confusion_pairs
from soupwidgets.topics.review.label_set import distributions
from soupwidgets.topics.review.samples import Sample, random_sample, stratified_sample
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.views import Image, View

FILTERS = ("all", "not judged by me", "judged by me", "judged by anybody", "disputed")
PAIR, RANDOM = "one pair of classes", "sample: all images alike"
# So many images are drawn; whoever stops earlier has seen a random sample as well.
_SAMPLED = 200


class Queues:
    """Queues of the images of a split; each is made when it is first asked for.

    Parameters
    ----------
    models
        The first is the one whose mistakes are looked at.
    session
        Where samples are recorded, and those of others are found.

    Attributes
    ----------
    names, pairs
        Of queues; of pairs of classes that are confused, the most frequent first.
    sampled
        Names of those that are random samples. A new one is drawn and recorded when it is first asked for, and is the
        same for everybody in the session.
    """

    def __init__(self, models: Sequence[Member], suite: Suite, split: str, session: ReviewSession) -> None:
        first, labels, classes = models[0], suite.splits[split].labels, suite.class_names(split)
        found = confusion_pairs(first.predictions(split), labels, classes)
        confused = {f"{p.first} and {p.second} ({p.count})": (p.first, p.second) for p in found}
        self.pairs = list(confused)
        self._known: dict[str, Callable[[str | None], Queue]] = {
            "hardest mistakes first": lambda _: hardest(models, suite, split),
            PAIR: lambda pair: class_pair(first, suite, split, *confused[pair or ""]),
            "labels that may be wrong": lambda _: label_errors(first, suite, split),
        }
        if len(models) > 1:
            other = models[1]
            self._known["most disputed by models"] = lambda _: most_disputed(models, suite, split)
            self._known[f"only {first.name} or {other.name} right"] = lambda _: where_two_differ(
                first, other, suite, split
            )
        where = suite.splits[split]
        mixed = f"sample: half mistakes of {first.name:.100}, half right"
        drawn: dict[str, Callable[[int], Sample]] = {
            RANDOM: lambda seed: random_sample(where, _SAMPLED, seed=seed, name=RANDOM),
            mixed: lambda seed: stratified_sample(first, where, _SAMPLED, seed=seed, name=mixed),
        }
        there = {one.name for one in session.view.samples.values() if one.split == split}
        self.sampled = [*drawn, *sorted(there - {*drawn, *self._known})]
        self._known |= {name: partial(_sampled, session, split, name, drawn.get(name)) for name in self.sampled}
        self.names = list(self._known)
        self._split = split
        self._made: dict[tuple[str, str | None], Queue] = {}

    def queue(self, state: Mapping[str, Any], view: View, reviewer: str) -> Queue:
        """Make the queue that a state asks for, with what passes its filter in the light of what was judged."""
        key = state["queue"], state["pair"] if state["queue"] == PAIR else None
        if key not in self._made:
            self._made[key] = self._known[key[0]](key[1])
        whole = self._made[key]
        if state["filter"] == "all":
            return whole
        passes = self._filter(state["filter"], view, reviewer)
        kept = [(row, why) for row, why in zip(whole.rows, whole.reasons, strict=True) if passes(row)]
        return Queue(whole.name, tuple(row for row, _ in kept), tuple(why for _, why in kept))

    def _filter(self, wanted: str, view: View, reviewer: str) -> Callable[[int], bool]:
        said = view.by_image()
        if wanted == "disputed":
            counted = distributions(view, self._split)
            return lambda row: len(said.get(Image(self._split, row), {})) > 1 and counted[row].disputed
        if wanted == "judged by anybody":
            return lambda row: Image(self._split, row) in said
        mine = {image for image, by in said.items() if reviewer in by}
        return lambda row: (Image(self._split, row) in mine) == (wanted == "judged by me")


def _sampled(
    session: ReviewSession, split: str, name: str, draw: Callable[[int], Sample] | None, _pair: str | None
) -> Queue:
    """The session's sample of this name; a new one is recorded before anybody sees an image of it."""
    there = [one for one in session.view.samples.values() if (one.split, one.name) == (split, name)]
    if not there and draw is not None:
        # The same in every copy of the session.
        seed = int.from_bytes(hashlib.sha256(f"{session.id}\n{split}\n{name}".encode()).digest()[:8])
        id = session.add_sample(draw(seed))
        there = [session.view.samples[id]]
    return there[0].queue()
