from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets
import pandas as pd
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator
from soupwidgets.panel.view import Table, View
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.mistakes.multi_labels import ImageLabels, MultiLabels, MultiLabelScore, SliceScore
from soupwidgets.topics.review.agreement import Agreement
from soupwidgets.topics.review.files import read_labels, read_session
from soupwidgets.topics.review.label_set import Distribution
from soupwidgets.topics.review.records import ReviewError
from soupwidgets.topics.review.results import agreement_table, disputed, mistakes_table, score_table
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement
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
    made.wait()
    yield made
    made.close()


def card(reviewer: MistakeReviewer) -> dict[str, Any]:
    return dict(reviewer.ask().card["did"])


def table(view: View, title: str) -> Table:
    return next(one for one in view.tables if one.title == title)


def say(reviewer: MistakeReviewer, *classes: int, side: str = "correct") -> None:
    for c in classes:
        reviewer.press("say", **{"class": c, "side": side})


def test_the_card_shows_the_hardest_mistake_with_what_helps(reviewer: MistakeReviewer, models: list[Member]) -> None:
    suite = reviewer.suite
    expected = sw.mistakes.hardest(models, suite, "test")
    row = expected.rows[0]
    item, vocabulary = card(reviewer)["item"], card(reviewer)["vocabulary"]
    assert reviewer.image == Image("test", row)
    assert item["row"] == row
    assert item["label"] == suite.id_test.labels[row]
    assert item["listed"] == list(range(10))
    assert item["predictions"][0]["class"] == models[0].predictions("test")[row]
    assert sum(p["probability"] for p in item["predictions"]) <= 1 + 1e-6
    assert item["image"].startswith("data:image/png;base64,")
    assert len(item["neighbours"]) == 5
    assert item["guess"]["category"] in sw.mistakes.CATEGORIES
    assert item["reason"] == expected.reasons[0]
    assert item["place"] == f"1 of {len(expected):,}: hardest mistakes first"
    assert [term["name"] for term in vocabulary["severities"]] == ["major", "minor"]


def test_every_change_is_stored_at_once_and_changes_the_accuracy(
    reviewer: MistakeReviewer, models: list[Member], session: ReviewSession
) -> None:
    assert reviewer.image is not None
    row, said = reviewer.image.row, int(models[0].predictions("test")[reviewer.image.row])
    label = int(reviewer.suite.id_test.labels[row])
    minor = list(session.view.severities)[1]
    say(reviewer, label, said)
    reviewer.press("choose", field="severity", term=minor)
    reviewer.wait()
    stored = ReviewSession(session.store, session.id, code=session.code).mine()[Image("test", row)]
    assert (stored.correct, stored.severity, stored.prediction) == ({label, said}, minor, said)
    assert "You have judged 1 of" in card(reviewer)["status"]
    whole = sw.mistakes.MultiLabels("test", {row: sw.mistakes.ImageLabels(frozenset({label, said}))})
    score = sw.mistakes.multi_label_accuracy(
        models[0].predictions("test"), reviewer.suite.id_test.labels, whole.completed(reviewer.suite.id_test), 10
    )
    assert reviewer.shown is not None
    found = table(reviewer.shown, "accuracies after review")
    assert list(found.rows[0][:3]) == ["ft-a", round(100 * score.single_label, 2), round(100 * score.accuracy, 2)]
    assert score.accuracy > score.single_label
    assert "1 of 400 images of test were reviewed" in found.note
    assert [row[2] for row in table(reviewer.shown, "mistakes by kind").rows][-1] == 1


