from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.review.files import read_labels, read_session
from soupwidgets.topics.review.records import ReviewError
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement
from soupwidgets.widgets import MistakeReviewer

EMPTY = {
    "correct": [], "unclear": [], "wrong": [], "problematic": False, "category": None, "severity": None,
    "note": "", "shared": False,
}  # fmt: skip


@pytest.fixture
def models(tiny_evaluator: Evaluator) -> list[Member]:
    return sw.diversity.members(tiny_evaluator, ["ft-a", "ft-b"], splits=["test"], progress=False)


@pytest.fixture
def session(tiny_evaluator: Evaluator, tmp_path: Path) -> ReviewSession:
    return ReviewSession.create(ReviewStore(tmp_path / "reviews.sqlite"), tiny_evaluator.suite, "test")


@pytest.fixture
def reviewer(tiny_evaluator: Evaluator, models: list[Member], session: ReviewSession) -> Iterator[MistakeReviewer]:
    embedded = sw.mistakes.embeddings(tiny_evaluator, "test", progress=False)
    made = MistakeReviewer(models, tiny_evaluator.suite, session, embedded=embedded)
    made.wait()
    yield made
    made.close()


def act(reviewer: MistakeReviewer, do: str, **judgement: object) -> None:
    """What the card sends."""
    given = {**EMPTY, **judgement} if judgement else None
    reviewer.card.event = {"number": reviewer.card.event.get("number", 0) + 1, "do": do, "judgement": given}


def test_the_card_shows_the_hardest_mistake_with_what_helps(reviewer: MistakeReviewer, models: list[Member]) -> None:
    suite = reviewer.suite
    expected = sw.mistakes.hardest(models, suite, "test")
    row = expected.rows[0]
    item = reviewer.card.item
    assert reviewer.image == Image("test", row)
    assert item["key"] == f"test/{row}"
    assert item["label"] == suite.id_test.labels[row]
    assert item["predictions"][0]["class"] == models[0].predictions("test")[row]
    assert sum(p["probability"] for p in item["predictions"]) <= 1 + 1e-6
    assert item["image"].startswith("data:image/png;base64,")
    assert len(item["neighbours"]) == 5
    assert item["guess"]["category"] in sw.mistakes.CATEGORIES
    assert item["reason"] == expected.reasons[0]
    assert [term["name"] for term in reviewer.card.vocabulary["severities"]] == ["major", "minor"]


def test_every_change_is_stored_at_once_and_changes_the_accuracy(
    reviewer: MistakeReviewer, models: list[Member], session: ReviewSession
) -> None:
    row, said = reviewer.image.row, int(models[0].predictions("test")[reviewer.image.row])
    label = int(reviewer.suite.id_test.labels[row])
    minor = list(session.view.severities)[1]
    act(reviewer, "judge", correct=[label, said])
    act(reviewer, "judge", correct=[label, said], severity=minor)
    reviewer.wait()
    stored = ReviewSession(session.store, session.id, code=session.code).mine()[Image("test", row)]
    assert (stored.correct, stored.severity, stored.prediction) == ({label, said}, minor, said)
    assert "You have judged 1 of" in reviewer.card.status
    whole = sw.mistakes.MultiLabels("test", {row: sw.mistakes.ImageLabels(frozenset({label, said}))})
    score = sw.mistakes.multi_label_accuracy(
        models[0].predictions("test"), reviewer.suite.id_test.labels, whole.completed(reviewer.suite.id_test), 10
    )
    assert f"<b>{100 * score.accuracy:.2f}</b>" in reviewer.scores.value
    assert f">{100 * score.single_label:.2f}<" in reviewer.scores.value
    assert score.accuracy > score.single_label
    assert "1 of 400 images of test were reviewed" in reviewer.scores.value


