from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from soupwidgets.suites import Suite
from soupwidgets.topics.review.files import read_session, write_session
from soupwidgets.topics.review.records import Record, ReviewError, State
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement

COAT, SHIRT = 4, 6
IMAGE = Image("test", 7)
EVIL = [
    "<img src=x onerror=alert(1)>", "'; DROP TABLE review_records; --", "../../etc/passwd", "\u202eabc\u0000", "%s{}",
]  # fmt: skip


def test_a_session_begins_with_the_published_terms_and_a_draft(session: ReviewSession, suite: Suite) -> None:
    names = [term.name for term in session.view.categories.values()]
    assert names == [
        "fine-grained", "fine-grained with out-of-vocabulary", "spurious correlation", "non-prototypical",
    ]  # fmt: skip
    assert [term.name for term in session.view.severities.values()] == ["major", "minor"]
    assert "voluntary" in session.view.agreement
    assert session.view.fields == {}
    assert session.view.reviewers == {}
    session.check(suite)
    assert session.store.sessions()[session.id] == "shirts and coats"


def test_a_judgement_can_be_changed_and_taken_back(session: ReviewSession) -> None:
    session.judge(Judgement(IMAGE, correct=frozenset({COAT}), note="long sleeves"))
    session.judge(Judgement(IMAGE, correct=frozenset({COAT, SHIRT})))
    assert session.mine() == {IMAGE: Judgement(IMAGE, correct=frozenset({COAT, SHIRT}))}
    session.take_back(IMAGE)
    assert session.mine() == {}
    with pytest.raises(ReviewError, match="not judged image 7"):
        session.take_back(IMAGE)
    # One may change one's mind again.
    session.judge(Judgement(IMAGE, wrong=frozenset({SHIRT})))
    assert session.mine()[IMAGE].wrong == {SHIRT}


@pytest.mark.parametrize(
    ("judgement", "why"),
    [
        (Judgement(Image("fog", 0)), "not about a split 'fog'"),
        (Judgement(Image("test", 10_000)), "images 0..9999, not 10000"),
        (Judgement(IMAGE, correct=frozenset({10})), "classes 0..9, not 10"),
        (
            Judgement(IMAGE, correct=frozenset({1}), wrong=frozenset({1})),
            "cannot be more than one of correct, unclear and wrong",
        ),
        (Judgement(IMAGE, category="a" * 32), "no category"),
        (Judgement(IMAGE, note="x" * 30_000), "at most 20,000 characters"),
    ],
)
def test_what_makes_no_sense_is_refused(session: ReviewSession, judgement: Judgement, why: str) -> None:
    with pytest.raises(ReviewError, match=why):
        session.judge(judgement)
    assert session.refresh().judgements == {}


def test_a_name_changes_everywhere_and_the_old_one_is_nowhere(
    session: ReviewSession, store: ReviewStore, tmp_path: Path
) -> None:
    session.rename("a name of before")
    session.judge(Judgement(IMAGE, correct=frozenset({COAT})))
    session.rename("Robin")
    path = write_session(tmp_path / "s.json", session.id, session.state)
    assert "a name of before" not in path.read_text()
    assert session.view.name_of(session.reviewer) == "Robin"
    session.rename("")
    assert session.view.name_of(session.reviewer).startswith("reviewer ")
    # An old copy that is merged does not bring the name back.
    session.merge(read_session(path)[1])
    assert session.view.reviewers[session.reviewer].name == ""


def test_a_code_brings_a_reviewer_back(session: ReviewSession, store: ReviewStore) -> None:
    session.judge(Judgement(IMAGE, correct=frozenset({COAT})))
    again = ReviewSession(store, session.id, code=session.code)
    assert again.reviewer == session.reviewer
    assert again.mine() == session.mine()
    assert session.code not in str(store.read(session.id))