def test_what_was_pressed_is_folded_in_order_each_once(reviewer: MistakeReviewer, session: ReviewSession) -> None:
    """As a page sends it: numbered, and again as long as it was not acknowledged."""
    assert reviewer.image is not None
    first, major = reviewer.image, next(iter(session.view.severities))
    pressed: list[dict[str, Any]] = [
        {"do": "turn", "place": 0}, {"do": "turn", "place": 0}, {"do": "turn", "place": 1},
        {"do": "choose", "field": "severity", "term": major}, {"do": "flag", "field": "shared"},
        {"do": "flag", "field": "problematic"}, {"do": "flag", "field": "problematic"},
        {"do": "next"}, {"do": "turn", "place": 2}, {"do": "note", "row": first.row, "text": "late"},
    ]  # fmt: skip
    events = [{"number": i, **one} for i, one in enumerate(pressed, 1)]
    for start, end in ((0, 1), (0, 4), (3, 8), (2, 10), (5, 10)):
        reviewer.did = events[start:end]
    mine = session.mine()
    judged = mine[first]
    assert (judged.unclear, judged.correct, judged.severity, judged.note) == ({0}, {1}, major, "late")
    assert (judged.shared, judged.problematic) == (True, False)
    assert reviewer.image is not None
    assert reviewer.image != first
    assert mine[reviewer.image].correct == {2}
    reviewer.wait()
    assert reviewer.view["received"] == {"did": 10}
    # A key takes a class from right to perhaps to not, and back to nothing.
    for side in ("unclear", "wrong", None):
        reviewer.press("turn", place=2)
        judgement = session.mine()[reviewer.image]
        assert [one for one in ("correct", "unclear", "wrong") if getattr(judgement, one)] == ([side] if side else [])


def test_of_many_classes_some_have_a_row(reviewer: MistakeReviewer, session: ReviewSession) -> None:
    assert reviewer.image is not None
    cards, row = reviewer._cards, reviewer.image.row
    cards.classes = tuple(map(str, range(50)))
    judged = Judgement(reviewer.image, correct=frozenset({30}), wrong=frozenset({40, 2}))
    label, top = int(reviewer.suite.id_test.labels[row]), [p["class"] for p in card(reviewer)["item"]["predictions"]]
    assert cards.listed(row, judged) == list(dict.fromkeys([label, *top, 30, 2, 40]))
    reviewer.press("turn", place=1)  # the second row, whatever stands in it
    (second,) = session.mine()[reviewer.image].correct
    assert second == cards.listed(row, Judgement(reviewer.image))[1]
    reviewer.press("turn", place=9)  # there is no tenth
    assert session.mine()[reviewer.image].correct == {second}


def test_moving_undoing_and_taking_back(reviewer: MistakeReviewer, session: ReviewSession) -> None:
    first = reviewer.image
    assert first is not None
    say(reviewer, 1, 2)
    reviewer.press("next")
    second = reviewer.image
    assert second not in (first, None)
    reviewer.press("flag", field="problematic")
    reviewer.press("previous")
    assert reviewer.image == first
    reviewer.press("undo")  # of the second image, which is shown again
    assert reviewer.image == second
    assert second not in session.mine()
    reviewer.press("undo")
    assert session.mine()[first].correct == {1}
    assert card(reviewer)["judgement"]["correct"] == [1]
    reviewer.press("undo")
    assert session.mine() == {}
    reviewer.press("undo")
    assert card(reviewer)["status"] == "nothing to undo"
    say(reviewer, 3)
    reviewer.press("take back")
    assert session.mine() == {}
    reviewer.press("undo")  # what was taken back stays gone
    assert session.mine() == {}
    reviewer.press("take back")
    assert "said nothing" in card(reviewer)["status"]
    for do in ("previous", "next", "dance"):
        reviewer.press(do)
    assert card(reviewer)["problem"] == reviewer.error == ""