def test_moving_undoing_and_taking_back(reviewer: MistakeReviewer, session: ReviewSession) -> None:
    first = reviewer.image
    act(reviewer, "judge", correct=[1])
    act(reviewer, "judge", correct=[1, 2])
    act(reviewer, "next")
    second = reviewer.image
    assert second != first
    act(reviewer, "judge", problematic=True)
    act(reviewer, "previous")
    assert reviewer.image == first
    act(reviewer, "undo")  # of the second image, which is shown again
    assert reviewer.image == second
    assert second not in session.mine()
    act(reviewer, "undo")
    assert session.mine()[first].correct == {1}
    assert reviewer.card.judgement["correct"] == [1]
    act(reviewer, "undo")
    assert session.mine() == {}
    assert not reviewer.card.judgement["judged"]
    act(reviewer, "undo")
    assert reviewer.card.status == "nothing to undo"
    act(reviewer, "judge", correct=[3])
    act(reviewer, "take back")
    assert session.mine() == {}
    act(reviewer, "undo")  # what was taken back stays gone
    assert session.mine() == {}
    act(reviewer, "take back")
    assert "said nothing" in reviewer.card.status
    act(reviewer, "previous")
    act(reviewer, "next")
    act(reviewer, "dance")
    assert reviewer.alert.value == ""


def test_queues_pairs_and_filters(reviewer: MistakeReviewer, models: list[Member], session: ReviewSession) -> None:
    suite = reviewer.suite
    reviewer.queue_choice.value = "only ft-a or ft-b right"
    assert reviewer.queue == sw.mistakes.where_two_differ(*models, suite, "test")
    reviewer.queue_choice.value = "most disputed by models"
    assert reviewer.queue.rows == sw.mistakes.most_disputed(models, suite, "test").rows
    reviewer.queue_choice.value = "one pair of classes"
    assert not reviewer.pair_choice.disabled
    other = reviewer.pair_choice.options[1]
    reviewer.pair_choice.value = other
    assert reviewer.queue.name in other
    reviewer.queue_choice.value = "labels that may be wrong"
    assert reviewer.queue.rows == sw.mistakes.label_errors(models[0], suite, "test").rows
    reviewer.queue_choice.value = "hardest mistakes first"
    act(reviewer, "judge", correct=[1])
    act(reviewer, "next")
    judged, whole = reviewer.queue.rows[0], len(reviewer.queue)
    reviewer.filter_choice.value = "not judged by me"
    assert judged not in reviewer.queue.rows
    assert len(reviewer.queue) == whole - 1
    reviewer.filter_choice.value = "judged by me"
    assert reviewer.queue.rows == (judged,)
    reviewer.filter_choice.value = "disputed"
    assert reviewer.queue.rows == ()
    assert reviewer.card.item == {}
    act(reviewer, "next")
    other_person = ReviewSession(session.store, session.id)
    other_person.judge(Judgement(Image("test", judged), wrong=frozenset({1})))
    reviewer.refresh()
    reviewer.filter_choice.value = "all"
    reviewer.filter_choice.value = "disputed"
    assert reviewer.queue.rows == (judged,)
    assert "wrong:" in reviewer.card.item["others"][0]


def test_the_minority_is_one_click_away(reviewer: MistakeReviewer, session: ReviewSession) -> None:
    image = reviewer.image
    for number in range(3):
        person = ReviewSession(session.store, session.id, code=f"person {number}")
        said = {"correct": frozenset({1})} if number else {"wrong": frozenset({1})}
        person.judge(Judgement(image, **said))  # type: ignore[arg-type]
    reviewer.refresh()
    reviewer.rule_choice.value = "majority"
    reviewer.wait()
    assert "1 of 3 say wrong" in reviewer.disputed.value
    assert "<details" in reviewer.disputed.value
    assert "Krippendorff" in reviewer.agreement.value


