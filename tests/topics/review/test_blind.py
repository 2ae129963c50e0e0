"""Judging blind: nothing of label and prediction reaches the screen before the judgement is filed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.review.card import Cards
from soupwidgets.topics.review.label_set import label_set
from soupwidgets.topics.review.panel import NOT_DRAWN
from soupwidgets.topics.review.queues import RANDOM
from soupwidgets.topics.review.records import Record, ReviewError, State
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement, view
from soupwidgets.widgets import MistakeReviewer


@pytest.fixture
def models(tiny_evaluator: Evaluator) -> list[Member]:
    return sw.diversity.members(tiny_evaluator, ["ft-a", "ft-b"], splits=["test"], progress=False)


@pytest.fixture
def session(tiny_evaluator: Evaluator, tmp_path: Path) -> ReviewSession:
    return ReviewSession.create(ReviewStore(tmp_path / "reviews.sqlite"), tiny_evaluator.suite, "test")


@pytest.fixture
def reviewer(tiny_evaluator: Evaluator, models: list[Member], session: ReviewSession) -> Iterator[MistakeReviewer]:
    embedded = sw.mistakes.embeddings(tiny_evaluator, "test", progress=False)
    made = MistakeReviewer(models, tiny_evaluator.suite, session=session, embedded=embedded)
    made.state = {"blind": True, "queue": RANDOM}
    made.wait()
    yield made
    made.close()


def card(reviewer: MistakeReviewer) -> dict[str, Any]:
    reviewer.wait()
    return dict(reviewer.view["card"]["did"])


def mark(reviewer: MistakeReviewer, c: int, side: str = "correct") -> None:
    reviewer.press("say", **{"class": c, "side": side})


def test_nothing_of_label_and_prediction_is_in_the_view(reviewer: MistakeReviewer, models: list[Member]) -> None:
    assert reviewer.image is not None
    before = reviewer.view
    assert reviewer.error == ""
    item, told = card(reviewer)["item"], json.dumps(card(reviewer))
    row = reviewer.image.row
    label, said = int(reviewer.suite.id_test.labels[row]), int(models[0].predictions("test")[row])
    classes = reviewer.suite.class_names("test")
    # Every class is named the same number of times: in the list of all names, and nowhere else.
    assert {told.count(json.dumps(name)) for name in classes} == {1}
    assert sorted(item["listed"]) == list(range(10))
    for word in ("labelled", "probability", "predicted", "training image", "mistake"):
        assert word not in json.dumps([item, card(reviewer)["judgement"], card(reviewer)["disputed"]])
    # While it is being made up, neither the card nor any number moves with what is right.
    mark(reviewer, label)
    mark(reviewer, said, "unclear")
    reviewer.press("note", row=row, text="perhaps")
    after = card(reviewer)
    assert after["judgement"]["prediction"] is None
    assert {**after["item"]} == {**item}
    assert reviewer.view["tables"] == before["tables"]
    assert reviewer.view["figures"] == before["figures"]
    assert reviewer.session.mine()[reviewer.image].prediction is None


def test_the_card_is_the_same_whatever_the_label_and_the_models_say(
    tiny_evaluator: Evaluator, models: list[Member], session: ReviewSession
) -> None:
    suite = tiny_evaluator.suite
    turned = copy(suite.id_test)
    turned.labels = (suite.id_test.labels + 1) % 10
    other = Suite("other", suite.classes, {**suite.splits, "test": turned})
    drafts = Judgement(Image("test", 5), correct=frozenset({3}), blind=True, filed=False)
    items = [Cards(one, suite, "test", None, session.reviewer).blind_item(5, drafts) for one in models]
    items.append(Cards(models[0], other, "test", None, session.reviewer).blind_item(5, drafts))
    reversed_logits = replace(models[0], load=lambda split: -models[0].load(split))
    items.append(Cards(reversed_logits, suite, "test", None, session.reviewer).blind_item(5, drafts))
    assert len({json.dumps(one) for one in items}) == 1


def test_names_stand_in_another_order_for_every_image_and_person(
    tiny_evaluator: Evaluator, models: list[Member]
) -> None:
    made = [Cards(models[0], tiny_evaluator.suite, "test", None, who) for who in ("a", "b")]
    orders = [
        tuple(cards.listed(row, Judgement(Image("test", row)), hidden=True)) for cards in made for row in range(300)
    ]
    assert len(set(orders)) > 590
    # Every class stands in every place about as often: 60 of 600 each, with a standard deviation of 7.
    places = np.array(orders)
    counts = np.array([[(places[:, place] == c).sum() for c in range(10)] for place in range(10)])
    assert 25 < counts.min() < counts.max() < 95
    # Of many classes only those that were judged have a row.
    made[0].classes = tuple(map(str, range(50)))
    said = Judgement(Image("test", 1), correct=frozenset({30}), wrong=frozenset({2}))
    assert set(made[0].listed(1, said, hidden=True)) == {30, 2}


def test_a_blind_judgement_is_filed_and_says_that_it_was_blind(
    reviewer: MistakeReviewer, session: ReviewSession, models: list[Member]
) -> None:
    assert reviewer.image is not None
    image, major = reviewer.image, next(iter(session.view.severities))
    reviewer.press("enter")  # nothing was said: it goes on, and shows nothing
    assert reviewer.image != image
    assert image not in reviewer._judging.shown
    reviewer.press("previous")
    reviewer.press("choose", field="severity", term=major)  # of which prediction?
    assert session.mine() == {}
    place = card(reviewer)["item"]["listed"].index(4)
    reviewer.press("turn", place=place)
    assert "not filed yet. You have judged 0 of 200" in card(reviewer)["status"]
    draft = session.mine()[image]
    assert (draft.correct, draft.blind, draft.filed, draft.severity) == ({4}, True, False, None)
    # It counts nowhere yet, for nobody.
    assert session.view.by_image() == {}
    assert label_set(session.view, "test").images == {}
    reviewer.press("enter")
    filed = session.mine()[image]
    assert (filed.correct, filed.blind, filed.filed) == ({4}, True, True)
    assert filed.prediction == reviewer._cards.mistaken(image.row)
    assert label_set(session.view, "test").images[image.row].correct == {4}
    shown = card(reviewer)["item"]
    assert reviewer.image == image
    assert shown["label"] == reviewer.suite.id_test.labels[image.row]
    assert shown["predictions"][0]["class"] == models[0].predictions("test")[image.row]
    assert shown["blind"]
    # What is about the prediction can be said now, and the labels are as blind as before.
    reviewer.press("choose", field="severity", term=major)
    reviewer.press("note", row=image.row, text="cut off")
    assert session.mine()[image].blind
    # A label that is changed after that is not.
    mark(reviewer, 5)
    assert (session.mine()[image].blind, session.mine()[image].filed) == (False, True)
    reviewer.press("undo")
    assert session.mine()[image].blind
    again = ReviewSession(session.store, session.id, code=session.code)
    assert again.mine()[image].blind


def test_what_was_seen_is_not_judged_blind_any_more(reviewer: MistakeReviewer, session: ReviewSession) -> None:
    assert reviewer.image is not None
    image = reviewer.image
    mark(reviewer, 1)
    reviewer.blind = False  # the card shows everything
    assert card(reviewer)["item"]["label"] is not None
    reviewer.blind = True
    assert card(reviewer)["item"]["label"] is not None
    mark(reviewer, 2)
    assert (session.mine()[image].blind, session.mine()[image].filed) == (False, True)
    # Nor is one that was filed, undone, and changed.
    reviewer.press("next")
    second = reviewer.image
    assert second is not None
    mark(reviewer, 3)
    reviewer.press("enter")
    card(reviewer)
    reviewer.press("undo")
    assert session.mine()[second] == replace(session.mine()[second], correct=frozenset({3}), blind=False, filed=True)
    reviewer.press("take back")
    mark(reviewer, 4)
    assert not session.mine()[second].blind


def test_others_and_disputes_are_told_afterwards(reviewer: MistakeReviewer, session: ReviewSession) -> None:
    assert reviewer.image is not None
    image = reviewer.image
    for number in range(2):
        person = ReviewSession(session.store, session.id)
        said = {"correct": frozenset({1})} if number else {"wrong": frozenset({1})}
        person.judge(Judgement(image, note="a shirt", **said))  # type: ignore[arg-type]
    reviewer.refresh()
    assert card(reviewer)["item"]["others"] == card(reviewer)["disputed"] == []
    mark(reviewer, 1)
    reviewer.press("enter")
    assert len(card(reviewer)["item"]["others"]) == 2
    assert "1 of 3 say wrong" in card(reviewer)["disputed"][0]


def test_a_queue_that_says_something_by_itself_is_told(reviewer: MistakeReviewer) -> None:
    assert NOT_DRAWN not in reviewer.ask().notes
    view = reviewer.ask(queue="hardest mistakes first")
    assert NOT_DRAWN in view.notes
    item = view.card["did"]["item"]
    assert item["reason"] == ""
    assert "hardest" not in item["place"]
    assert NOT_DRAWN not in reviewer.ask(queue="hardest mistakes first", blind=False).notes


def test_judgements_of_before_are_open_and_filed(session: ReviewSession) -> None:
    session.judge(Judgement(Image("test", 1), correct=frozenset({1})))
    (record,) = (r for r in session.state.records.values() if r.kind == "judgement")
    body = {key: value for key, value in record.body.items() if key not in ("blind", "filed")}
    old = Record(record.id, "judgement", record.author, body)
    (judgement,) = view(State.of([old])).judgements.values()
    assert (judgement.blind, judgement.filed) == (False, True)
    for wrong in ({"blind": "yes"}, {"filed": 1}):
        with pytest.raises(ReviewError, match="true or false"):
            view(State.of([replace(old, body={**body, **wrong})]))
