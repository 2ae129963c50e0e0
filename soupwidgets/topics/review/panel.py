"""Looking at mistakes one by one, and what becomes of accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import Any, get_args

from soupwidgets.panel.controls import Button, Choice, Control, Events, Number, Text, Toggle
from soupwidgets.panel.examples import examples_word, one_example
from soupwidgets.panel.given import check_kind
from soupwidgets.panel.panel import Panel, State
from soupwidgets.panel.view import Table, View
from soupwidgets.store import Store
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member, checked_suite
from soupwidgets.topics.mistakes.embeddings import Embeddings
from soupwidgets.topics.mistakes.review_queue import Queue
from soupwidgets.topics.review import views
from soupwidgets.topics.review.card import Cards
from soupwidgets.topics.review.exports import KINDS, LABELS, Exports
from soupwidgets.topics.review.judging import Judging
from soupwidgets.topics.review.label_set import Rule
from soupwidgets.topics.review.own_part import OwnPart
from soupwidgets.topics.review.queues import FILTERS, PAIR, Queues
from soupwidgets.topics.review.records import ReviewError
from soupwidgets.topics.review.results import results
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement

_LOOKED_FOR = ("queue", "pair", "filter")
NOT_DRAWN = (
    "This queue was not drawn at random: that an image is in it says something of the model. The samples among the "
    "queues do not, and only from them can be counted up to all images."
)
_EXPORT = ("kind", "file", "look", "write", "share")
_OWN = ("called", "credit", "call", "nameless", "disagree", "leave")


class MistakeReviewer(Panel):
    """A queue of images, one large image to judge, and the accuracies before and after.

    Every change is stored at once, in the session; others may judge the same images meanwhile.

    Parameters
    ----------
    models
        The first is the one whose mistakes are looked at; a second one is compared with it (a soup and its best
        ingredient, for example). They need logits on the split and on validation.
    session
        Where judgements go; a new one in the default store when None.
    split
        Whose images; the in-distribution test when None.
    embedded
        Of the split, for nearest training images and a first guess of the category; without them there are neither.

    Raises
    ------
    TypeError
        When it was given no models, or no suite; it says what to write.
    ReviewError
        When the session is about other images.
    ValueError
        Without a model; when the examples are neither images nor texts, or have other labels.
    KeyError
        When the suite has no such split.
    """

    queue: str
    pair: str | None
    filter: str
    blind: bool
    own: bool
    called: str
    credit: bool
    rule: Rule
    agree: int
    row: float
    did: list[dict[str, Any]]

    def __init__(
        self,
        models: Sequence[Member],
        suite: Suite | None = None,
        *,
        session: ReviewSession | None = None,
        split: str | None = None,
        embedded: Embeddings | None = None,
    ) -> None:
        suite = checked_suite("MistakeReviewer", models, suite)
        asks = "asks what images or texts that have one label each may be called"
        check_kind("MistakeReviewer", suite, asks, tasks=("single-label",), examples=("images", "texts"))
        if not models:
            raise ValueError("there is no model whose mistakes could be reviewed")
        self.split = suite.id_test.name if split is None else split
        if self.split not in suite.splits:
            raise KeyError(f"the suite has no split {self.split!r}; it has {', '.join(suite.splits)}")
        if session is None:
            store = ReviewStore(Store.default().folder / "reviews.sqlite")
            session = ReviewSession.create(store, suite, f"Review of {models[0].name}")
        session.check(suite, [self.split])
        self.models, self.suite, self.session = list(models), suite, session
        self._where = suite.splits[self.split]
        self._cards = Cards(models[0], suite, self.split, embedded, session.reviewer)
        self._queues = Queues(self.models, suite, self.split, session)
        self._judging = Judging(
            session, self.split, self._cards.mistaken, lambda row, now: self._cards.listed(row, now, not now.filed)
        )
        # The session is asked and told by one at a time: keys on the kernel's loop, buttons in the worker.
        self._one_at_a_time = RLock()
        # What was judged when the queue was chosen: it does not shrink under who works through it.
        self._since = session.view
        self._counted: tuple[views.View, Rule, list[Table], dict[int, str]] | None = None
        self._exports, self._own = Exports(session, suite, self.split), OwnPart(session)
        super().__init__(f"Review of {models[0].name} on {self.split}", self._all_controls())

    def _all_controls(self) -> list[Control]:
        names, known = self._queues.names, self._queues.pairs
        pairs: list[Any] = [*known] or [(None, "no classes are confused")]
        return [
            Choice(name="queue", label="Queue", value=names[0], options=names),
            Choice(name="pair", label="Pair", value=next(iter(known), None), options=pairs, hidden=True),
            Choice(name="filter", label="Show", value=FILTERS[0], options=FILTERS),
            Toggle(name="blind", label="judge blind: label and prediction are shown afterwards"),
            Choice(name="rule", label="Labels by", value=get_args(Rule)[0], options=get_args(Rule)),
            Number(name="row", label="Image", value=-1, hidden=True),
            Button(name="agree", label="I agree to the text below", hidden=True),
            Toggle(name="own", label="my name and my part"),
            Text(name="called", label="New name", placeholder="as it is", hidden=True),
            Toggle(name="credit", label="exports may name me", value=self._own.credit, hidden=True),
            Button(name="call", label="Use these", title="The new name, and the choice beside it", hidden=True),
            Button(name="nameless", label="Have no name", hidden=True),
            Button(name="disagree", label="I do not agree any more", hidden=True),
            Button(name="leave", label="Take everything of mine back", hidden=True),
            Toggle(name="export", label="share and export"),
            Button(
                name="share", label="Share all of mine", title="Let all your judgements leave the group", hidden=True
            ),
            Choice(name="kind", label="Export", value=LABELS, options=list(KINDS), hidden=True, writes=True),
            Text(name="file", label="File", value=KINDS[LABELS], hidden=True, writes=True),
            Button(name="look", label="Say what is in it", hidden=True, writes=True),
            Button(name="write", label="Write it", hidden=True, writes=True),
            Events(name="did", label=f"{one_example(self.suite).capitalize()} to judge", script="reviewCard"),
        ]

    @property
    def images(self) -> Queue:
        """The images to look at, after the filter."""
        return self._queue(self.state)

    @property
    def image(self) -> Image | None:
        """What is shown."""
        row = _shown(self.state, self.images)
        return None if row is None else Image(self.split, row)

    def refresh(self) -> None:
        """Ask the store what others have said meanwhile."""
        with self._one_at_a_time:
            self.session.refresh()
        self._ask()

    def judge(self, judgement: Judgement) -> None:
        """Store a judgement, as the card does; it can be undone."""
        with self._one_at_a_time:
            self._judging.judge(judgement, self.images.rows)
        self._ask()

    def press(self, do: str, **what: Any) -> None:
        """Do what a key or a button of the card does, such as ``press("turn", place=0)`` for the key 1."""
        self.receive("did", [{"do": do, **what}])
        self._ask()

    def receive(self, name: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Fold what was pressed into judgements; each is on disk before the next one is looked at."""
        with self._one_at_a_time:
            queue = self.images
            before = row = _shown(self.state, queue)
            for event in events:
                row = self._judging.fold(event, queue.rows, row, blind=self.blind)
        if row is not None and row != before:
            self.row = row

    def led(self, name: str, value: Any) -> State:
        """Begin a queue at its first image; call a file what its kind is called."""
        if name in _LOOKED_FOR:
            return {"row": -1.0}
        return {"file": KINDS[value]} if name == "kind" else {}

    def answer(self, state: State) -> Iterator[View]:
        """Show the card at once, and then count again."""
        try:
            queue = self._queue(state)
        except Exception:
            yield self._view(state, Queue(state["queue"], (), ()), [], {})
            raise
        known, rule = self.session.view, state["rule"]
        counted = self._counted
        if counted is None or counted[:2] != (known, rule):
            yield self._view(state, queue, *(counted[2:] if counted else ([], {})), done=0)
            counted = self._counted = (
                known,
                rule,
                *results(self.models, self._where, classes=self._cards.classes, view=known, rule=rule),
            )
        yield self._view(state, queue, *counted[2:])

    def act(self, name: str, state: State) -> Iterator[View | State]:
        """Say what an export would hold, write it, or share."""
        with self._one_at_a_time:
            if name == "agree":
                self.session.consent()
            elif name in _OWN:
                if changed := self._own.do(name, state):
                    yield changed
            else:
                self._exports.do(name, state)

    def to_html(self, path: str | Path, **fixed: Any) -> Path:
        """Refuse: a page would show what people did not share.

        Raises
        ------
        ReviewError
            Always.
        """
        raise ReviewError("a page would show what people did not share: export labels, which says what it holds")

    def _on_control(self, change: Any) -> None:
        if change["name"] in _LOOKED_FOR:
            self._since = self.session.view
        super()._on_control(change)

    def _queue(self, state: State) -> Queue:
        same = all(state[name] == getattr(self, name) for name in _LOOKED_FOR)
        view = self._since if same else self.session.view
        with self._one_at_a_time:
            return self._queues.queue(state, view, self.session.reviewer)

    def _view(
        self, state: State, queue: Queue, tables: Sequence[Table], differ: Mapping[int, str], done: int = 1
    ) -> View:
        known, notes = self.session.view, self._exports.notes(state) if state["export"] else []
        notes = [*(self._own.notes() if state["own"] else []), *notes]
        # What others say of an image names its label.
        seen = self._judging.seen() if state["blind"] else set()
        told = [text for row, text in differ.items() if not state["blind"] or Image(self.split, row) in seen]
        if state["blind"] and state["queue"] not in self._queues.sampled:
            notes = [*notes, NOT_DRAWN]
        if asks := self.session.asks:
            again = " again, for it was changed" if self.session.view.consents.get(self.session.reviewer) else ""
            notes = [f"The group asks you to agree to this{again}. {asks}", *notes]
        hidden = {name: {"hidden": not state["export"]} for name in _EXPORT}
        hidden |= {name: {"hidden": not state["own"]} for name in _OWN}
        hidden["write"] = {"hidden": not (state["export"] and self._exports.ready(state))}
        return View(
            tables=tables,
            words=f"{len(queue):,} {examples_word(self.suite)} in the queue" + ("" if done else "; counting again"),
            done=done,
            notes=notes,
            controls={**hidden, "agree": {"hidden": not asks}, "pair": {"hidden": state["queue"] != PAIR}},
            card={"did": self._card(state, queue, known) | {"disputed": told}},
        )

    def _card(self, state: State, queue: Queue, known: views.View) -> dict[str, Any]:
        row = _shown(state, queue)
        told = {"status": self._judging.status, "problem": self._judging.problem}
        if row is None:
            return {"item": None, **told}
        image = Image(self.split, row)
        judgement = self._judging.now(image)
        place = queue.rows.index(row)
        where = f"{place + 1:,} of {len(queue):,}"
        if self._judging.hides(image, state["blind"]):
            item = self._cards.blind_item(row, judgement) | {"place": where, "reason": ""}
            judgement = replace(judgement, prediction=None, category=None, severity=None)
        else:
            self._judging.shown.add(image)
            item = self._cards.item(row, judgement, known, self.session.reviewer)
            item |= {"place": f"{where}: {queue.name}", "reason": queue.reasons[place], "blind": judgement.blind}
        return {
            "item": item,
            "vocabulary": self._cards.vocabulary(known, judgement),
            "judgement": judgement.to_body(),
            **told,
        }


def _shown(state: State, queue: Queue) -> int | None:
    """Row of the image on the card: the one that was gone to, else the first."""
    if not queue.rows:
        return None
    return int(state["row"]) if int(state["row"]) in queue.rows else queue.rows[0]