def test_what_cannot_be_saved_is_told_and_stays_on_the_screen(
    reviewer: MistakeReviewer, session: ReviewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise ReviewError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(session.store, "write", full)
        act(reviewer, "judge", correct=[1], note="a long thought")
    assert "disk is full" in reviewer.alert.value
    assert reviewer.card.status == "not saved"
    assert reviewer.card.judgement["note"] == "a long thought"
    assert not reviewer.card.judgement["judged"]
    act(reviewer, "judge", **{k: v for k, v in reviewer.card.judgement.items() if k in EMPTY})
    assert session.mine()[reviewer.image].note == "a long thought"
    assert reviewer.alert.value == ""
    act(reviewer, "judge", correct=[99])
    assert "classes 0..9, not 99" in reviewer.alert.value


def test_words_of_others_are_no_html(reviewer: MistakeReviewer, session: ReviewSession) -> None:
    evil = "<img src=x onerror=alert(1)>"
    person = ReviewSession(session.store, session.id)
    person.rename(evil)
    category = person.add_term("category", evil)
    said = int(reviewer._said[reviewer.image.row])
    person.judge(Judgement(reviewer.image, note=evil, category=category, prediction=said, wrong=frozenset({said})))
    session.judge(Judgement(reviewer.image, prediction=said, correct=frozenset({said})))
    reviewer.refresh()
    reviewer.wait()
    assert evil in reviewer.card.item["others"][0]  # a text, which the card shows as a text
    for shown in (reviewer.scores, reviewer.kinds, reviewer.disputed, reviewer.agreement):
        assert "<img" not in shown.value
    assert "&lt;img" in reviewer.kinds.value
    assert json.dumps(reviewer.card.vocabulary).count("onerror") == 1


def test_what_is_asked_at_first(tiny_evaluator: Evaluator, models: list[Member], session: ReviewSession) -> None:
    suite = tiny_evaluator.suite
    with pytest.raises(ValueError, match="no model whose mistakes"):
        MistakeReviewer([], suite, session)
    with pytest.raises(KeyError, match="no split 'fog'"):
        MistakeReviewer(models, suite, session, "fog")
    before = set(ipywidgets.widgets.widget._instances)
    made = MistakeReviewer(models[:1], suite)  # a session of its own, in the default store
    assert "Review of ft-a" in made.session.store.sessions().values()
    assert made.card.item["neighbours"] == []
    assert made.card.item["guess"] is None
    made.close()
    assert set(ipywidgets.widgets.widget._instances) == before


def test_an_export_says_what_is_in_it_before_it_is_written(
    reviewer: MistakeReviewer, session: ReviewSession, tmp_path: Path
) -> None:
    exports = reviewer.exports
    major = next(iter(session.view.severities))
    act(reviewer, "judge", correct=[1], severity=major)
    row = reviewer.image.row
    target = tmp_path / "labels.json"
    exports.file_name.value = str(target)
    assert exports.write.disabled
    exports.look.click()
    assert "0 judgements of 0 images" in exports.summary.value
    assert "1 judgements are not in it" in exports.summary.value
    exports.share.click()
    assert "1 judgements of yours may now leave" in exports.summary.value
    assert exports.write.disabled
    exports.look.click()
    assert "1 judgements of 1 images" in exports.summary.value
    assert not target.exists()
    exports.write.click()
    assert list(read_labels(target, reviewer.suite).images) == [row]
    exports.kind.value = "the 'major' slice"
    assert exports.file_name.value == "major.json"
    exports.file_name.value = str(tmp_path / "major.json")
    exports.look.click()
    exports.write.click()
    opened = reviewer.suite.with_slices([tmp_path / "major.json"])
    assert opened.slices[0].rows.tolist() == [row]
    exports.kind.value = "the whole session, for the group"
    exports.file_name.value = str(tmp_path / "session.json")
    exports.look.click()
    assert "do not give it to anybody else" in exports.summary.value
    exports.names.value = True  # what was said is no longer what would be written
    assert exports.write.disabled
    exports.look.click()
    exports.write.click()
    assert read_session(tmp_path / "session.json")[1] == session.state
    exports.kind.value = "labels after review"
    exports.file_name.value = str(target / "no" / "folder.json")
    exports.look.click()
    exports.write.click()
    assert 'role="alert"' in exports.summary.value
