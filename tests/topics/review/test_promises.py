"""What the guide promises to those who take part, one test each."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soupwidgets.suites import SliceSplit, Suite, write_slice
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.review.card import Cards
from soupwidgets.topics.review.community import community_slices
from soupwidgets.topics.review.content import text_hash
from soupwidgets.topics.review.crossing import intersect, small_cells
from soupwidgets.topics.review.descriptions import picture_words
from soupwidgets.topics.review.exports import MAJOR, SESSION, prepare
from soupwidgets.topics.review.files import export_labels, read_session, write_session
from soupwidgets.topics.review.major import major_slice
from soupwidgets.topics.review.merging import FIXED
from soupwidgets.topics.review.panel import MistakeReviewer
from soupwidgets.topics.review.records import Record, ReviewError, ReviewWarning, State
from soupwidgets.topics.review.samples import random_sample
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.signatures import SIGNED
from soupwidgets.topics.review.statement import NOT_DRAWN, data_statement
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement, view
from tests.fixtures import ROOT

IMAGE = Image("test", 7)


@pytest.fixture
def session(tmp_path: Path, small_suite: Suite) -> Iterator[ReviewSession]:
    store = ReviewStore(tmp_path / "r.sqlite")
    yield ReviewSession.create(store, small_suite, "coats")
    store.close()


@pytest.fixture
def other(session: ReviewSession) -> ReviewSession:
    return ReviewSession(session.store, session.id)


def copied(session: ReviewSession, tmp_path: Path, name: str) -> ReviewSession:
    store = ReviewStore(tmp_path / f"{name}.sqlite")
    id, state = read_session(write_session(tmp_path / f"{name}.json", session.id, session.state))
    store.write(id, state.records.values(), taken_back=state.gone)
    return ReviewSession(store, id)


@contextmanager
def asked_for() -> Iterator[list[str]]:
    """Whatever anything in this process looks up, connects to or sends to."""
    found: list[str] = []
    listening = True

    def note(event: str, given: tuple[object, ...]) -> None:
        if listening and event in ("socket.getaddrinfo", "socket.connect", "socket.sendto", "socket.sendmsg"):
            found.append(f"{event} {given}")

    # A hook stays as long as the process does.
    sys.addaudithook(note)
    yield found
    listening = False


def test_consent_is_to_a_version_and_asked_again(session: ReviewSession, other: ReviewSession) -> None:
    draft = session.view.agreement
    assert session.asks == ""  # alone with the draft
    other.judge(Judgement(IMAGE))
    session.refresh()
    assert session.asks == draft
    session.consent()
    session.consent()
    assert session.asks == ""
    assert session.view.consents == {session.reviewer: {text_hash(draft)}}
    session.agree("we listen")
    assert session.asks == "we listen"
    assert session.view.consents == {session.reviewer: {text_hash(draft)}}, "what was agreed to stays said"
    session.consent()
    assert session.view.consents[session.reviewer] == {text_hash(draft), text_hash("we listen")}
    assert session.view.agreements == (draft, "we listen"), "every version is kept"
    # A text that comes back was agreed to before.
    session.agree(draft)
    assert session.view.agreement == draft
    assert session.asks == ""
    # Consent can be taken back alone, and leaves with everything.
    assert session.take_back_consent() is not None
    assert session.asks == draft
    assert session.take_back_consent() is None
    session.consent()
    session.withdraw()
    assert session.view.consents == {}


def test_nobody_agrees_in_somebody_elses_name(session: ReviewSession, other: ReviewSession) -> None:
    forged = Record("7" * 32, "consent", session.reviewer, {"text": text_hash(session.view.agreement)})
    with pytest.raises(ReviewError, match="not signed"):
        other.merge(State.of([forged]))


def test_each_persons_own_choice_decides_who_is_named(session: ReviewSession, other: ReviewSession,
                                                      small_suite: Suite) -> None:  # fmt: skip
    split = small_suite.id_test
    for person, name, credit in ((session, "Robin", True), (other, "Kim", False)):
        person.rename(name, credit=credit)
        person.judge(Judgement(IMAGE, correct=frozenset({1}), shared=True))
    assert export_labels(session.refresh(), split).content["credits"] == ["Robin"]
    session.rename("Robyn")  # the choice stays, the name changes
    assert export_labels(session.view, split).content["credits"] == ["Robyn"]
    session.rename("Robyn", credit=False)
    other.rename("Kim", credit=True)
    assert export_labels(session.refresh(), split).content["credits"] == ["Kim"]
    # Those who share nothing are not named either, and names of earlier versions were never asked about.
    other.share([IMAGE], shared=False)
    assert "Kim" not in json.dumps(export_labels(session.refresh(), split).content)
    (record,) = (r for r in other.state.records.values() if (r.kind, r.author) == ("reviewer", other.reviewer))
    old = replace(record, body={key: value for key, value in record.body.items() if key != "credit"})
    assert not view(State.of([old])).reviewers[other.reviewer].credit


def test_sessions_of_before_open_and_their_words_too(session: ReviewSession, tmp_path: Path) -> None:
    """A session whose terms were renamed in place, by a version that did that."""
    state = read_session(ROOT / "data" / "reviews" / "fashion-mistakes.json")[1]
    known = view(state)
    assert known.judgements
    assert all(one.filed and not one.blind for one in known.judgements.values())
    assert known.current("category") == dict(known.categories)
    (id,) = (r.id for r in state.records.values() if r.kind == "session")
    assert FIXED not in state.records["", id].body
    store = ReviewStore(tmp_path / "old.sqlite")
    store.write(id, state.records.values(), taken_back=state.gone)
    old = ReviewSession(store, id)
    term = next(iter(known.categories))
    there = old.state.records["", term]
    old.merge(State.of([there.changed({**there.body, "name": "as it was renamed then"})]))
    assert old.view.categories[term].name == "as it was renamed then"
    new = old.rename_term(term, "and now")
    assert [old.view.categories[one].name for one in old.view.history(new)] == ["as it was renamed then", "and now"]


def test_notes_are_hidden_by_a_person_and_by_the_group_with_the_reason(
    session: ReviewSession, other: ReviewSession, small_suite: Suite
) -> None:
    other.judge(Judgement(IMAGE, correct=frozenset({1}), note="hurtful words"))
    ((key, _),) = session.refresh().judgements.items()
    labels = small_suite.id_test.labels
    cards = Cards(
        Member("m", ("test", "val"), lambda split: np.eye(10, dtype=np.float32)[small_suite.splits[split].labels]),
        small_suite, "test", None,
    )  # fmt: skip
    assert len(labels) > IMAGE.row

    def told(reader: ReviewSession) -> str:
        item = cards.item(IMAGE.row, Judgement(IMAGE), reader.refresh(), reader.reviewer)
        return str(item["others"])

    third = ReviewSession(session.store, session.id)
    mine = session.hide(*key, "")
    assert "hurtful" not in told(session)
    assert "hidden by you: no reason given" in told(session)
    assert "hurtful" in told(third)
    with pytest.raises(ReviewError, match="needs a reason"):
        session.hide(*key, " ", for_group=True)
    group = session.hide(*key, "it is about a person, not the image", for_group=True)
    assert "hurtful" not in told(third)
    assert "hidden by the group: it is about a person, not the image" in told(third)
    # The note is its author's, and what was said besides it stands.
    assert other.refresh().judgements[key].note == "hurtful words"
    assert "correct" in told(third)
    with pytest.raises(ReviewError, match="not yours"):
        third.take_back_record(group)
    session.take_back_record(group)
    session.take_back_record(mine)
    assert "hurtful" in told(session)
    with pytest.raises(ReviewError, match="there is no note"):
        session.hide(other.reviewer, "7" * 32, "x")


def test_descriptions_and_words_of_slices_are_hidden_too(
    session: ReviewSession, other: ReviewSession, small_suite: Suite, tmp_path: Path
) -> None:
    described = other.reviewer, other.describe(IMAGE, "hurtful words")
    session.describe(IMAGE, "a coat")
    session.refresh()
    other.add_slice("hurtful name", "hurtful reason", split="test", rows=[1, 2])
    mine = session.hide(*described, "")
    third = ReviewSession(session.store, session.id)

    def said(reader: ReviewSession) -> set[str]:
        return set(reader.refresh().described(IMAGE, reader.reviewer))

    assert said(session) == {"hidden by you: no reason given", "a coat"}
    assert said(third) == {"hurtful words", "a coat"}
    session.hide(*described, "about a person", for_group=True)
    assert said(third) == said(other) == {"hidden by the group: about a person", "a coat"}
    session.take_back_record(mine)
    logits = np.eye(10, dtype=np.float32)
    model = Member("m", ("test", "val"), lambda split: logits[small_suite.splits[split].labels])
    item = Cards(model, small_suite, "test", None).item(IMAGE.row, Judgement(IMAGE), third.view, third.reviewer)
    assert "hidden by the group: about a person" in item["described"]
    assert "hurtful" not in str(item)
    # A slice keeps its images, under a name that hurts nobody, and others keep theirs.
    other.add_slice("hurtful name", "hurtful reason", split="test", rows=[3])
    # The one that has the name itself; the other has a number after it.
    key, second = sorted(session.refresh().slices)
    rows = {one: list(session.view.slices[one].rows) for one in (key, second)}
    session.hide(*key, "names somebody", for_group=True)
    instead = f"a slice with a hidden name ({key[1][:6]})"
    other.add_slice(instead, "a name that is taken", split="test", rows=[9])
    found = {one.name: one for one in community_slices(third.refresh(), small_suite)}
    assert list(found) == [instead, f"{instead} (2)", "hurtful name (2)"]
    assert found[f"{instead} (2)"].why == "hidden by the group: names somebody"
    assert [found[name].rows.tolist() for name in list(found)[1:]] == [rows[key], rows[second]]
    for key in session.refresh().slices:
        session.hide(*key, "names somebody", for_group=True)
    # Nor do warnings of small cells say it, nor the file that repeats them.
    with pytest.warns(ReviewWarning, match="a slice with a hidden name") as told:
        path = write_session(tmp_path / "session.json", session.id, session.refresh() and session.state)
    assert "hurtful" not in str(told[0].message)
    assert "hurtful" not in str(json.loads(path.read_text())["small cells"])


def test_what_is_hidden_from_oneself_is_there_for_others(
    session: ReviewSession, other: ReviewSession, small_suite: Suite
) -> None:
    other.add_slice("theirs", "why", split="test", rows=[1, 2])
    (key,) = session.refresh().slices
    session.hide(*key, "")
    ((ours,), (theirs,)) = (
        community_slices(one.refresh(), small_suite, reviewer=one.reviewer) for one in (session, other)
    )
    assert ours.name.startswith("a slice with a hidden name")
    assert ours.why == "hidden by you: no reason given"
    assert (theirs.name, theirs.why) == ("theirs", "why")
    sentences, _ = prepare(SESSION, session, suite=small_suite, split="test", rule="all views")
    assert not any("theirs" in one for one in sentences)


def test_slices_cross_and_small_cells_are_told_before_anything_is_shared(
    session: ReviewSession, small_suite: Suite, tmp_path: Path
) -> None:
    split = small_suite.id_test
    long = SliceSplit("long sleeves", split, list(range(60)), "cut off", {5: 3, 40: 2})
    striped = SliceSplit("striped", split, list(range(35, 90)), labels={41: 6})
    both = intersect([long, striped])
    assert both.name == "long sleeves and striped"
    assert both.rows.tolist() == list(range(35, 60))
    assert both.why == "long sleeves: cut off. striped: no reason given."
    assert both.labels[[5, 6]].tolist() == [2, 6]
    assert "25 images" in both.caution
    few = SliceSplit("checked", split, [*range(55, 63), *range(300, 320)])
    assert small_cells([long, striped]) == []
    found = small_cells([long, striped, few])
    assert [one.split(":")[0] for one in found] == ["'long sleeves' and 'checked'", "'striped' and 'checked'"]
    assert "5 images only" in found[0]
    assert "8 images only" in found[1]
    assert small_cells([SliceSplit("one", split, [3])])[0].startswith("'one': 1 image only")
    assert len(small_cells([SliceSplit(f"{i}", split, [i, 399]) for i in range(20)])) == 21
    with pytest.raises(ReviewError, match="no image in common"):
        intersect([long, SliceSplit("late", split, [390])])
    for wrong in ([long], [long, SliceSplit("v", small_suite.validation, [1])]):
        with pytest.raises(ReviewError, match="at least two slices of the same split"):
            intersect(wrong)
    # In the group's own words, before the file is written.
    session.add_slice("mine", "it matters", split="test", rows=[1, 2])
    sentences, _ = prepare(SESSION, session, suite=small_suite, split="test", rule="all views")
    assert any(one.startswith("'mine': 2 images only") for one in sentences)
    # And by whoever writes it by hand; the file says it again.
    with pytest.warns(ReviewWarning, match="'mine': 2 images only"):
        path = write_session(tmp_path / "session.json", session.id, session.state)
    assert json.loads(path.read_text())["small cells"] == small_cells(list(session.view.shown_slices().values()))
    assert read_session(path)[1] == session.state


def test_exports_carry_a_statement(
    session: ReviewSession, other: ReviewSession, small_suite: Suite, tmp_path: Path
) -> None:
    split = small_suite.id_test
    assert f"How sampled: {NOT_DRAWN}" in data_statement(session.view, "test")["sentences"]
    sample = random_sample(split, 20, seed=0)
    session.add_sample(sample)
    session.rename("Robin", credit=True)
    severity = next(iter(session.view.severities))
    for person in (session, other):
        for row in sample.rows[:12]:
            said = Judgement(Image("test", row), correct=frozenset({1}), shared=True, blind=person is other)
            person.judge(replace(said, prediction=1, severity=severity if row == sample.rows[0] else None))
    other.judge(Judgement(Image("test", sample.rows[15]), note="not shared"))
    session.consent()
    session.fell_short("too few of us", shared=True)
    other.fell_short("only for the group")
    hurtful = other.fell_short("words on somebody", shared=True)
    session.hide(other.reviewer, hurtful, "it is about a person", for_group=True)
    known = session.refresh()
    export = export_labels(known, split)
    statement = export.content["statement"]
    assert statement["sampled"] == [
        {"name": "random sample", "model": "", "strata": ["all images"], "images": [400], "drawn": [20], "reviewed": 12}
    ]
    people = statement["reviewers"]
    assert (people["number"], people["judgements"], people["blind"], people["credits"]) == (2, 24, 12, ["Robin"])
    assert people["agreed"] == {"to the present text": 1, "to an earlier text only": 0, "nothing recorded": 1}
    assert statement["agreed on"]["text"] == known.agreement
    assert statement["agreed on"]["sha256"] == text_hash(known.agreement)
    assert {one["images"] for one in statement["agreement"] if one["question"] == "problematic"} == {12}
    assert statement["fell short"] == ["too few of us"]
    assert statement["hidden by the group"] == ["it is about a person"]
    text = json.dumps(export.content)
    for private in ("only for the group", "words on somebody", "not shared", other.reviewer, session.reviewer):
        assert private not in text
    # It is read before anything is written, and travels with the 'major' slice as well.
    for sentence in statement["sentences"]:
        assert sentence in export.summary
        assert sentence in major_slice(known, split).why
    # The group's own file begins with it, for every split, and says that nothing is left out.
    sentences, _ = prepare(SESSION, session, suite=small_suite, split="test", rule="all views")
    for sentence in statement["sentences"]:
        assert f"On 'test': {sentence}" in sentences
    assert (
        "notes, descriptions, slices, the agreement and who agreed, 1 names, and answers of 0 reviewers" in sentences[0]
    )
    whole = json.loads(write_session(tmp_path / "whole.json", session.id, session.state).read_text())
    assert whole["statements"] == {"test": statement}
    # One image is a small cell, in whatever file it leaves.
    sentences, _ = prepare(MAJOR, session, suite=small_suite, split="test", rule="all views")
    assert any(one.startswith("'major': 1 image only") for one in sentences)
    assert not any("reviewer alone" in one for one in export.summary)
    # However much is said, the file of a slice can be read again.
    session.fell_short("x" * 15_000, shared=True)
    session.fell_short("y" * 15_000, shared=True)
    written = write_slice(tmp_path / "major.json", major_slice(session.view, split))
    assert small_suite.with_slices([written]).slices[0].rows.tolist() == [sample.rows[0]]
    session.agree("another text")
    agreed = data_statement(session.view, "test")["reviewers"]["agreed"]
    assert agreed == {"to the present text": 0, "to an earlier text only": 1, "nothing recorded": 1}


def test_no_account_and_nothing_about_people_that_they_did_not_write(
    session: ReviewSession, other: ReviewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("names of people and of machines are nobody's business")

    for function in ("getpass.getuser", "os.getlogin", "socket.gethostname", "platform.node", "uuid.getnode"):
        monkeypatch.setattr(function, refuse)
    # Joining takes no more than the session's id, and leaves nothing behind.
    before = set(session.refresh().judgements), len(session.state.records)
    joined = ReviewSession(session.store, session.id)
    assert (set(session.refresh().judgements), len(session.state.records)) == before
    joined.judge(Judgement(IMAGE, correct=frozenset({1})))
    (mine,) = [one for one in joined.state.records.values() if one.author == joined.reviewer]
    # What was said, what it was said of, and a signature: neither a time nor a place.
    assert set(mine.body) - set(Judgement(IMAGE).to_body()) == {SIGNED}


def test_nothing_is_sent_anywhere(session: ReviewSession, small_suite: Suite, tmp_path: Path) -> None:
    split = small_suite.id_test
    logits = np.eye(10, dtype=np.float32)[(split.labels + 1) % 10]
    model = Member("wrong", ("test",), lambda _: logits)
    with asked_for() as addresses:
        panel = MistakeReviewer([model], small_suite, session=session)
        panel.state = {"queue": panel._queues.sampled[0], "blind": True}
        panel.wait()
        session.judge(Judgement(IMAGE, correct=frozenset({1}), shared=True))
        export_labels(session.view, split).write(tmp_path / "labels.json")
        write_session(tmp_path / "session.json", session.id, session.state)
        session.withdraw()
        panel.close()
        assert addresses == []
        # That it would have been noticed.
        with socket.socket(type=socket.SOCK_DGRAM) as one:
            one.connect(("127.0.0.1", 9))
    assert len(addresses) == 1


def test_pictures_are_described_for_those_who_do_not_see_them(session: ReviewSession, small_suite: Suite) -> None:
    image = np.full((10, 20), 255, dtype=np.uint8)
    assert picture_words(image) == "10 by 20 pixels, bright in the background. Nothing stands out."
    image[2:4, 10:18] = 0
    words = picture_words(image)
    assert "Something dark stands out: 8% of the picture, from 20% to 40% of the height, from 50% to 90%" in words
    assert "wider than tall" in words
    assert "darkest in the top of the right" in words
    red = np.zeros((8, 8, 3), dtype=np.uint8)
    red[..., 0] = 200
    assert "mostly red" in picture_words(red)
    assert "without a colour" in picture_words(np.zeros((8, 8, 3), dtype=np.uint8))
    assert picture_words(np.zeros((1, 1), dtype=np.uint8)).endswith("Nothing stands out.")
    tiny = np.zeros((2, 2), dtype=np.uint8)
    tiny[0] = 255
    assert "by 2 pixels" in picture_words(tiny)
    # What people wrote comes first, and is not read to those who judge blind: it may name what is in the picture.
    id = session.describe(IMAGE, " a coat without a hood ")
    logits = np.eye(10, dtype=np.float32)
    model = Member("m", ("test", "val"), lambda split: logits[small_suite.splits[split].labels])
    cards = Cards(model, small_suite, "test", None)
    shown = cards.item(IMAGE.row, Judgement(IMAGE), session.view, session.reviewer)["described"]
    pixels = picture_words(small_suite.id_test.images[IMAGE.row])
    assert shown == ["a coat without a hood", f"From its pixels: {pixels}"]
    blind = cards.blind_item(IMAGE.row, Judgement(IMAGE, filed=False, blind=True))
    assert blind["described"] == shown[1:]
    for wrong, why in (((Image("test", 10**6), "x"), "not 1000000"), ((IMAGE, "  "), "has words")):
        with pytest.raises(ReviewError, match=why):
            session.describe(*wrong)
    session.take_back_record(id)
    assert session.view.descriptions == {}


def test_withdrawal_reaches_every_copy_that_merges_again(
    session: ReviewSession, other: ReviewSession, tmp_path: Path
) -> None:
    """Of everything that a person can leave behind, in every kind of record, and through a third copy."""
    other.rename("Kim", credit=True)
    other.judge(Judgement(IMAGE, correct=frozenset({1}), note="mine"))
    other.consent()
    other.add_slice("mine", "it matters", split="test", rows=[1, 2])
    other.fell_short("too few", shared=True)
    other.describe(IMAGE, "a coat")
    note = next(key for key in other.view.judgements)
    other.hide(*note, "why not")
    gone = other.reviewer
    session.refresh()
    copies = [copied(session, tmp_path, name) for name in ("a", "b")]
    kinds = {r.kind for r in copies[1].state.records.values() if r.author == gone}
    assert kinds == {"reviewer", "judgement", "consent", "slice", "shortfall", "description", "hidden"}
    other.withdraw()
    session.refresh()
    copies[0].merge(session.state)
    copies[1].merge(copies[0].state)
    for copy in copies:
        assert not [r for r in copy.state.records.values() if r.author == gone]
        assert "Kim" not in json.dumps([dict(r.body) for r in copy.state.records.values()])
    # And no old file brings it back.
    copies[0].merge(read_session(tmp_path / "b.json")[1])
    assert not [r for r in copies[0].state.records.values() if r.author == gone]
