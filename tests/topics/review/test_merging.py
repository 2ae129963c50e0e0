"""What somebody with a file and a text editor can change here that is not theirs: nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soupwidgets.suites import Suite
from soupwidgets.topics.review import merging, signatures
from soupwidgets.topics.review.files import read_session, write_session
from soupwidgets.topics.review.records import Record, ReviewError, State
from soupwidgets.topics.review.report import merged
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement

IMAGE = Image("test", 7)
MOST = (1 << 40) - 1


@pytest.fixture
def home(tmp_path: Path, small_suite: Suite) -> ReviewSession:
    """A session in which its owner said something, and took something else back."""
    session = ReviewSession.create(ReviewStore(tmp_path / "home.sqlite"), small_suite, "x")
    session.rename("Robin")
    session.judge(Judgement(IMAGE, correct=frozenset({4}), note="mine"))
    session.judge(Judgement(IMAGE, correct=frozenset({4}), note="mine, changed"))
    session.add_slice("sleeves", "they matter", split="test", rows=[1, 2])
    session.judge(Judgement(Image("test", 8)))
    session.take_back(Image("test", 8))
    return session


@pytest.fixture
def attacker(home: ReviewSession, tmp_path: Path) -> ReviewSession:
    """Somebody with a copy and a reviewer of their own."""
    store = ReviewStore(tmp_path / "attacker.sqlite")
    store.write(home.id, home.state.records.values(), taken_back=home.state.gone)
    session = ReviewSession(store, home.id)
    session.judge(Judgement(IMAGE, wrong=frozenset({4}), note="theirs"))
    return session


def record(session: ReviewSession, kind: str, reviewer: str) -> Record:
    return next(r for r in session.state.records.values() if (r.kind, r.author) == (kind, reviewer))


def term(session: ReviewSession) -> Record:
    return next(r for r in session.state.records.values() if r.kind == "category")


def resigned(attacker: ReviewSession, old: Record, version: int, **changes: Any) -> Record:
    """Somebody else's record, changed, under the attacker's signature."""
    nonce = signatures.nonce_of(old)
    own = signatures.sign_record(
        attacker.id, attacker.code, kind=old.kind, body={**old.body, **changes}, nonce=nonce, version=version
    )
    return Record(old.id, own.kind, old.author, own.body, version)


Attack = Callable[[ReviewSession, ReviewSession], State]


def changed(old: Record, version: int, **changes: Any) -> State:
    return State.of([Record(old.id, old.kind, old.author, {**old.body, **changes}, version)])


ATTACKS: dict[str, Attack] = {
    "a judgement frozen": lambda home, _: changed(record(home, "judgement", home.reviewer), MOST),
    "a judgement replaced": lambda home, _: changed(record(home, "judgement", home.reviewer), 3, correct=[1]),
    "a judgement of the same version": lambda home, _: changed(record(home, "judgement", home.reviewer), 2, note="!"),
    "shared in somebody's place": lambda home, _: changed(record(home, "judgement", home.reviewer), 3, shared=True),
    "a name": lambda home, _: changed(record(home, "reviewer", home.reviewer), 2, name="somebody"),
    "a slice": lambda home, _: changed(record(home, "slice", home.reviewer), 2, rows=[3]),
    "replaced under one's own signature": lambda home, attacker: State.of(
        [resigned(attacker, record(home, "judgement", home.reviewer), 3, correct=[1])]
    ),
    "a new judgement in somebody's name": lambda home, attacker: State.of(
        [resigned(attacker, Record("1" * 32, "judgement", home.reviewer, Judgement(IMAGE).to_body()), 1)]
    ),
    "without a signature": lambda home, _: State.of(
        [Record("1" * 32, "judgement", home.reviewer, Judgement(IMAGE).to_body())]
    ),
    "a signature of another session": lambda _, attacker: State.of(
        [signatures.sign_record("9" * 32, attacker.code, kind="judgement", body=Judgement(IMAGE).to_body())]
    ),
    "a record named gone": lambda home, _: State.of([], [record(home, "judgement", home.reviewer).id]),
    "a reviewer named gone": lambda home, _: State.of([], [home.reviewer]),
    "one that is not there yet named gone": lambda _, __: State.of([], ["7" * 32]),
    "taken back under one's own signature": lambda home, attacker: (
        lambda r: State.of([signatures.removal(home.id, attacker.code, r.id, nonce=signatures.nonce_of(r))], [r.id])
    )(record(home, "judgement", home.reviewer)),
    "a reviewer taken back under one's own signature": lambda home, attacker: State.of(
        [signatures.removal(home.id, attacker.code, home.reviewer)], [home.reviewer]
    ),
    "a proof that is emptied": lambda home, _: changed(
        next(r for r in home.state.records.values() if r.kind == "removal"), 2, signed={}
    ),
    "a proof for something else": lambda home, _: changed(
        next(r for r in home.state.records.values() if r.kind == "removal"), 2, of=home.reviewer
    ),
    "the group's name for something changed": lambda home, _: changed(term(home), 2, name="x"),
    "the group's name for something frozen": lambda home, _: changed(term(home), MOST),
    "the agreement replaced": lambda home, _: changed(record(home, "agreement", ""), 2, text="we agree to all"),
    "the agreement frozen": lambda home, _: changed(record(home, "agreement", ""), MOST),
    "a new name under an id of its own": lambda _, __: State.of(
        [Record("5" * 32, "category", "", {"name": "x", "place": 9}, MOST)]
    ),
    "the group's own taken back": lambda home, _: State.of([], [term(home).id]),
    "what the session is about": lambda home, _: changed(home.state.records["", home.id], 2, title="mine now"),
    "signatures switched off": lambda home, _: changed(home.state.records["", home.id], 2, signed=False),
    "an image that is not there": lambda home, attacker: State.of(
        [signatures.sign_record(home.id, attacker.code, kind="judgement",
                                body=Judgement(Image("test", 99_999)).to_body())]
    ),
    "a class that is not there": lambda home, attacker: State.of(
        [signatures.sign_record(home.id, attacker.code, kind="judgement",
                                body=Judgement(IMAGE, correct=frozenset({77})).to_body())]
    ),
}  # fmt: skip


WHY = {
    "a judgement frozen": "after signing",
    "a judgement replaced": "after signing",
    "a judgement of the same version": "after signing",
    "shared in somebody's place": "after signing",
    "a name": "after signing",
    "a slice": "after signing",
    "replaced under one's own signature": "signed by somebody other than its author",
    "a new judgement in somebody's name": "signed by somebody other than its author",
    "without a signature": "not signed",
    "a signature of another session": "after signing",
    "a record named gone": "without its author's signature",
    "a reviewer named gone": "without its author's signature",
    "one that is not there yet named gone": "without its author's signature",
    "taken back under one's own signature": "signed by somebody other than its author",
    "a reviewer taken back under one's own signature": "signed by somebody other than its author",
    "a proof that is emptied": "not signed",
    "a proof for something else": "signed by somebody other than its author",
    "the group's name for something changed": "says something else than when it was made",
    "the group's name for something frozen": "changes not seen here",
    "a new name under an id of its own": "says something else than when it was made",
    "the agreement replaced": "says something else than when it was made",
    "the agreement frozen": "changes not seen here",
    "the group's own taken back": "something that belongs to the group",
    "what the session is about": "other images",
    "signatures switched off": "other images",
    "an image that is not there": "not 99999",
    "a class that is not there": "not 77",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_not_theirs_stays(attack: str, home: ReviewSession, attacker: ReviewSession, tmp_path: Path) -> None:
    state = ATTACKS[attack](home, attacker)
    before = home.state
    with pytest.raises(ReviewError, match=WHY[attack]):
        home.merge(state)
    assert home.refresh()
    assert home.state == before
    # The same by files, on the command line: after one's own, and before.
    mine = write_session(tmp_path / "mine.json", home.id, before)
    title = home.state.records["", home.id]
    theirs = State({title.key: title, **state.records}, state.gone)
    forged = write_session(tmp_path / "forged.json", home.id, theirs)
    for order in ([mine, forged], [forged, mine]):
        with pytest.raises(ReviewError):
            merged(order)


def test_what_is_theirs_is_taken_over(home: ReviewSession, attacker: ReviewSession) -> None:
    attacker.rename("somebody")
    attacker.judge(Judgement(Image("test", 9), note="also theirs"))
    new = attacker.add_term("category", "glare")
    home.merge(attacker.state)
    assert home.view.by_image()[IMAGE][attacker.reviewer].note == "theirs"
    assert home.view.categories[new].name == "glare"
    attacker.take_back(Image("test", 9))
    home.merge(attacker.state)
    assert Image("test", 9) not in home.view.by_image()
    gone = attacker.reviewer
    attacker.withdraw()
    home.merge(attacker.state)
    assert gone in home.state.gone
    assert gone not in home.view.by_image()[IMAGE]
    assert home.mine()[IMAGE].note == "mine, changed"


def test_a_third_copy_believes_the_second(home: ReviewSession, attacker: ReviewSession, tmp_path: Path) -> None:
    """Signatures and removals travel along: nobody needs the author's own file."""
    third = ReviewStore(tmp_path / "third.sqlite")
    title = home.state.records["", home.id]
    third.write(home.id, [r for r in home.state.records.values() if r.author == ""])
    there = ReviewSession(third, home.id)
    attacker.merge(home.state)
    path = write_session(tmp_path / "second.json", home.id, attacker.state)
    there.merge(read_session(path)[1])
    assert there.view.by_image()[IMAGE][home.reviewer].note == "mine, changed"
    home.withdraw()
    attacker.merge(home.state)
    there.merge(attacker.state)
    assert set(there.view.by_image()[IMAGE]) == {attacker.reviewer}
    assert title in there.state.records.values()