def test_queues_pairs_and_filters(reviewer: MistakeReviewer, models: list[Member], session: ReviewSession) -> None:
    suite = reviewer.suite
    reviewer.press("next")
    assert reviewer.row > 0
    reviewer.queue = "only ft-a or ft-b right"
    assert reviewer.row == -1
    assert reviewer.images == sw.mistakes.where_two_differ(*models, suite, "test")
    reviewer.queue = "most disputed by models"
    assert reviewer.images.rows == sw.mistakes.most_disputed(models, suite, "test").rows
    assert reviewer.ask().controls["pair"] == {"hidden": True}
    reviewer.queue = "one pair of classes"
    assert reviewer.ask().controls["pair"] == {"hidden": False}
    other = reviewer._queues.pairs[1]
    reviewer.pair = other
    assert reviewer.images.name in other
    reviewer.queue = "labels that may be wrong"
    assert reviewer.images.rows == sw.mistakes.label_errors(models[0], suite, "test").rows
    reviewer.queue = "hardest mistakes first"
    say(reviewer, 1)
    reviewer.press("next")
    judged, whole = reviewer.images.rows[0], len(reviewer.images)
    reviewer.filter = "not judged by me"
    assert judged not in reviewer.images.rows
    assert len(reviewer.images) == whole - 1
    say(reviewer, 2)  # the queue does not shrink under who works through it
    assert len(reviewer.images) == whole - 1
    reviewer.press("take back")
    reviewer.filter = "judged by me"
    assert reviewer.images.rows == (judged,)
    reviewer.filter = "disputed"
    assert reviewer.images.rows == ()
    assert card(reviewer)["item"] is None
    reviewer.press("next")
    reviewer.press("turn", place=1)
    other_person = ReviewSession(session.store, session.id)
    other_person.judge(Judgement(Image("test", judged), wrong=frozenset({1})))
    reviewer.refresh()
    reviewer.filter = "all"
    reviewer.filter = "disputed"
    assert reviewer.images.rows == (judged,)
    assert "wrong:" in card(reviewer)["item"]["others"][0]


def test_a_queue_that_cannot_be_made_is_told(reviewer: MistakeReviewer) -> None:
    def missing(_: object) -> None:
        raise ModuleNotFoundError("pip install 'soupwidgets[label-errors]'")

    reviewer._queues._known["labels that may be wrong"] = missing  # type: ignore[assignment]
    reviewer.queue = "labels that may be wrong"
    reviewer.wait()
    assert "soupwidgets[label-errors]" in reviewer.error
    assert reviewer.view["card"]["did"]["item"] is None
    with pytest.raises(ModuleNotFoundError):
        reviewer.press("next")


def test_the_minority_is_one_click_away(reviewer: MistakeReviewer, session: ReviewSession) -> None:
    assert reviewer.image is not None
    for number in range(3):
        person = ReviewSession(session.store, session.id, code=f"person {number}")
        said = {"correct": frozenset({1})} if number else {"wrong": frozenset({1})}
        person.judge(Judgement(reviewer.image, **said))  # type: ignore[arg-type]
    reviewer.refresh()
    view = reviewer.ask(rule="majority")
    assert "1 of 3 say wrong" in view.card["did"]["disputed"][0]
    assert table(view, "agreement of reviewers").columns[0] == "Krippendorff's alpha"


