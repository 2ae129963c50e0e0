"""Looking at mistakes one by one, and what becomes of accuracy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, get_args

import ipywidgets
from scipy.special import softmax

from soupwidgets.panel.explorer import Explorer
from soupwidgets.panel.html import png_uri
from soupwidgets.panel.newest_wins import Steps
from soupwidgets.store import Store
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member, checked_suite
from soupwidgets.topics.mistakes.embeddings import Embeddings
from soupwidgets.topics.mistakes.mistake_guess import MistakeGuesser
from soupwidgets.topics.mistakes.multi_labels import multi_label_accuracy, slice_score
from soupwidgets.topics.mistakes.review_queue import (
    Queue,
    class_pair,
    hardest,
    label_errors,
    most_disputed,
    where_two_differ,
)
from soupwidgets.topics.mistakes.taxonomy import confusion_pairs, mistake_table
from soupwidgets.topics.review.agreement import agreement
from soupwidgets.topics.review.card import ReviewCard
from soupwidgets.topics.review.exports import ReviewExports
from soupwidgets.topics.review.label_set import Rule, distributions, label_set, reviewed_mistakes
from soupwidgets.topics.review.results import agreement_html, disputed_html, mistakes_html, score_table
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement, View

_FILTERS = ("all", "not judged by me", "judged by me", "judged by anybody", "disputed")
_PREDICTIONS, _NEIGHBOURS = 5, 5
_SIDES = ("correct", "unclear", "wrong")


class MistakeReviewer(Explorer):
    """A queue of images, one large image to judge, and the accuracies before and after.

    Every change is stored at once, in the session; others may judge the same images meanwhile.

    Parameters
    ----------
    models
        The first is the one whose mistakes are looked at; a second one is compared with it (a soup and its best
        ingredient, for example). They need logits on the split and on validation.
    suite
        Has the images.
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
        Without a model.
    KeyError
        When the suite has no such split.

    Attributes
    ----------
    session
        The review session.
    queue
        The images to look at, after the filter.
    position
        Place of the image that is shown.
    """

    def __init__(
        self,
        models: Sequence[Member],
        suite: Suite | None = None,
        session: ReviewSession | None = None,
        split: str | None = None,
        embedded: Embeddings | None = None,
    ) -> None:
        suite = checked_suite("MistakeReviewer", models, suite)
        if not models:
            raise ValueError("there is no model whose mistakes could be reviewed")
        self.split = suite.id_test.name if split is None else split
        if self.split not in suite.splits:
            raise KeyError(f"the suite has no split {self.split!r}; it has {', '.join(suite.splits)}")
        if session is None:
            store = ReviewStore(Store.default().folder / "reviews.sqlite")
            session = ReviewSession.create(store, suite, f"Review of {models[0].name}")
        session.check(suite, [self.split])
        super().__init__()
        self.models, self.suite, self.session, self.embedded = list(models), suite, session, embedded
        self._where = suite.splits[self.split]
        self._classes = suite.class_names(self.split)
        self._said = models[0].predictions(self.split)
        self._sure = softmax(models[0].scaled(self.split, suite), axis=1)
        self._guesser = None
        if embedded is not None:
            self._guesser = MistakeGuesser(embedded, self._where.labels, self._classes)
        self.queue = Queue("", (), ())
        self.position = 0
        # What can be undone: an image, and what was said of it before.
        self._undo: list[tuple[Image, Judgement | None]] = []
        self._queues = self._known_queues()

        pairs = confusion_pairs(self._said, self._where.labels, self._classes)
        self._pairs = {f"{p.first} and {p.second} ({p.count})": (p.first, p.second) for p in pairs}
        self.queue_choice = ipywidgets.Dropdown(description="Queue", options=list(self._queues))
        self.pair_choice = ipywidgets.Dropdown(description="Pair", options=list(self._pairs), disabled=True)
        self.filter_choice = ipywidgets.Dropdown(description="Show", options=_FILTERS)
        self.rule_choice = ipywidgets.Dropdown(description="Labels by", options=get_args(Rule))
        controls = ipywidgets.HBox([self.queue_choice, self.pair_choice, self.filter_choice, self.rule_choice])
        controls.layout.flex_flow = "row wrap"
        self.card = ReviewCard()
        self.scores, self.kinds = ipywidgets.HTML(), ipywidgets.HTML()
        self.disputed, self.agreement = ipywidgets.HTML(), ipywidgets.HTML()
        self.exports = ReviewExports(session, self._where, lambda: self.rule_choice.value)
        self.children = [
            controls, self.alert, self.card, self.scores, self.disputed, self.kinds, self.agreement, self.exports,
        ]  # fmt: skip

        for choice in (self.queue_choice, self.pair_choice, self.filter_choice):
            choice.observe(lambda _: self._start(), "value")
        self.rule_choice.observe(lambda _: self._ask(), "value")
        self.card.observe(self._on_event, "event")
        self._start()
        self._ask()

    def __repr__(self) -> str:
        # What a notebook shows in the widget's place where no kernel runs.
        return f"<MistakeReviewer of {self.models[0].name}: {self._how_to_use}>"

    @property
    def image(self) -> Image | None:
        """What is shown."""
        return Image(self.split, self.queue.rows[self.position]) if self.queue.rows else None

    def refresh(self) -> None:
        """Ask the store what others have said meanwhile."""
        self.session.refresh()
        self._show()
        self._ask()

    def judge(self, judgement: Judgement) -> None:
        """Store a judgement, as the card does; it can be undone."""
        before = self.session.mine().get(judgement.image)
        self.session.judge(judgement)
        self._undo.append((judgement.image, before))
        self._saved("saved")

    def move(self, by: int) -> None:
        """Show another image of the queue."""
        if self.queue.rows:
            self.position = (self.position + by) % len(self.queue)
            self._show()

    def undo(self) -> None:
        """Take the last change back, and show its image."""
        if not self._undo:
            self.card.status = "nothing to undo"
            return
        image, before = self._undo.pop()
        if before is None:
            self.session.take_back(image)
        else:
            self.session.judge(before)
        if image.row in self.queue.rows:
            self.position = self.queue.rows.index(image.row)
        self._saved("undone")

    def take_back(self) -> None:
        """Remove what was said of the image that is shown, here and in every copy."""
        if self.image is None or self.image not in self.session.mine():
            self.card.status = "you have said nothing of this image"
            return
        done = self.session.take_back(self.image)
        self._undo = [(image, before) for image, before in self._undo if image != self.image]
        self._saved(f"{done} Copies lose it when they are merged.")

    # What the user does.

    def _on_event(self, change: Any) -> None:
        event = change["new"]
        actions: dict[str, Callable[[], None]] = {
            "next": partial(self.move, 1),
            "previous": partial(self.move, -1),
            "undo": self.undo,
            "take back": self.take_back,
            "judge": lambda: self.judge(self._judgement(event["judgement"])),
        }
        do = actions.get(str(event.get("do")))
        if do is None:
            return
        try:
            do()
            self.alert.value = ""
        except Exception as error:
            # What was entered stays on the screen: it may be stored when there is room again.
            self.card.status = "not saved"
            if event.get("judgement"):
                self.card.judgement = {**event["judgement"], "judged": False}
            self._show_error(error)

    def _judgement(self, given: dict[str, Any]) -> Judgement:
        if self.image is None:
            raise ValueError("there is no image to judge")
        row = self.image.row
        wrong = int(self._said[row]) if self._said[row] != self._where.labels[row] and self._said[row] >= 0 else None
        correct, unclear, not_right = (frozenset(int(c) for c in given[side]) for side in _SIDES)
        return Judgement(
            self.image,
            correct,
            unclear,
            not_right,
            problematic=bool(given["problematic"]),
            prediction=wrong,
            category=given["category"],
            severity=given["severity"],
            note=str(given["note"]),
            shared=bool(given["shared"]),
        )

    def _start(self) -> None:
        self.alert.value = ""
        self.pair_choice.disabled = self.queue_choice.value != "one pair of classes"
        try:
            whole = self._queues[str(self.queue_choice.value)]()
        except Exception as error:
            self._show_error(error)
            whole = Queue(str(self.queue_choice.value), (), ())
        kept = [(row, why) for row, why in zip(whole.rows, whole.reasons, strict=True) if self._passes(row)]
        self.queue = Queue(whole.name, tuple(row for row, _ in kept), tuple(why for _, why in kept))
        self.position = 0
        self._show()

    def _passes(self, row: int) -> bool:
        said = self.session.view.by_image().get(Image(self.split, row), {})
        mine = self.session.reviewer in said
        wanted = str(self.filter_choice.value)
        if wanted == "disputed":
            return len(said) > 1 and distributions(self.session.view, self.split)[row].disputed
        return {"all": True, "judged by anybody": bool(said)}.get(wanted, mine == (wanted == "judged by me"))

    def _known_queues(self) -> dict[str, Callable[[], Queue]]:
        first, suite, split = self.models[0], self.suite, self.split
        known: dict[str, Callable[[], Queue]] = {
            "hardest mistakes first": lambda: hardest(self.models, suite, split),
            "one pair of classes": lambda: class_pair(first, suite, split, *self._pairs[str(self.pair_choice.value)]),
            "labels that may be wrong": lambda: label_errors(first, suite, split),
        }
        if len(self.models) > 1:
            other = self.models[1]
            known["most disputed by models"] = lambda: most_disputed(self.models, suite, split)
            known[f"only {first.name} or {other.name} right"] = lambda: where_two_differ(first, other, suite, split)
        return known

    # What is shown.

    def _saved(self, what: str) -> None:
        self._show()
        mine = {image.row for image in self.session.mine() if image.split == self.split}
        done = sum(row in mine for row in self.queue.rows)
        self.card.status = f"{what}. You have judged {done:,} of {len(self.queue):,} images of this queue."
        self._ask()

    def _show(self) -> None:
        view = self.session.view
        self.card.vocabulary = {
            "classes": list(self._classes),
            "categories": [{"id": id, "name": term.name} for id, term in view.categories.items()],
            "severities": [{"id": id, "name": term.name} for id, term in view.severities.items()],
        }
        image = self.image
        if image is None:
            self.card.item = {}
            return
        mine = self.session.mine().get(image)
        with self.card.hold_sync():
            self.card.judgement = {**(mine or Judgement(image)).to_body(), "judged": mine is not None}
            self.card.item = self._item(image, view)
            self.card.status = ""

    def _item(self, image: Image, view: View) -> dict[str, Any]:
        row, label = image.row, int(self._where.labels[image.row])
        top = (-self._sure[row]).argsort(kind="stable")[:_PREDICTIONS]
        guess = None
        if self._guesser is not None and self._said[row] not in (label, -1):
            found = self._guesser.guess(row, int(self._said[row]))
            guess = {"category": found.category, "reasons": list(found.reasons)}
        said = view.by_image().get(image, {})
        return {
            "key": f"{image.split}/{row}",
            "image": png_uri(self._where.images[row]),
            "alt": f"image {row} of {image.split}, labelled {self._classes[label]}",
            "place": f"{self.position + 1:,} of {len(self.queue):,}: {self.queue.name}",
            "reason": self.queue.reasons[self.position],
            "label": label,
            "predictions": [{"class": int(c), "probability": float(self._sure[row, c])} for c in top],
            "guess": guess,
            "neighbours": self._neighbours(row),
            "others": [self._sentence(view, who, j) for who, j in said.items() if who != self.session.reviewer],
        }

    def _neighbours(self, row: int) -> list[dict[str, str]]:
        if self.embedded is None:
            return []
        reference = self.suite.training or self.suite.validation
        return [
            {"image": png_uri(reference.images[i]), "label": self._classes[reference.labels[i]]}
            for i in self.embedded.nearest(row, _NEIGHBOURS)
        ]

    def _sentence(self, view: View, who: str, judgement: Judgement) -> str:
        said = [
            f"{side}: {', '.join(self._classes[c] for c in sorted(getattr(judgement, side)))}"
            for side in _SIDES
            if getattr(judgement, side)
        ]
        said += ["problematic"] if judgement.problematic else []
        for id, terms in ((judgement.category, view.categories), (judgement.severity, view.severities)):
            said += [terms[id].name] if id is not None and id in terms else []
        said += [f"note: {judgement.note}"] if judgement.note else []
        return f"{view.name_of(who)} \u2014 {'; '.join(said) or 'nothing'}"

    # What the worker does.

    def _ask(self) -> None:
        self._work.request(self._results(self.session.view, self.rule_choice.value))

    def _results(self, view: View, rule: Rule) -> Steps:
        settled = label_set(view, self.split, rule)
        labels = self._where.labels
        whole = settled.completed(self._where)
        scores = {}
        for model in self.models:
            said = model.predictions(self.split)
            score = multi_label_accuracy(said, labels, whole, len(self._classes))
            scores[model.name] = score, slice_score(said, whole) if whole.major else None
        table = score_table(scores, len(settled), self.split, len(labels))
        yield "scores", partial(setattr, self.scores, "value", table)
        counted = distributions(view, self.split)
        disputed = disputed_html(counted, settled, self._classes, labels.tolist())
        yield "disputed", partial(setattr, self.disputed, "value", disputed)
        kinds = mistakes_html(mistake_table(reviewed_mistakes(view, self.split)))
        yield "kinds", partial(setattr, self.kinds, "value", kinds)
        several = any(one.reviewers > 1 for one in counted.values())
        found = agreement_html(agreement(view, self.split)) if several else ""
        yield "agreement", partial(setattr, self.agreement, "value", found)