def test_everything_can_be_taken_back(session: ReviewSession, store: ReviewStore, tmp_path: Path) -> None:
    other = ReviewSession(store, session.id)
    for who in (session, other):
        who.rename(f"name of {who.code}")
        who.judge(Judgement(IMAGE, correct=frozenset({COAT})))
        who.add_slice("sleeves", "they matter to me", split="test", rows=[1, 2])
        who.fell_short("the room was too small")
    old, code = session.reviewer, session.code
    before = write_session(tmp_path / "before.json", session.id, session.state)
    session.withdraw()
    assert session.reviewer != old
    assert {author for author, _ in session.view.judgements} == {other.reviewer}
    for kept in (session.view.slices, session.view.shortfalls):
        assert {author for author, _ in kept} == {other.reviewer}
    assert old not in session.view.reviewers
    # Not even a copy from before brings it back.
    session.merge(read_session(before)[1])
    assert not [r for r in session.state.records.values() if r.author == old]
    with pytest.raises(ReviewError, match="taken back; join again"):
        ReviewSession(store, session.id, code=code)


def test_a_new_name_never_changes_what_a_judgement_said(session: ReviewSession, store: ReviewStore) -> None:
    glare = session.add_term("category", " glare ")
    session.judge(Judgement(IMAGE, prediction=SHIRT, category=glare))
    other = ReviewSession(store, session.id)
    other.judge(Judgement(IMAGE, prediction=SHIRT, category=glare))
    new = other.rename_term(glare, "reflections")

    def said(by: ReviewSession) -> str:
        known = session.refresh()
        return known.categories[known.by_image()[IMAGE][by.reviewer].category or ""].name

    assert (said(session), said(other)) == ("glare", "glare")
    # It is what is offered from now on; all names are kept, in order.
    assert [term.name for term in session.view.current("category").values()][-1] == "reflections"
    assert glare not in session.view.current("category")
    assert [session.view.categories[id].name for id in session.view.history(new)] == ["glare", "reflections"]
    # Only its author changes a judgement.
    assert session.follow(glare, new) == 1
    assert (said(session), said(other)) == ("reflections", "glare")
    assert session.follow(glare, new) == 0
    for old, later in ((new, glare), (glare, glare), (glare, "7" * 32)):
        with pytest.raises(ReviewError, match="no later name"):
            session.follow(old, later)
    with pytest.raises(ReviewError, match="has a newer name already"):
        session.rename_term(glare, "light")
    back = session.rename_term(new, "glare")  # an old name may come back, as another word
    assert back not in (glare, new)
    session.rename_term(back, "reflections")
    for name in ("Reflections", "", "  "):
        with pytest.raises(ReviewError, match="needs a name that is not taken"):
            session.add_term("category", name)
    with pytest.raises(ReviewError, match="no term"):
        session.rename_term(session.id, "x")


def test_fields_about_reviewers_are_there_only_if_the_group_adds_them(session: ReviewSession) -> None:
    with pytest.raises(ReviewError, match="no field 'pronouns'"):
        session.rename("Robin", {"pronouns": "they"})
    field = session.add_term("field", "pronouns")
    session.rename("Robin", {field: "they"})
    session.rename("Robyn")
    assert session.view.reviewers[session.reviewer].answers == {field: "they"}


def test_two_changes_of_the_agreement_do_not_overwrite_each_other(session: ReviewSession, store: ReviewStore) -> None:
    other = ReviewSession(store, session.id)
    session.agree("we listen")
    with pytest.raises(ReviewError, match="changed the agreement meanwhile"):
        other.agree("we talk")
    assert other.view.agreement == "we listen"
    other.agree("we listen, then speak")
    assert session.refresh().agreement == "we listen, then speak"


def test_notes_and_slices_belong_to_who_wrote_them(session: ReviewSession, store: ReviewStore) -> None:
    other = ReviewSession(store, session.id)
    note = session.fell_short("too few of us")
    with pytest.raises(ReviewError, match="not yours"):
        other.take_back_record(note)
    session.take_back_record(note)
    assert session.view.shortfalls == {}
    for rows, why in (([], "at least one image"), ([10_000], "0..9999")):
        with pytest.raises(ReviewError, match=why):
            session.add_slice("x", "y", split="test", rows=rows)