def test_what_cannot_be_saved_is_told_and_stays_on_the_screen(
    reviewer: MistakeReviewer, session: ReviewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise ReviewError("database or disk is full")

    assert reviewer.image is not None
    image = reviewer.image
    with monkeypatch.context() as patched:
        patched.setattr(session.store, "write", full)
        say(reviewer, 1)
        reviewer.press("note", row=image.row, text="a long thought")
        assert "disk is full" in card(reviewer)["problem"]
        assert card(reviewer)["status"] == "not saved"
        reviewer.press("next")  # one may go on, and is told again
        assert reviewer.image != image
        assert "disk is full" in card(reviewer)["problem"]
        reviewer.press("previous")
        assert card(reviewer)["judgement"]["note"] == "a long thought"
    assert session.mine() == {}
    reviewer.press("next")  # whatever comes next tries again
    assert session.mine()[image].note == "a long thought"
    assert session.mine()[image].correct == {1}
    assert card(reviewer)["problem"] == ""
    say(reviewer, 99)
    assert "classes 0..9, not 99" in card(reviewer)["problem"]
    with monkeypatch.context() as patched:
        patched.setattr(session.store, "write", full)
        say(reviewer, 3)
        reviewer.press("undo")  # of what was never stored
        assert card(reviewer)["judgement"]["correct"] == []


def test_words_of_others_are_texts(reviewer: MistakeReviewer, session: ReviewSession) -> None:
    assert reviewer.image is not None
    evil = "<img src=x onerror=alert(1)>"
    person = ReviewSession(session.store, session.id)
    person.rename(evil)
    category = person.add_term("category", evil)
    said = reviewer._cards.mistaken(reviewer.image.row)
    assert said is not None
    person.judge(Judgement(reviewer.image, note=evil, category=category, prediction=said, wrong=frozenset({said})))
    session.judge(Judgement(reviewer.image, prediction=said, correct=frozenset({said})))
    reviewer.refresh()
    view = reviewer.ask()
    # As they are, for the front end shows texts as texts.
    assert evil in view.card["did"]["item"]["others"][0]
    assert evil in [row[0] for row in table(view, "mistakes by kind").rows]
    assert json.dumps(view.card["did"]["vocabulary"]).count("onerror") == 1


def test_what_is_asked_at_first(tiny_evaluator: Evaluator, models: list[Member], session: ReviewSession) -> None:
    suite = tiny_evaluator.suite
    with pytest.raises(ValueError, match="no model whose mistakes"):
        MistakeReviewer([], suite, session=session)
    with pytest.raises(KeyError, match="no split 'fog'"):
        MistakeReviewer(models, suite, session=session, split="fog")
    before = set(ipywidgets.widgets.widget._instances)
    made = MistakeReviewer(models[:1], suite)  # a session of its own, in the default store
    assert "Review of ft-a" in made.session.store.sessions().values()
    assert card(made)["item"]["neighbours"] == []
    assert card(made)["item"]["guess"] is None
    with pytest.raises(ReviewError, match="what people did not share"):
        made.to_html("page.html")
    made.close()
    assert set(ipywidgets.widgets.widget._instances) == before


def test_name_credit_and_withdrawal_need_no_python(reviewer: MistakeReviewer, session: ReviewSession) -> None:
    row = reviewer.image.row if reviewer.image is not None else -1
    say(reviewer, 1)

    def pressed(name: str) -> str:
        setattr(reviewer, name, getattr(reviewer, name) + 1)
        reviewer.wait()
        return " ".join(reviewer.ask().notes)

    assert reviewer.ask().controls["leave"] == {"hidden": True}
    reviewer.own = True
    assert reviewer.ask().controls["leave"] == {"hidden": False}
    reviewer.called = "Kim"
    said = pressed("call")
    assert "To the others you are 'Kim'; exports do not name you; you have not agreed" in said
    # The panel's state, which bookmarks keep, does not hold the name.
    assert "Kim" not in str(reviewer.state)
    reviewer.credit = True
    assert "To the others you are 'Kim'; exports name you" in pressed("call")
    assert session.refresh().reviewers[reviewer.session.reviewer].credit
    pressed("agree")
    assert "you agreed to the group's text" in " ".join(reviewer.ask().notes)
    assert "your judgements stay" in pressed("disagree")
    assert not session.refresh().consented(reviewer.session.reviewer)
    assert "exports do not name you" in pressed("nameless")
    before = reviewer.session.reviewer
    assert "Press once more" in pressed("leave")
    assert Image(reviewer.split, row) in session.refresh().by_image()
    # Something else in between is no second press.
    pressed("nameless")
    assert "Press once more" in pressed("leave")
    assert "new reviewer's" in pressed("leave")
    assert Image(reviewer.split, row) not in session.refresh().by_image()
    assert before not in {author for author, _ in session.state.records}
    say(reviewer, 1)
    assert reviewer.session.reviewer != before
    assert {who for who, _ in session.refresh().judgements} == {reviewer.session.reviewer}


def test_an_export_says_what_is_in_it_before_it_is_written(
    reviewer: MistakeReviewer, session: ReviewSession, tmp_path: Path
) -> None:
    assert reviewer.image is not None
    row, target = reviewer.image.row, tmp_path / "labels.json"
    say(reviewer, 1)
    reviewer.press("choose", field="severity", term=next(iter(session.view.severities)))

    def pressed(name: str) -> str:
        setattr(reviewer, name, getattr(reviewer, name) + 1)
        reviewer.wait()
        return " ".join(reviewer.ask().notes)

    def writable() -> bool:
        return not reviewer.ask().controls["write"]["hidden"]

    assert reviewer.ask().controls["kind"] == {"hidden": True}
    reviewer.export = True
    reviewer.file = str(target)
    assert not writable()
    said = pressed("look")
    assert f"This would be in {target}" in said
    assert "0 judgements of 0 images" in said
    assert "1 judgements are not in it" in said
    assert writable()
    assert "1 judgements of yours may now leave" in pressed("share")
    assert not writable()
    assert "1 judgements of 1 images" in pressed("look")
    assert not target.exists()
    assert "written" in pressed("write")
    assert list(read_labels(target, reviewer.suite).images) == [row]
    reviewer.kind = "the 'major' slice"
    assert reviewer.file == "major.json"
    reviewer.file = str(tmp_path / "major.json")
    pressed("look")
    pressed("write")
    opened = reviewer.suite.with_slices([tmp_path / "major.json"])
    assert opened.slices[0].rows.tolist() == [row]
    reviewer.kind = "the whole session, for the group"
    reviewer.file = str(tmp_path / "session.json")
    assert "give it to nobody else" in pressed("look")
    reviewer.rule = "majority"  # what was said is no longer what would be written
    assert not writable()
    pressed("write")
    assert "look at what is in it first" in reviewer.error
    pressed("look")
    pressed("write")
    assert read_session(tmp_path / "session.json")[1] == session.state
    reviewer.kind = "labels after review"
    reviewer.file = str(target / "no" / "folder.json")
    pressed("look")
    pressed("write")
    assert "Error" in reviewer.error


def test_which_accuracy_it_is_and_too_few_to_say() -> None:
    nan = float("nan")
    score = MultiLabelScore(0.8, nan, nan, 8, 10, 0, 2, 0, 0.7)
    found = score_table(
        {"a": (score, replace(score, accuracy=0.75), SliceScore(3, 5, (0.1, 0.9)))}, 3, split="fog", images=10
    )
    assert found.columns[1:4] == ["single-label accuracy", "multi-label accuracy", "95%"]
    assert found.columns[4:] == ["of it only perhaps", "'major' slice, multi-label"]
    assert found.rows == [["a", 70.0, 80.0, "too few to say", 5.0, "3 of 5"]]
    agreed = agreement_table([Agreement("q", 0.5, nan, nan, 3, 6, 4), Agreement("r", nan, nan, nan, 3, 6, 4)])
    assert [row[:3] for row in agreed.rows] == [["q", 0.5, "too few to say"], ["r", "not defined", "too few to say"]]
    kinds = pd.DataFrame({"major": [1], "minor": [0], "not said": [0], "all": [1]}, index=["x"])
    assert mistakes_table(kinds).rows == [["x", 1, 0, 0, 1]]
    one = Distribution(2, {0: 1}, {}, {0: 1}, 0, {}, {})
    ((row, sentence),) = disputed({0: one}, MultiLabels("fog", {0: ImageLabels()}), ["cat"], [0]).items()
    assert row == 0
    assert sentence == "image 0 (cat) \u2014 cat: 1 of 2 say correct, 1 of 2 say wrong"


def test_the_panel_asks_for_consent_and_asks_again(reviewer: MistakeReviewer, session: ReviewSession) -> None:
    assert reviewer.ask().controls["agree"] == {"hidden": True}
    other = ReviewSession(session.store, session.id)
    other.agree("we listen, then speak")
    reviewer.refresh()
    view = reviewer.ask()
    assert view.controls["agree"] == {"hidden": False}
    assert view.notes[0] == "The group asks you to agree to this. we listen, then speak"
    reviewer.agree += 1
    reviewer.wait()
    assert session.view.consented(session.reviewer)
    assert reviewer.ask().controls["agree"] == {"hidden": True}
    other.refresh()
    other.agree("we only listen")
    reviewer.refresh()
    assert reviewer.ask().notes[0].startswith("The group asks you to agree to this again, for it was changed. we only")