def test_limits_of_a_copy(home: ReviewSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_MOST_RECORDS", 3)
    with pytest.raises(ReviewError, match="more than 3 records"):
        home.merge(State.of([], [f"{n:032x}" for n in range(4)]))
    monkeypatch.setattr(merging, "_MOST_RECORDS", 100)
    monkeypatch.setattr(merging, "_MOST_REVIEWERS", 3)
    with pytest.raises(ReviewError, match="more than 3 reviewers"):
        home.merge(State.of(Record(f"{n:032x}", "shortfall", f"{n:032x}", {"text": ""}) for n in range(4)))


def test_a_session_of_before_is_merged_with_care(tmp_path: Path, small_suite: Suite) -> None:
    """Without signatures nobody can tell who takes something back, and that is said."""
    store = ReviewStore(tmp_path / "r.sqlite")
    made = ReviewSession.create(store, small_suite, "x")
    title = made.state.records["", made.id]
    old = ReviewStore(tmp_path / "old.sqlite")
    body = {key: value for key, value in title.body.items() if key != "signed"}
    old.write(made.id, [r for r in made.state.records.values() if r.kind != "session"])
    old.write(made.id, [Record(title.id, "session", "", body)])
    session = ReviewSession(old, made.id, code="a code")
    session.judge(Judgement(IMAGE, note="old"))
    assert "signed" not in json.dumps(
        session.state.records[session.reviewer, record(session, "judgement", session.reviewer).id].body
    )
    mine = record(session, "judgement", session.reviewer)
    with pytest.raises(ReviewError, match="changes not seen here"):
        session.merge(changed(mine, MOST))
    for gone in (mine.id, session.reviewer):
        with pytest.raises(ReviewError, match="version without signatures"):
            session.merge(State.of([], [gone]))
    session.merge(State.of([Record("1" * 32, "judgement", "f" * 32, Judgement(IMAGE).to_body())], ["2" * 32]))
    assert len(session.view.by_image()[IMAGE]) == 2
    again = ReviewSession(old, made.id, code="a code")
    assert again.mine()[IMAGE].note == "old"
    again.withdraw()
    assert len(again.view.by_image()[IMAGE]) == 1