def test_a_file_of_another_session_is_refused(session: ReviewSession, store: ReviewStore, suite: Suite) -> None:
    stranger = ReviewSession.create(store, suite, "another")
    stranger.judge(Judgement(IMAGE))
    with pytest.raises(ReviewError, match="does not belong to this session"):
        session.merge(stranger.state)
    assert session.refresh().judgements == {}


def test_a_changed_file_cannot_take_what_is_somebody_elses(session: ReviewSession) -> None:
    session.judge(Judgement(IMAGE, correct=frozenset({COAT})))
    (mine,) = (r for r in session.state.records.values() if r.kind == "judgement")
    with pytest.raises(ReviewError, match="signed by somebody other than its author"):
        session.merge(State.of([Record(mine.id, "judgement", "f" * 32, {**mine.body, "correct": [1]}, 9)]))
    for kind, author, why in (("slice", mine.author, "is a judgement here"), ("judgement", "", "belongs to a reviewer"),
                              ("category", mine.author, "belongs to the group")):  # fmt: skip
        with pytest.raises(ReviewError, match=why):
            session.merge(State.of([Record(mine.id, kind, author, SHAPES[kind], 9)]))
    outside = Record("1" * 32, "judgement", "f" * 32, {**mine.body, "row": 99_999})
    with pytest.raises(ReviewError, match="not 99999"):
        session.merge(State.of([outside]))
    title = session.state.records["", session.id]
    with pytest.raises(ReviewError, match="other images"):
        session.merge(State.of([title.changed({**title.body, "title": "mine now"})]))
    with pytest.raises(ReviewError, match="takes back something that belongs to the group"):
        session.merge(State.of([], [session.id]))
    assert session.mine()[IMAGE].correct == {COAT}


@pytest.mark.parametrize("text", EVIL)
def test_hostile_texts_are_only_texts(session: ReviewSession, store: ReviewStore, tmp_path: Path, text: str) -> None:
    session.rename(text)
    category = session.add_term("category", f"x{text}")
    session.judge(Judgement(IMAGE, category=category, note=text))
    session.add_slice(f"x{text}", text, split="test", rows=[1])
    session.agree(text)
    session.fell_short(text)
    path = write_session(tmp_path / "s.json", session.id, session.state)
    found = ReviewSession(store, session.id)
    assert read_session(path)[1] == found.state
    assert found.view.reviewers[session.reviewer].name == text
    assert found.view.by_image()[IMAGE][session.reviewer].note == text
    assert found.view.agreement == text
    assert [s.why for s in found.view.slices.values()] == [text]
    assert [note.text for note in found.view.shortfalls.values()] == [text]


SHAPES = {
    "slice": {"name": "x", "why": "", "split": "test", "rows": [1]},
    "judgement": Judgement(IMAGE).to_body(),
    "category": {"name": "x", "place": 9},
}


def test_sharing_is_said_for_each(session: ReviewSession) -> None:
    session.judge(Judgement(IMAGE))
    assert not session.mine()[IMAGE].shared
    session.share([IMAGE])
    assert session.mine()[IMAGE] == replace(Judgement(IMAGE), shared=True)
    session.share([IMAGE], shared=False)
    assert not session.mine()[IMAGE].shared
    with pytest.raises(ReviewError, match="not judged image 8"):
        session.share([Image("test", 8)])


def test_a_suite_of_other_images_is_told(session: ReviewSession, suite: Suite) -> None:
    with pytest.raises(ReviewError, match=r"with a split '.*', which the suite does not have"):
        session.check(Suite("other", suite.classes, {"val": suite.validation}))
    other = Suite("other", suite.classes, {**suite.splits, "test": suite.validation})
    with pytest.raises(ReviewError, match="'test': the suite's images or labels are not"):
        session.check(other)
    session.check(other, ["val"])
    with pytest.raises(ReviewError, match="not about a split 'fog'"):
        session.check(suite, ["fog"])
    with pytest.raises(ReviewError, match="no session 'x'"):
        ReviewSession(session.store, "x")
